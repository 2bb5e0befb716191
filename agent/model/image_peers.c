// SPDX-License-Identifier: Apache-2.0
/* What each address is. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/image_private.h"

/* Who claims an address; the smallest rank wins, then the first that came. */
enum claim_rank {
	CLAIM_HOST,
	CLAIM_NODE,
	CLAIM_LOCAL_POD,
	CLAIM_REMOTE_POD,
};

struct claim {
	struct ip_addr addr;
	enum claim_rank rank;
	uint32_t pod; /* index, INTERN_NONE: none; also the order among pods */
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
	return r;
}

static int compare_claims(const void *a, const void *b)
{
	const struct claim *left = a, *right = b;
	int r = memcmp(left->addr.bytes, right->addr.bytes, sizeof(left->addr.bytes));

	if (!r)
		r = (left->rank > right->rank) - (left->rank < right->rank);
	return r ?: (left->pod > right->pod) - (left->pod < right->pod);
}

static void peer_set(struct image_peer *peer, const struct claim *claim,
		     const struct image_build *build)
{
	static const enum peer_kind kinds[] = {
		[CLAIM_HOST] = PEER_HOST,
		[CLAIM_NODE] = PEER_NODE,
		[CLAIM_LOCAL_POD] = PEER_LOCAL_POD,
		[CLAIM_REMOTE_POD] = PEER_REMOTE_POD,
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

	if (collect_claims(&claims, build) < 0)
		return -ENOMEM;
	build->peer_pods = arena_alloc(&build->arena, (claims.count + 1) * sizeof(uint32_t));
	image->peers = calloc(claims.count + 1, sizeof(*image->peers));
	if (!build->peer_pods || !image->peers)
		return -ENOMEM;
	if (claims.count)
		qsort(claims.items, claims.count, sizeof(*claims.items), compare_claims);
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
