// SPDX-License-Identifier: Apache-2.0
#include "control/status_tables.h"

#include "weir/reason.h"

/* Entries of the maps that this agent fills; it knows them without asking the kernel. */
static void count_entries(json_int_t used[static DATAPATH_MAP_MAX], const struct agent *agent)
{
	const struct image *image = reconcile_image(agent->rec);

	used[MAP_ENDPOINT] = (json_int_t)agent->endpoints.count;
	used[MAP_RULESET] = (json_int_t)image->ruleset_count;
	used[MAP_POLICY_BITS] = (json_int_t)image->row_count;
	for (size_t i = 0; i < image->peer_count; i++)
		used[ip_addr_is_v4(&image->peers[i].addr) ? MAP_PEER4 : MAP_PEER6]++;
	for (size_t i = 0; i < image->ruleset_count; i++) {
		const struct image_ruleset *set = &image->rulesets[i];

		used[MAP_POLICY_CLASS] += (json_int_t)set->class_count;
		used[MAP_POLICY_PORT] += (json_int_t)set->port_count;
		for (size_t j = 0; j < set->cidr_count; j++)
			used[ip_addr_is_v4(&set->cidrs[j].prefix.addr) ? MAP_POLICY_CIDR4 :
									 MAP_POLICY_CIDR6]++;
	}
}

/* The datapath's own tables: as they were when their flows were last looked through. */
static void count_flows(json_int_t used[static DATAPATH_MAP_MAX], const struct agent *agent)
{
	used[MAP_CT4] = expiry_count(agent->expiry, CT_TABLE_4);
	used[MAP_CT6] = expiry_count(agent->expiry, CT_TABLE_6);
	used[MAP_CT4_NEW] = expiry_count(agent->expiry, CT_TABLE_4_NEW);
	used[MAP_CT6_NEW] = expiry_count(agent->expiry, CT_TABLE_6_NEW);
}

/* Tables whose entries are counted. */
static bool is_counted(enum datapath_map map)
{
	return (map >= MAP_ENDPOINT && map <= MAP_CT6_NEW) ||
	       (map >= MAP_FRONTEND4 && map <= MAP_SERVICE_RANGE6);
}

json_t *status_maps(const struct agent *agent)
{
	json_int_t used[DATAPATH_MAP_MAX] = {};
	json_t *list = json_array();

	count_entries(used, agent);
	count_flows(used, agent);
	for (int map = MAP_FRONTEND4; agent->service_writer && map <= MAP_SERVICE_RANGE6; map++)
		used[map] = service_writer_used(agent->service_writer, (enum datapath_map)map);
	for (int map = 0; map < DATAPATH_MAP_MAX; map++) {
		if (!is_counted((enum datapath_map)map))
			continue;
		json_array_append_new(
			list, json_pack("{s:s,s:I,s:I}", "name",
					datapath_map_name((enum datapath_map)map), "entries",
					used[map], "max",
					(json_int_t)datapath_map_entries_max(
						agent->dp, (enum datapath_map)map)));
	}
	return list;
}

static json_t *metric_to_json(const struct metric *metrics, enum drop_reason reason,
			      enum policy_dir dir)
{
	const struct metric *metric = &metrics[metric_index(reason, dir)];

	return json_pack("{s:I,s:I}", "packets", (json_int_t)metric->packets, "bytes",
			 (json_int_t)metric->bytes);
}

static const char *const reason_names[DROP_REASON_MAX] = {
#define X(name, number, text) [number] = #name,
	DROP_REASONS(X)
#undef X
};

static const char *const reason_texts[DROP_REASON_MAX] = {
#define X(name, number, text) [number] = text,
	DROP_REASONS(X)
#undef X
};

int status_counters(json_t *answer, const struct agent *agent)
{
	struct metric metrics[METRIC_MAX];
	json_t *drops, *in, *out;
	int r;

	r = datapath_metrics(agent->dp, metrics);
	if (r < 0)
		return r;
	drops = json_array();
	for (int reason = DROP_NONE; reason < DROP_REASON_MAX; reason++) {
		in = metric_to_json(metrics, (enum drop_reason)reason, POLICY_INGRESS);
		out = metric_to_json(metrics, (enum drop_reason)reason, POLICY_EGRESS);
		if (reason == DROP_NONE)
			json_object_set_new(answer, "passed",
					    json_pack("{s:o,s:o}", "ingress", in, "egress", out));
		else
			json_array_append_new(drops, json_pack("{s:s,s:i,s:s,s:o,s:o}", "reason",
							       reason_names[reason], "number",
							       reason, "text", reason_texts[reason],
							       "ingress", in, "egress", out));
	}
	json_object_set_new(answer, "drops", drops);
	return 0;
}
