// SPDX-License-Identifier: Apache-2.0
/* GET /v1/status: the health of the node on one screen. */
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "control/queries.h"
#include "control/status_tables.h"
#include "patrol.h"
#include "problems.h"
#include "uplink.h"

static json_t *cidrs_to_json(const struct agent *agent)
{
	char text[PREFIX_TEXT_MAX];
	json_t *list = json_array();

	for (int family = 0; family < FAMILY_MAX; family++)
		if (agent->pools[family])
			json_array_append_new(list, json_string(prefix_text(text,
						ipam_pool_prefix(agent->pools[family]))));
	return list;
}

static json_t *ips_to_json(const struct ip_addr *ips, size_t count)
{
	char text[ADDR_TEXT_MAX];
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		if (!ip_addr_is_none(&ips[i]))
			json_array_append_new(list, json_string(addr_text(text, &ips[i])));
	return list;
}

static json_t *xdp_to_json(const struct agent *agent)
{
	const struct uplink_xdp *xdp = uplink_xdp(agent);

	return json_pack("{s:s,s:s,s:s}", "wanted", xdp_wanted_name(agent->config.xdp), "mode",
			 xdp_mode_name(xdp->mode), "error", xdp->problem);
}

static json_t *outside_to_json(const struct agent *agent)
{
	return json_pack("{s:o,s:o,s:[i,i],s:s,s:o}", "addresses",
			 ips_to_json(agent->node_ips, FAMILY_MAX), "nodePortAddresses",
			 ips_to_json(agent->node_port_ips, agent->node_port_ip_count),
			 "sourcePorts", agent->config.source_port_first,
			 agent->config.source_port_last, "forwarding",
			 agent->config.direct ? "dsr" : "snat", "xdp", xdp_to_json(agent));
}

static json_t *masquerade_to_json(const struct agent *agent)
{
	char addr[ADDR_TEXT_MAX], device[IF_NAMESIZE];
	json_t *list = json_array();

	for (size_t i = 0; i < agent->masquerade_source_count; i++) {
		const struct masquerade_source *source = &agent->masquerade_sources[i];

		json_array_append_new(list, json_pack("{s:s,s:s}", "address",
						      addr_text(addr, &source->addr), "device",
						      if_indextoname(source->ifindex, device) ?: ""));
	}
	return json_pack("{s:b,s:o}", "enabled", agent->config.masquerade, "sources", list);
}

static json_t *endpoints_to_json(const struct agent *agent)
{
	int counts[POD_LEAVING + 1] = {};
	struct pod_endpoint *ep;

	for (uint32_t pos = 0; (ep = endpoints_next(&agent->endpoints, &pos));)
		counts[ep->state]++;
	return json_pack("{s:i,s:i,s:i}", "ready", counts[POD_READY], "reserved",
			 counts[POD_RESERVED] + counts[POD_ATTACHING], "leaving",
			 counts[POD_LEAVING]);
}

static json_t *addresses_to_json(const struct agent *agent)
{
	char text[PREFIX_TEXT_MAX];
	json_t *list = json_array();

	for (int family = 0; family < FAMILY_MAX; family++) {
		struct ipam_pool *pool = agent->pools[family];

		if (pool)
			json_array_append_new(
				list, json_pack("{s:s,s:I,s:I}", "cidr",
						prefix_text(text, ipam_pool_prefix(pool)), "used",
						(json_int_t)ipam_pool_used(pool), "available",
						(json_int_t)ipam_pool_available(pool)));
	}
	return list;
}

static json_t *policy_to_json(const struct agent *agent)
{
	const struct image *image = reconcile_image(agent->rec);

	return json_pack("{s:b,s:s,s:I,s:I,s:I,s:I,s:I,s:I}", "inForce",
			 reconcile_in_force(agent->rec), "error", agent->problem, "storeVersion",
			 (json_int_t)store_policy_version(agent->store), "appliedVersion",
			 (json_int_t)agent->applied_version, "rulesets",
			 (json_int_t)image->ruleset_count,
			 "classes", (json_int_t)image->class_count, "peers",
			 (json_int_t)image->peer_count, "appliedMicroseconds",
			 (json_int_t)agent->applied_us);
}

