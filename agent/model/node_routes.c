// SPDX-License-Identifier: Apache-2.0
#include "model/node_routes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define OWN (-1) /* as an owner: this node */

/* Who has a pod CIDR, or an address that must be in none. */
struct entry {
	struct prefix prefix;
	int owner; /* index of the node, or OWN */
	bool is_address;
};

struct remote {
	const struct object *obj;
	bool refused;
};

struct build {
	const struct node_routes_input *input;
	struct node_routes *ret;
	struct remote *nodes;
	size_t node_count;
	struct entry *entries;
	size_t entry_count;
};

static void build_done(struct build *build)
{
	free(build->nodes);
	free(build->entries);
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

static void add_entry(struct build *build, const struct prefix *prefix, int owner, bool is_address)
{
	build->entries[build->entry_count++] = (struct entry){ *prefix, owner, is_address };
}

static void add_address(struct build *build, const struct ip_addr *ip, int owner)
{
	struct prefix host = { .addr = *ip, .bits = ip_addr_is_v4(ip) ? 32 : 128 };

	add_entry(build, &host, owner, true);
}

static int count_node(const struct object *obj, void *arg)
{
	size_t *count = arg;

	*count += obj->node.ip_count + obj->node.cidr_count;
	return 0;
}

static int collect_node(const struct object *obj, void *arg)
{
	struct build *build = arg;
	bool own = !strcmp(obj->name, build->input->node_name);
	int owner = own ? OWN : (int)build->node_count;

	for (size_t i = 0; i < obj->node.ip_count; i++)
		add_address(build, &obj->node.ips[i], owner);
	if (own)
		return 0;
	for (size_t i = 0; i < obj->node.cidr_count; i++)
		add_entry(build, &obj->node.cidrs[i], owner, false);
	build->nodes[build->node_count++] = (struct remote){ .obj = obj };
	return 0;
}

/* Addresses behind the CIDRs that they are in, and an owner's own CIDR before others'. */
static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = prefix_compare(&x->prefix, &y->prefix);

	return r ?: (x->is_address - y->is_address) ?: (x->owner > y->owner) - (x->owner < y->owner);
}

static int collect(struct build *build)
{
	const struct node_routes_input *input = build->input;
	size_t count = input->own_cidr_count + input->host_ip_count;

	store_each(input->store, OBJECT_NODE, count_node, &count);
	build->entries = calloc(count + 1, sizeof(*build->entries));
	build->nodes = calloc(store_count(input->store, OBJECT_NODE) + 1, sizeof(*build->nodes));
	if (!build->entries || !build->nodes)
		return -ENOMEM;
	for (size_t i = 0; i < input->own_cidr_count; i++)
		add_entry(build, &input->own_cidrs[i], OWN, false);
	for (size_t i = 0; i < input->host_ip_count; i++)
		add_address(build, &input->host_ips[i], OWN);
	store_each(input->store, OBJECT_NODE, collect_node, build);
	qsort(build->entries, build->entry_count, sizeof(*build->entries), compare_entries);
	return 0;
}

static const char *owner_name(const struct build *build, int owner)
{
	return owner == OWN ? build->input->node_name : build->nodes[owner].obj->name;
}

static int refuse_overlap(struct build *build, const struct entry *outer, const struct entry *inner)
{
	char one[PREFIX_TEXT_MAX], other[PREFIX_TEXT_MAX];
	bool of_own = outer->owner == OWN || inner->owner == OWN;

	if (outer->owner != OWN)
		build->nodes[outer->owner].refused = true;
	if (inner->owner != OWN)
		build->nodes[inner->owner].refused = true;
	return texts_add(&build->ret->problems, "pod CIDR %s of node %s overlaps with %s of node %s: %s",
			prefix_text(one, &inner->prefix), owner_name(build, inner->owner),
			prefix_text(other, &outer->prefix), owner_name(build, outer->owner),
			of_own ? "the other node gets no route" : "neither node gets a route");
}

