// SPDX-License-Identifier: Apache-2.0
#include "sources.h"

#include "base/heap.h"
#include "base/log.h"
#include "policy.h"
#include "problems.h"
#include "services.h"

static void on_objects(void *arg)
{
	policy_on_objects(arg);
}

static void on_look(void *arg)
{
	problems_log(arg);
	heap_trim();
}

static int open_api(struct agent *agent, const struct manifest_listener *listener)
{
	const struct config *config = &agent->config;
	char error[API_CONFIG_ERROR_MAX];
	struct api_config api;
	int r;

	r = api_config_load(&api, config->kubeconfig, API_POD_DIR, config->api_servers,
			    config->api_server_count, error);
	if (r < 0 && error[0]) {
		log_error("%s", error);
		return r;
	}
	r = r ?: api_source_new(&agent->api, agent->base, agent->store, &api, config->state_dir,
				&api_timing_default, listener);
	return r < 0 ? log_error_errno(r, "API server") : 0;
}

static int open_manifests(struct agent *agent, const struct manifest_listener *listener)
{
	const struct config *config = &agent->config;
	int r = manifest_new(&agent->manifest, agent->base, agent->store, config->manifests,
			     config->state_dir, listener);

	return r < 0 ? log_error_errno(r, "manifests %s", config->manifests) : 0;
}

int sources_open(struct agent *agent)
{
	const struct manifest_listener listener = {
		.arg = agent,
		.changed = on_objects,
		.looked = on_look,
	};
	int r = store_new(&agent->store);

	r = r ?: agent_services_open(agent);
	if (!r && agent->config.manifests)
		r = open_manifests(agent, &listener);
	else if (!r && config_uses_api(&agent->config))
		r = open_api(agent, &listener);
	if (r < 0)
		return r;
	problems_log(agent);
	return 0;
}
