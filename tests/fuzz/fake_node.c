// SPDX-License-Identifier: Apache-2.0
#include "fake_node.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "endpoint/lifecycle.h"
#include "fake_kernel.h"
#include "fuzz.h"
#include "policy.h"
#include "scratch.h"
#include "unit/model/objects_make.h"

static struct agent *the_agent;

static void add_objects(struct store *store)
{
	struct object *closed = make_policy("default", "closed", "app=web", "ie");

	add_cidr(add_rule(closed, POLICY_INGRESS), "10.0.0.0/8", "10.9.0.4/30");
	PROMISE(!store_put(store, closed));
	PROMISE(!store_put(store, make_namespace("default", "x=1")));
	PROMISE(!store_put(store, make_pod("default", "web", "here", "app=web", "", "http/tcp=80")));
}

struct agent *fake_node(void)
{
	static const char *const cidrs[] = { "10.9.0.0/28", "fd09::/120" };
	struct agent *agent = the_agent;

	if (agent)
		return agent;
	agent = the_agent = calloc(1, sizeof(*agent));
	PROMISE(agent && (agent->base = event_base_new()));
	agent->config.run_dir = strdup(scratch_dir());
	agent->config.state_dir = strdup(scratch_dir());
	agent->config.node_name = strdup("here");
	agent->refresh = evtimer_new(agent->base, policy_on_refresh, agent);
	agent->settle = evtimer_new(agent->base, policy_on_settle, agent);
	endpoints_init(&agent->endpoints, 1);
	for (int family = 0; family < FAMILY_MAX; family++) {
		agent->config.pod_cidrs[family] = make_prefix(cidrs[family]);
		PROMISE(!ipam_pool_new(&agent->pools[family], &agent->config.pod_cidrs[family]));
	}
	agent->config.pod_cidr_count = FAMILY_MAX;
	PROMISE(!store_new(&agent->store));
	add_objects(agent->store);
	fake_kernel_begin(&agent->endpoints);
	log_set_level(LOG_LEVEL_ERROR - 1);
	return agent;
}

void fake_node_turn(void)
{
	uint32_t purged[ENDPOINT_SLOTS];
	size_t count;

	event_base_loop(the_agent->base, EVLOOP_NONBLOCK);
	count = fake_kernel_purge(purged);
	endpoint_on_purged(purged, count, the_agent);
}

void fake_node_reset(void)
{
	struct agent *agent = fake_node();
	struct pod_endpoint *ep;

	fake_kernel_heals();
	for (uint32_t pos = 0; (ep = endpoints_next(&agent->endpoints, &pos));)
		if (ep->state != POD_LEAVING)
			endpoint_leave(agent, ep);
	PROMISE(!policy_apply(agent));
	for (int i = 0; i < 3 && agent->endpoints.count; i++)
		fake_node_turn();
	PROMISE(!agent->endpoints.count);
	for (int family = 0; family < FAMILY_MAX; family++)
		PROMISE(!ipam_pool_used(agent->pools[family]));
}

static void check_endpoint(const struct pod_endpoint *ep)
{
	const struct pod_endpoint *other;

	PROMISE(endpoints_at(&the_agent->endpoints, ep->ifindex) == ep);
	for (uint32_t pos = 0; (other = endpoints_next(&the_agent->endpoints, &pos));)
		for (int family = 0; other != ep && family < FAMILY_MAX; family++)
			PROMISE(ip_addr_is_none(&ep->ips[family]) ||
				!ip_addr_equal(&ep->ips[family], &other->ips[family]));
	if (ep->state == POD_READY)
		PROMISE(fake_kernel_guards(ep->ifindex));
	else
		PROMISE(!reconcile_endpoint(NULL, ep->ifindex));
}

void fake_node_check(void)
{
	const struct pod_endpoint *ep;
	size_t held[FAMILY_MAX] = {};

	for (uint32_t pos = 0; (ep = endpoints_next(&the_agent->endpoints, &pos));) {
		check_endpoint(ep);
		for (int family = 0; family < FAMILY_MAX; family++)
			held[family] += ipam_pool_contains(the_agent->pools[family],
							   &ep->ips[family]);
	}
	for (int family = 0; family < FAMILY_MAX; family++)
		PROMISE(ipam_pool_used(the_agent->pools[family]) == held[family]);
}
