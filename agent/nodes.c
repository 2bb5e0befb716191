// SPDX-License-Identifier: Apache-2.0
#include "nodes.h"

#include <errno.h>
#include <string.h>

#include "agent.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "cidrs.h"
#include "masquerade.h"
#include "sources.h"

#define CHECK_MS 1000

static void check_later(struct agent *agent)
{
	const struct timeval later = { .tv_sec = CHECK_MS / 1000 };

	if (!evtimer_pending(agent->nodes.check, NULL))
		evtimer_add(agent->nodes.check, &later);
}

/* True: the subnets are others than before. */
static bool read_subnets(struct agent *agent)
{
	struct nodes *nodes = &agent->nodes;
	struct net_subnet *subnets;
	size_t count;
	bool changed;
	int r;

	r = net_subnets(&subnets, &count, agent->net);
	if (r < 0) {
		log_warn_errno(r, "the subnets of this node cannot be read");
		check_later(agent);
		return false;
	}
	changed = count != nodes->subnet_count ||
		  (count && memcmp(subnets, nodes->subnets, count * sizeof(*subnets)));
	free(nodes->subnets);
	nodes->subnets = subnets;
	nodes->subnet_count = count;
	return changed;
}

static int compute(struct node_routes *ret, struct agent *agent)
{
	struct node_routes_input input = {
		.store = agent->store,
		.node_name = agent->config.node_name,
		.mode = agent->config.routing_mode,
		.host_ips = agent->host_ips,
		.host_ip_count = agent->host_ip_count,
		.has_ip4 = !ip_addr_is_none(&agent->node_ips[FAMILY_IP4]),
		.has_ip6 = !ip_addr_is_none(&agent->node_ips[FAMILY_IP6]),
	};
	cleanup(freep) struct node_subnet *subnets = NULL;
	cleanup(freep) struct prefix *own = NULL;
	int r;

	subnets = calloc(agent->nodes.subnet_count + 1, sizeof(*subnets));
	if (!subnets)
		return -ENOMEM;
	for (size_t i = 0; i < agent->nodes.subnet_count; i++)
		subnets[i] = (struct node_subnet){ agent->nodes.subnets[i].prefix,
						   agent->nodes.subnets[i].ifindex };
	input.subnets = subnets;
	input.subnet_count = agent->nodes.subnet_count;
	r = cidrs_list(&own, &input.own_cidr_count, agent);
	input.own_cidrs = own;
	return r ?: node_routes_compute(ret, &input);
}

/* By a tunnel the node itself speaks as the gateway of its pods, so that answers come by it too. */
static struct net_node_route kernel_route(const struct agent *agent, const struct node_route *route)
{
	const struct ipam_pool *pool =
		agent->pools[ip_addr_is_v4(&route->cidr.addr) ? FAMILY_IP4 : FAMILY_IP6];

	if (route->ifindex)
		return (struct net_node_route){ .cidr = route->cidr, .via = route->via,
						.ifindex = route->ifindex };
	return (struct net_node_route){
		.cidr = route->cidr,
		.src = pool ? ipam_pool_gateway(pool) : IP_ADDR_NONE,
		.ifindex = agent->overlay.ifindex,
	};
}

static bool same_route(const struct net_node_route *a, const struct net_node_route *b)
{
	return ip_addr_equal(&a->via, &b->via) && ip_addr_equal(&a->src, &b->src) &&
	       a->ifindex == b->ifindex;
}

static int compare_routes(const void *a, const void *b)
{
	const struct net_node_route *x = a, *y = b;

	return prefix_compare(&x->cidr, &y->cidr);
}

static void put_route(struct agent *agent, const struct node_route *wanted,
		      const struct net_node_route *route, bool known)
{
	char cidr[PREFIX_TEXT_MAX], via[ADDR_TEXT_MAX];
	int r = net_node_route_put(agent->net, route, known);

	prefix_text(cidr, &wanted->cidr);
	addr_text(via, &wanted->via);
	if (!r) {
		log_info("pod CIDR %s is reached by %s%s", cidr, wanted->ifindex ? "" : "a tunnel to ",
			 via);
		return;
	}
	texts_add(&agent->nodes.problems, "the route to pod CIDR %s by %s cannot be made: %s", cidr,
		  via, r == -EEXIST ? "there is one of somebody else with the same metric" :
				      strerror(-r));
	check_later(agent);
}

static void remove_route(struct agent *agent, const struct net_node_route *route)
{
	char cidr[PREFIX_TEXT_MAX];
	int r = net_node_route_del(agent->net, route);

	prefix_text(cidr, &route->cidr);
	if (!r) {
		log_info("the route to pod CIDR %s is removed", cidr);
		return;
	}
	texts_add(&agent->nodes.problems, "the route to pod CIDR %s cannot be removed: %s", cidr,
		  strerror(-r));
	check_later(agent);
}

