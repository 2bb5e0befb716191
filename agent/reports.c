// SPDX-License-Identifier: Apache-2.0
#include "reports.h"

#include "agent.h"
#include "base/log.h"
#include "report/report_subject.h"
#include "sources.h"

static bool is_ready(void *arg)
{
	const struct agent *agent = arg;

	return agent->control && sources_are_synced(agent, API_NEEDS_ALL) && !agent->waiting &&
	       reconcile_in_force(agent->rec);
}

static const char *version_of(void *arg, const struct api_kind *kind)
{
	const struct agent *agent = arg;

	return api_source_version(agent->api, kind->kind);
}

/* "Service shop/front: what is wrong": the object, as a subject is written, apart from the rest. */
static void tell_service(const struct service_problem *problem, report_problem_fn *fn, void *to)
{
	struct report_subject subject;
	const char *rest;
	char object[REPORT_NAMESPACE_MAX + REPORT_NAME_MAX + 32];

	if (report_subject_read(&subject, problem->text, &rest) < 0)
		return;
	snprintf(object, sizeof(object), "%.*s", (int)(rest - problem->text - 2), problem->text);
	fn(to, object, "", rest, problem->warning);
}

static void each_problem(void *arg, report_problem_fn *fn, void *to)
{
	const struct agent *agent = arg;
	const struct manifest_problem *problems;
	char node[REPORT_NAME_MAX + 8];
	size_t count;

	if (agent->problem[0]) {
		snprintf(node, sizeof(node), "Node %s", agent->config.node_name);
		fn(to, node, "", agent->problem, false);
	}
	problems = problems_list(agent, &count);
	for (size_t i = 0; i < count; i++)
		fn(to, problems[i].object, problems[i].field, problems[i].text, problems[i].warning);
	for (size_t i = 0; i < agent->service_problems.count; i++)
		tell_service(&agent->service_problems.items[i], fn, to);
}

int reports_open(struct agent *agent)
{
	struct report_host host = {
		.arg = agent,
		.node = agent->config.node_name,
		.taint = agent->config.node_taint,
		.store = agent->store,
		.is_ready = is_ready,
		.version = version_of,
		.each_problem = each_problem,
	};
	int r;

	if (!agent->api)
		return 0;
	host.http = api_source_http(agent->api);
	r = report_new(&agent->report, agent->base, &host);
	return r < 0 ? log_error_errno(r, "reports to the API server") : 0;
}

void reports_close(struct agent *agent)
{
	report_free(agent->report);
	agent->report = NULL;
}
