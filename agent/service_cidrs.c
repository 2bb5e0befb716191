// SPDX-License-Identifier: Apache-2.0
#include "service_cidrs.h"

#include "reconcile/service_cidrs.h"

static void find(struct service_cidrs *ret, const struct agent *agent)
{
	const struct config *config = &agent->config;

	/* As many as may be configured have room. */
	for (size_t i = 0; i < config->service_cidr_count; i++)
		service_cidrs_add(ret, &config->service_cidrs[i]);
}

bool service_cidrs_apply(struct agent *agent)
{
	struct service_cidrs cidrs = {};

	find(&cidrs, agent);
	if (agent->service_cidrs_known && service_cidrs_equal(&cidrs, &agent->service_cidrs))
		return false;
	agent->service_cidrs = cidrs;
	agent->service_cidrs_known = true;
	return service_cidrs_write(agent->dp, &cidrs);
}

bool service_cidrs_heal(struct agent *agent)
{
	return agent->service_cidrs_known && service_cidrs_write(agent->dp, &agent->service_cidrs);
}
