// SPDX-License-Identifier: Apache-2.0
/* Where objects come from, what is known, and what is wrong with it. */
#include "control/queries.h"
#include "problems.h"

static json_t *problem_to_json(const struct manifest_problem *problem)
{
	return json_pack("{s:s,s:i,s:i,s:s,s:s,s:s,s:b}", "file", problem->file, "document",
			 (int)problem->document, "line", (int)problem->line, "object",
			 problem->object, "field", problem->field, "text", problem->text, "warning",
			 problem->warning);
}

/* {}: it may be asked for. */
static json_t *refusal_to_json(const struct api_refusal *refusal)
{
	if (!refusal->verb)
		return json_object();
	return json_pack("{s:s,s:s}", "verb", refusal->verb, "account", refusal->account);
}

static json_t *kind_to_json(const struct api_kind_status *kind)
{
	static const char *const states[] = {
		[API_KIND_WAITING] = "waiting",
		[API_KIND_LISTING] = "listing",
		[API_KIND_WATCHING] = "watching",
		[API_KIND_ABSENT] = "absent",
	};

	return json_pack("{s:s,s:s,s:b,s:b,s:I,s:o,s:I}", "name", kind->plural, "state",
			 states[kind->state], "synced", kind->is_synced, "fromCopy",
			 kind->is_recalled, "objects", (json_int_t)kind->objects, "forbidden",
			 refusal_to_json(kind->refusal), "refusals",
			 (json_int_t)kind->refusal->count);
}

static json_t *api_to_json(const struct agent *agent)
{
	const struct api_source *api = agent->api;
	json_t *kinds = json_array();
	struct api_kind_status kind;

	for (size_t i = 0; api_source_kind(&kind, api, i); i++)
		json_array_append_new(kinds, kind_to_json(&kind));
	return json_pack("{s:s,s:s,s:b,s:b,s:b,s:s,s:o}", "kind", "apiServer", "path",
			 api_source_server(api), "ready",
			 api_source_is_ready(api, API_NEED_POLICY), "servicesReady",
			 api_source_is_ready(api, API_NEED_SERVICES), "synced",
			 api_source_is_synced(api, API_NEEDS_ALL), "reports",
			 report_problem(agent->report), "kinds", kinds);
}

static json_t *manifests_to_json(const struct agent *agent)
{
	return json_pack("{s:s,s:s,s:I}", "kind", "manifests", "path", agent->config.manifests,
			 "files", (json_int_t)manifest_files(agent->manifest));
}

static void add_problems(json_t *source, const struct agent *agent)
{
	const struct manifest_problem *problems;
	json_t *items = json_array();
	size_t count, more = 0;

	problems = problems_list(agent, &count);
	for (size_t i = 0; i < count && i < PROBLEMS_SHOWN_MAX; i++)
		json_array_append_new(items, problem_to_json(&problems[i]));
	if (count > PROBLEMS_SHOWN_MAX)
		more = count - PROBLEMS_SHOWN_MAX;
	json_object_set_new(source, "problems", items);
	json_object_set_new(source, "moreProblems", json_integer((json_int_t)more));
}

json_t *sources_to_json(const struct agent *agent)
{
	json_t *list = json_array(), *source;
	size_t objects = 0;

	if (!agent->manifest && !agent->api)
		return list;
	for (int kind = 0; kind < OBJECT_KIND_MAX; kind++)
		objects += store_count(agent->store, (enum object_kind)kind);
	source = agent->api ? api_to_json(agent) : manifests_to_json(agent);
	json_object_set_new(source, "objects", json_integer((json_int_t)objects));
	add_problems(source, agent);
	json_array_append_new(list, source);
	return list;
}