static json_t *prefixes_to_json(const struct prefix *list, size_t count)
{
	char text[PREFIX_TEXT_MAX];
	json_t *ret = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(ret, json_string(prefix_text(text, &list[i])));
	return ret;
}

static json_t *services_to_json(const struct agent *agent)
{
	const struct service_problems *problems = &agent->service_problems;
	json_t *items = json_array();
	size_t more;

	for (size_t i = 0; i < problems->count && i < PROBLEMS_SHOWN_MAX; i++)
		json_array_append_new(items, json_pack("{s:s,s:b}", "text", problems->items[i].text,
						       "warning", problems->items[i].warning));
	more = problems->count - json_array_size(items);
	return json_pack("{s:I,s:I,s:o,s:I,s:o,s:I}", "services",
			 (json_int_t)store_count(agent->store, OBJECT_SERVICE), "endpointSlices",
			 (json_int_t)store_count(agent->store, OBJECT_ENDPOINT_SLICE), "cidrs",
			 prefixes_to_json(agent->service_cidrs.list, agent->service_cidrs.count),
			 "appliedMicroseconds", (json_int_t)agent->services_us, "problems", items,
			 "moreProblems", (json_int_t)more);
}

static void add_text(const char *text, void *arg)
{
	json_array_append_new(arg, json_pack("{s:s,s:b}", "text", text, "warning", 0));
}

static json_t *nodes_to_json(const struct agent *agent)
{
	json_t *problems = json_array();

	nodes_each_problem(agent, add_text, problems);
	return json_pack("{s:I,s:s,s:I,s:o}", "nodes",
			 (json_int_t)store_count(agent->store, OBJECT_NODE), "routingMode",
			 routing_mode_name(agent->config.routing_mode), "routes",
			 (json_int_t)agent->nodes.wanted.count, "problems", problems);
}

static json_t *sockets_to_json(const struct agent *agent)
{
	return json_pack("{s:s,s:s}", "services",
			 socket_services_name(agent->config.socket_services), "error",
			 agent->socket_problem);
}

static void count_problem(const char *text, void *arg)
{
	++*(size_t *)arg;
}

static bool has_errors(const struct agent *agent)
{
	const struct manifest_problem *problems;
	size_t count = 0;

	nodes_each_problem(agent, count_problem, &count);
	if (count)
		return true;
	for (size_t i = 0; i < agent->service_problems.count; i++)
		if (!agent->service_problems.items[i].warning)
			return true;
	problems = problems_list(agent, &count);
	for (size_t i = 0; i < count; i++)
		if (!problems[i].warning)
			return true;
	return false;
}

int query_status(json_t **ret, struct agent *agent, const json_t *body, const char *tail,
		 struct fault *fault)
{
	bool healthy = reconcile_in_force(agent->rec) && !agent->problem[0] && !has_errors(agent);
	int64_t uptime = (clock_ms() - agent->started_ms) / 1000;
	int r;

	*ret = json_pack("{s:s,s:s,s:b,s:I,s:I,s:o,s:o,s:o,s:o,s:s,s:i,s:o,s:o,s:o,s:o,s:o,s:o,s:o}",
			 "version", WEIR_VERSION, "node", agent->config.node_name, "healthy", healthy,
			 "generation", (json_int_t)datapath_state(agent->dp)->generation,
			 "uptimeSeconds", (json_int_t)uptime, "podCidrs", cidrs_to_json(agent),
			 "nodes", nodes_to_json(agent), "outside", outside_to_json(agent), "masquerade",
			 masquerade_to_json(agent), "uplink", agent->uplinks[0].name, "mtu",
			 (int)uplink_mtu(agent), "endpoints",
			 endpoints_to_json(agent), "addresses", addresses_to_json(agent), "sources",
			 sources_to_json(agent), "policy", policy_to_json(agent), "services",
			 services_to_json(agent), "sockets", sockets_to_json(agent), "maps",
			 status_maps(agent));
	if (!*ret)
		return fault_errno(fault, FAULT_KERNEL, -ENOMEM, "status", "%s", "answer");
	json_object_set_new(*ret, "drift", patrol_to_json(agent));
	r = status_counters(*ret, agent);
	if (r < 0) {
		json_decref(take_ptr(ret));
		return fault_errno(fault, FAULT_KERNEL, r, "counters cannot be read", "%s", "metric");
	}
	return 0;
}
