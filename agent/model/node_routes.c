// SPDX-License-Identifier: Apache-2.0
#include "model/node_routes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/node_conflicts.h"

struct build {
	const struct node_routes_input *input;
	struct node_routes *ret;
	struct other_node *others;
	size_t other_count;
};

static void build_done(struct build *build)
{
	free(build->others);
}

const char *routing_mode_name(enum routing_mode mode)
{
	static const char *const names[ROUTING_MODE_MAX] = {
		[ROUTING_NATIVE] = "native",
		[ROUTING_VXLAN] = "vxlan",
		[ROUTING_AUTO] = "auto",
	};

	return names[mode];
}

void node_routes_done(struct node_routes *routes)
{
	texts_done(&routes->problems);
	free(routes->routes);
	free(routes->addresses);
	free(routes->cidrs);
	*routes = (struct node_routes){};
}

/* The link to @addr, 0: there is a router between. */
static uint32_t find_link(const struct node_routes_input *input, const struct ip_addr *addr)
{
	const struct node_subnet *best = NULL;

	for (size_t i = 0; i < input->host_ip_count; i++)
		if (ip_addr_equal(&input->host_ips[i], addr))
			return 0;
	for (size_t i = 0; i < input->subnet_count; i++)
		if (prefix_contains(&input->subnets[i].prefix, addr) &&
		    (!best || input->subnets[i].prefix.bits > best->prefix.bits))
			best = &input->subnets[i];
	return best ? best->ifindex : 0;
}

static bool route_native(struct node_route *ret, const struct build *build, const struct node *node)
{
	for (size_t i = 0; i < node->internal_count; i++) {
		if (ip_addr_is_v4(&node->ips[i]) != ip_addr_is_v4(&ret->cidr.addr))
			continue;
		ret->via = node->ips[i];
		ret->ifindex = find_link(build->input, &node->ips[i]);
		if (ret->ifindex)
			return true;
	}
	return false;
}

/* The same for both CIDRs: IPv4 where both nodes have it, which costs less of each packet. */
static bool route_tunnel(struct node_route *ret, const struct build *build, const struct node *node)
{
	const bool usable[] = { build->input->has_ip4, build->input->has_ip6 };

	ret->ifindex = 0;
	for (int family = 0; family < 2; family++)
		for (size_t i = 0; usable[family] && i < node->internal_count; i++)
			if (ip_addr_is_v4(&node->ips[i]) == !family) {
				ret->via = node->ips[i];
				return true;
			}
	return false;
}

static void add_addresses(struct build *build, const struct node *node, const struct ip_addr *via)
{
	struct node_routes *ret = build->ret;

	for (size_t i = 0; i < node->ip_count; i++) {
		struct prefix host = { node->ips[i], ip_addr_is_v4(&node->ips[i]) ? 32 : 128 };

		ret->addresses[ret->address_count++] = (struct node_route){ host, *via, 0 };
	}
}

/* In native mode the network knows the way where there is no route. */
static int route_node(struct build *build, const struct object *obj)
{
	enum routing_mode mode = build->input->mode;
	const struct ip_addr *tunnel = NULL;

	for (size_t i = 0; i < obj->node.cidr_count; i++) {
		struct node_route *route = &build->ret->routes[build->ret->count];

		route->cidr = obj->node.cidrs[i];
		build->ret->cidrs[build->ret->cidr_count++] = route->cidr;
		if (mode != ROUTING_VXLAN && route_native(route, build, &obj->node)) {
			build->ret->count++;
		} else if (routing_has_tunnel(mode) && route_tunnel(route, build, &obj->node)) {
			tunnel = &route->via;
			build->ret->count++;
		} else if (routing_has_tunnel(mode) &&
			   texts_add(&build->ret->problems, "node %s has no InternalIP of a family "
				     "that this node has an address of: no tunnel leads to its pods",
				     obj->name) < 0) {
			return -ENOMEM;
		}
	}
	if (tunnel)
		add_addresses(build, &obj->node, tunnel);
	return 0;
}

static int compare_routes(const void *a, const void *b)
{
	const struct node_route *x = a, *y = b;

	return prefix_compare(&x->cidr, &y->cidr);
}

static int compare_cidrs(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

static int route_all(struct build *build)
{
	const struct node_routes_input *input = build->input;
	struct node_routes *ret = build->ret;
	size_t max = input->own_cidr_count + 1;
	int r = 0;

	for (size_t i = 0; i < build->other_count; i++)
		max += build->others[i].obj->node.ip_count + build->others[i].obj->node.cidr_count;
	ret->routes = calloc(max, sizeof(*ret->routes));
	ret->addresses = calloc(max, sizeof(*ret->addresses));
	ret->cidrs = calloc(max, sizeof(*ret->cidrs));
	if (!ret->routes || !ret->addresses || !ret->cidrs)
		return -ENOMEM;
	for (size_t i = 0; i < input->own_cidr_count; i++)
		ret->cidrs[ret->cidr_count++] = input->own_cidrs[i];
	for (size_t i = 0; !r && i < build->other_count; i++)
		if (!build->others[i].refused)
			r = route_node(build, build->others[i].obj);
	qsort(ret->routes, ret->count, sizeof(*ret->routes), compare_routes);
	qsort(ret->cidrs, ret->cidr_count, sizeof(*ret->cidrs), compare_cidrs);
	return r;
}

int node_routes_compute(struct node_routes *ret, const struct node_routes_input *input)
{
	cleanup(build_done) struct build build = { .input = input, .ret = ret };
	int r;

	*ret = (struct node_routes){};
	r = other_nodes(&build.others, &build.other_count, &ret->problems, input);
	r = r ?: route_all(&build);
	if (r < 0)
		node_routes_done(ret);
	return r;
}
