// SPDX-License-Identifier: Apache-2.0
/* What each address is. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/image_private.h"
#include "model/ipam.h"

/* Who claims an address, in the order in which claims are collected: the first one wins. */
enum claim_rank {
	CLAIM_HOST,
	CLAIM_NODE,
	CLAIM_LOCAL_POD,
	CLAIM_REMOTE_POD,
	CLAIM_GATEWAY, /* of another node's pods: that node speaks from it to pods elsewhere */
};

struct claim {
	struct ip_addr addr;
	enum claim_rank rank;
	uint32_t pod; /* index, INTERN_NONE: none */
};

struct claims {
	struct claim *items;
	size_t count;
	const char *own_node;
};

static void claims_done(struct claims *claims)
{
	free(claims->items);
}

static int claim_all(struct claims *claims, const struct ip_addr *addrs, size_t count,
		     enum claim_rank rank, uint32_t pod)
{
	for (size_t i = 0; i < count; i++) {
		struct claim *item;

		if (ip_addr_is_none(&addrs[i]))
			continue;
		item = array_add(claims->items, claims->count);
		if (!item)
			return -ENOMEM;
		*item = (struct claim){ .addr = addrs[i], .rank = rank, .pod = pod };
	}
	return 0;
}

static int claim_node(const struct object *obj, void *arg)
{
	struct claims *claims = arg;

	if (!strcmp(obj->name, claims->own_node))
		return 0;
	return claim_all(claims, obj->node.ips, obj->node.ip_count, CLAIM_NODE, INTERN_NONE);
}

static int claim_gateways(const struct object *obj, void *arg)
{
	int r = 0;

	for (size_t i = 0; i < obj->node.cidr_count && r >= 0; i++) {
		struct ip_addr gateway = ipam_gateway(&obj->node.cidrs[i]);

		r = claim_all(arg, &gateway, 1, CLAIM_GATEWAY, INTERN_NONE);
	}
	return r;
}

static int collect_claims(struct claims *claims, const struct image_build *build)
{
	const struct image_input *input = build->input;
	int r;

	r = claim_all(claims, input->host_ips, input->host_ip_count, CLAIM_HOST, INTERN_NONE);
	if (r >= 0)
		r = store_each(input->store, OBJECT_NODE, claim_node, claims);
	for (size_t i = 0; i < build->pod_count && r >= 0; i++) {
		const struct image_pod *pod = &build->pods[i];

		r = claim_all(claims, pod->ips, pod->ip_count,
			      pod->ifindex ? CLAIM_LOCAL_POD : CLAIM_REMOTE_POD, (uint32_t)i);
	}
	if (r >= 0)
		r = store_each(input->store, OBJECT_NODE, claim_gateways, claims);
	return r;
}

/* Which bytes of the addresses are not the same in all of them. */
static struct ip_addr differing_bytes(const struct claims *claims)
{
	struct ip_addr differ = {};

	for (size_t i = 1; i < claims->count; i++)
		for (size_t half = 0; half < 2; half++)
			differ.halves[half] |= claims->items[i].addr.halves[half] ^
					       claims->items[0].addr.halves[half];
	return differ;
}

static void sort_by_byte(struct claim *to, const struct claim *from, size_t count, int byte)
{
	size_t starts[257] = {};

	for (size_t i = 0; i < count; i++)
		starts[from[i].addr.bytes[byte] + 1]++;
	for (size_t i = 1; i < 257; i++)
		starts[i] += starts[i - 1];
	for (size_t i = 0; i < count; i++)
		to[starts[from[i].addr.bytes[byte]]++] = from[i];
}

/*
 * By address, byte by byte from the last one: what comes first among the claims of an
 * address stays first, and bytes that are the same in all addresses cost nothing.
 */
static int sort_claims(struct claims *claims)
{
	struct ip_addr differ = differing_bytes(claims);
	struct claim *to, *from = claims->items;

	to = calloc(claims->count + 1, sizeof(*to));
	if (!to)
		return -ENOMEM;
	for (int byte = (int)sizeof(differ.bytes) - 1; byte >= 0; byte--) {
		if (!differ.bytes[byte])
			continue;
		sort_by_byte(to, from, claims->count, byte);
		claims->items = to;
		to = from;
		from = claims->items;
	}
	free(to);
	return 0;
}

static void peer_set(struct image_peer *peer, const struct claim *claim,
		     const struct image_build *build)
{
	static const enum peer_kind kinds[] = {
		[CLAIM_HOST] = PEER_HOST,
		[CLAIM_NODE] = PEER_NODE,
		[CLAIM_LOCAL_POD] = PEER_LOCAL_POD,
		[CLAIM_REMOTE_POD] = PEER_REMOTE_POD,
		[CLAIM_GATEWAY] = PEER_NODE,
	};

	peer->addr = claim->addr;
	peer->kind = kinds[claim->rank];
	if (claim->pod == INTERN_NONE)
		return;
	peer->ifindex = build->pods[claim->pod].ifindex;
	peer->class = build->class_ids[build->shapes[build->pods[claim->pod].shape].class];
}

int peers_compile(struct image_build *build)
{
	cleanup(claims_done) struct claims claims = { .own_node = build->input->node_name };
	struct image *image = build->image;

	if (collect_claims(&claims, build) < 0 || sort_claims(&claims) < 0)
		return -ENOMEM;
	build->peer_pods = arena_alloc(&build->arena, (claims.count + 1) * sizeof(uint32_t));
	image->peers = calloc(claims.count + 1, sizeof(*image->peers));
	if (!build->peer_pods || !image->peers)
		return -ENOMEM;
	for (size_t i = 0; i < claims.count; i++) {
		if (i && ip_addr_equal(&claims.items[i - 1].addr, &claims.items[i].addr))
			continue;
		build->peer_pods[image->peer_count] = claims.items[i].pod;
		peer_set(&image->peers[image->peer_count++], &claims.items[i], build);
	}
	return 0;
}

size_t peers_from(const struct image_build *build, const struct prefix *prefix, bool beyond)
{
	size_t low = 0, high = build->image->peer_count;
	struct ip_addr bound = prefix->addr;

	/* The last address of the prefix. */
	for (unsigned int bit = prefix_mapped_bits(prefix); beyond && bit < 128; bit++)
		bound.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int r = memcmp(build->image->peers[middle].addr.bytes, bound.bytes,
			       sizeof(bound.bytes));

		if (r < 0 || (beyond && !r))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