/* The gateway of this node's pods is meant to be in its pod CIDR. */
static int refuse_address(struct build *build, const struct entry *cidr,
			  const struct entry *address)
{
	char text[PREFIX_TEXT_MAX], ip[ADDR_TEXT_MAX];

	if (cidr->owner == OWN && address->owner == OWN)
		return 0;
	if (cidr->owner != OWN)
		build->nodes[cidr->owner].refused = true;
	return texts_add(&build->ret->problems, "pod CIDR %s of node %s has the address %s of node %s in it%s",
			prefix_text(text, &cidr->prefix), owner_name(build, cidr->owner),
			addr_text(ip, &address->prefix.addr), owner_name(build, address->owner),
			cidr->owner == OWN ? "" : ": it gets no route");
}

/* Prefixes lie in each other or apart: in order, those around an entry are a stack. */
static int find_conflicts(struct build *build)
{
	const struct entry *around[129];
	size_t depth = 0;
	int r = 0;

	for (size_t i = 0; i < build->entry_count && r >= 0; i++) {
		const struct entry *entry = &build->entries[i];

		while (depth && !prefix_covers(&around[depth - 1]->prefix, &entry->prefix))
			depth--;
		if (depth && entry->is_address)
			r = refuse_address(build, around[depth - 1], entry);
		else if (depth && around[depth - 1]->owner != entry->owner)
			r = refuse_overlap(build, around[depth - 1], entry);
		/* Of equal ones the first stands for all. */
		if (!entry->is_address &&
		    (!depth || prefix_compare(&around[depth - 1]->prefix, &entry->prefix)))
			around[depth++] = entry;
	}
	return r;
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
	size_t max = build->entry_count + 1;
	int r = 0;

	ret->routes = calloc(max, sizeof(*ret->routes));
	ret->addresses = calloc(max, sizeof(*ret->addresses));
	ret->cidrs = calloc(max, sizeof(*ret->cidrs));
	if (!ret->routes || !ret->addresses || !ret->cidrs)
		return -ENOMEM;
	for (size_t i = 0; i < input->own_cidr_count; i++)
		ret->cidrs[ret->cidr_count++] = input->own_cidrs[i];
	for (size_t i = 0; !r && i < build->node_count; i++)
		if (!build->nodes[i].refused)
			r = route_node(build, build->nodes[i].obj);
	qsort(ret->routes, ret->count, sizeof(*ret->routes), compare_routes);
	qsort(ret->cidrs, ret->cidr_count, sizeof(*ret->cidrs), compare_cidrs);
	return r;
}

int node_routes_compute(struct node_routes *ret, const struct node_routes_input *input)
{
	cleanup(build_done) struct build build = { .input = input, .ret = ret };
	int r;

	*ret = (struct node_routes){};
	r = collect(&build);
	r = r ?: find_conflicts(&build);
	r = r ?: route_all(&build);
	if (r < 0)
		node_routes_done(ret);
	return r;
}

struct doubt {
	const struct prefix *cidr;
	struct texts *texts;
};

static int find_address(const struct object *obj, void *arg)
{
	char text[PREFIX_TEXT_MAX], ip[ADDR_TEXT_MAX];
	struct doubt *doubt = arg;

	for (size_t i = 0; i < obj->node.ip_count; i++)
		if (prefix_contains(doubt->cidr, &obj->node.ips[i]))
			return texts_add(doubt->texts, "pod CIDR %s of this node has the address "
					 "%s of node %s in it: it is not used",
					 prefix_text(text, doubt->cidr),
					 addr_text(ip, &obj->node.ips[i]), obj->name) ?: 1;
	return 0;
}

int node_cidr_doubt(struct texts *texts, const struct store *store, const struct prefix *cidr)
{
	struct doubt doubt = { .cidr = cidr, .texts = texts };

	return store_each(store, OBJECT_NODE, find_address, &doubt);
}