/* Both in order: what is on one side only is new, or goes. */
static void apply_routes(struct agent *agent, struct net_node_route *there, size_t count)
{
	const struct node_routes *wanted = &agent->nodes.wanted;
	bool synced = sources_are_synced(agent, API_NEED_POLICY);
	size_t i = 0, j = 0;

	qsort(there, count, sizeof(*there), compare_routes);
	while (i < wanted->count || j < count) {
		int order = i == wanted->count ? 1 : j == count ? -1 :
			    prefix_compare(&wanted->routes[i].cidr, &there[j].cidr);
		struct net_node_route route;

		/* What is not known yet may be missing from the objects. */
		if (order > 0) {
			if (synced)
				remove_route(agent, &there[j]);
			j++;
			continue;
		}
		route = kernel_route(agent, &wanted->routes[i]);
		if (order < 0 || !same_route(&route, &there[j]))
			put_route(agent, &wanted->routes[i], &route, !order);
		i++;
		j += !order;
	}
}

static void apply(struct agent *agent)
{
	cleanup(freep) struct net_node_route *there = NULL;
	size_t count;
	int r;

	r = net_node_routes(&there, &count, agent->net);
	if (r < 0) {
		texts_add(&agent->nodes.problems, "the routes to other nodes cannot be read: %s",
			  strerror(-r));
		check_later(agent);
		return;
	}
	apply_routes(agent, there, count);
}

static bool same_cidrs(const struct node_routes *a, const struct node_routes *b)
{
	if (a->cidr_count != b->cidr_count)
		return false;
	for (size_t i = 0; i < a->cidr_count; i++)
		if (prefix_compare(&a->cidrs[i], &b->cidrs[i]))
			return false;
	return true;
}

static void say_new(const struct texts *problems, const struct texts *before)
{
	for (size_t i = 0; i < problems->count; i++) {
		bool said = false;

		for (size_t j = 0; !said && j < before->count; j++)
			said = !strcmp(problems->items[i], before->items[j]);
		if (!said)
			log_error("%s", problems->items[i]);
	}
}

/* New routes, from objects that are known. */
static void update(struct agent *agent)
{
	struct nodes *nodes = &agent->nodes;
	cleanup(texts_done) struct texts problems = nodes->problems;
	struct node_routes wanted, former = nodes->wanted;
	bool known = nodes->known;

	nodes->problems = (struct texts){};
	cidrs_update(agent, &nodes->problems);
	if (compute(&wanted, agent) < 0) {
		texts_add(&nodes->problems, "routes to other nodes cannot be computed: no memory");
		check_later(agent);
		return;
	}
	nodes->wanted = wanted;
	nodes->known = true;
	overlay_update(agent, &wanted, &nodes->problems);
	apply(agent);
	say_new(&nodes->problems, &problems);
	say_new(&wanted.problems, &former.problems);
	if (!known || !same_cidrs(&wanted, &former))
		masquerade_follow(agent);
	node_routes_done(&former);
}

void nodes_update(struct agent *agent)
{
	uint64_t version = store_kind_version(agent->store, OBJECT_NODE);
	struct nodes *nodes = &agent->nodes;
	bool changed = read_subnets(agent);

	if (!sources_are_ready(agent, API_NEED_POLICY))
		return;
	if (nodes->known && !changed && version == nodes->version)
		return;
	nodes->version = version;
	update(agent);
}

void nodes_check_soon(struct agent *agent)
{
	nodes_update(agent);
	check_later(agent);
}

static void on_check(evutil_socket_t fd, short what, void *arg)
{
	struct agent *agent = arg;

	read_subnets(agent);
	if (sources_are_ready(agent, API_NEED_POLICY))
		update(agent);
}

int nodes_open(struct agent *agent)
{
	agent->nodes.check = evtimer_new(agent->base, on_check, agent);
	return agent->nodes.check ? 0 : -ENOMEM;
}

void nodes_close(struct agent *agent)
{
	if (agent->nodes.check)
		event_free(agent->nodes.check);
	node_routes_done(&agent->nodes.wanted);
	texts_done(&agent->nodes.problems);
	free(agent->nodes.subnets);
}

void nodes_each_problem(const struct agent *agent, void (*fn)(const char *text, void *arg),
			void *arg)
{
	const struct texts *lists[] = { &agent->nodes.wanted.problems, &agent->nodes.problems };

	for (int l = 0; l < 2; l++)
		for (size_t i = 0; i < lists[l]->count; i++)
			fn(lists[l]->items[i], arg);
}
