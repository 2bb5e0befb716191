// SPDX-License-Identifier: Apache-2.0
/* What a former agent left in the kernel. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "reconcile/private.h"

#define KEY_MAX 24
#define VALUE_MAX 512

struct numbers {
	uint32_t *items;
	size_t count, room;
};

struct reader {
	struct reconcile *rec;
	struct numbers rulesets, classes, rows;
	struct journal policy; /* entries of the policy maps */
	struct image_peer *peers;
	size_t peer_count, peer_room;
	uint32_t half; /* the valid one */
};

static int numbers_add(struct numbers *numbers, uint32_t number)
{
	uint32_t *items;

	if (!number)
		return 0;
	if (numbers->count && numbers->items[numbers->count - 1] == number)
		return 0;
	if (numbers->count == numbers->room) {
		numbers->room = numbers->room ? numbers->room * 2 : 64;
		items = realloc(numbers->items, numbers->room * sizeof(*items));
		if (!items)
			return -ENOMEM;
		numbers->items = items;
	}
	numbers->items[numbers->count++] = number;
	return 0;
}

/* Calls @fn for each entry. */
static int each_entry(struct reader *reader, enum datapath_map map, size_t key_size,
		      int (*fn)(struct reader *reader, enum datapath_map map, const void *key,
				const void *value))
{
	int fd = datapath_map_fd(reader->rec->dp, map);
	uint8_t key[KEY_MAX], next[KEY_MAX];
	uint8_t value[VALUE_MAX];
	void *before = NULL;
	int r;

	while (!bpf_map_get_next_key(fd, before, next)) {
		if (!bpf_map_lookup_elem(fd, next, value)) {
			r = fn(reader, map, next, value);
			if (r < 0)
				return r;
		}
		memcpy(key, next, key_size);
		before = key;
	}
	return errno == ENOENT ? 0 : -errno;
}

static int on_peer(struct reader *reader, enum datapath_map map, const void *key, const void *value)
{
	const struct peer *entry = value;
	struct image_peer *peer;
	int r;

	if (reader->peer_count == reader->peer_room) {
		reader->peer_room = reader->peer_room ? reader->peer_room * 2 : 64;
		peer = realloc(reader->peers, reader->peer_room * sizeof(*peer));
		if (!peer)
			return -ENOMEM;
		reader->peers = peer;
	}
	peer = &reader->peers[reader->peer_count++];
	*peer = (struct image_peer){ .class = entry->class[reader->half],
				     .ifindex = entry->ifindex,
				     .kind = (enum peer_kind)entry->kind };
	if (map == MAP_PEER4)
		ip_addr_set_v4(&peer->addr, *(const __be32 *)key);
	else
		memcpy(&peer->addr, key, sizeof(peer->addr));
	r = numbers_add(&reader->classes, entry->class[0]);
	return r ?: numbers_add(&reader->classes, entry->class[1]);
}

static int on_policy(struct reader *reader, enum datapath_map map, const void *key,
		     const void *value)
{
	const struct ruleset *header = value;
	int r;

	if (map == MAP_RULESET && !header->words)
		return 0;
	if (map == MAP_POLICY_BITS)
		r = numbers_add(&reader->rows, ((const struct policy_bits_key *)key)->row);
	else
		r = numbers_add(&reader->rulesets, readback_set_of(map, key));
	if (!r && map == MAP_POLICY_CLASS)
		r = numbers_add(&reader->classes, ((const struct policy_class_key *)key)->class);
	return r ?: journal_add(&reader->policy, map, key, value);
}

static int read_maps(struct reader *reader)
{
	int r;

	r = each_entry(reader, MAP_PEER4, sizeof(__be32), on_peer);
	r = r ?: each_entry(reader, MAP_PEER6, sizeof(struct ip_addr), on_peer);
	r = r ?: each_entry(reader, MAP_RULESET, sizeof(uint32_t), on_policy);
	r = r ?: each_entry(reader, MAP_POLICY_CLASS, sizeof(struct policy_class_key), on_policy);
	r = r ?: each_entry(reader, MAP_POLICY_PORT, sizeof(struct policy_port_key), on_policy);
	r = r ?: each_entry(reader, MAP_POLICY_CIDR4, sizeof(struct policy_cidr4_key), on_policy);
	r = r ?: each_entry(reader, MAP_POLICY_CIDR6, sizeof(struct policy_cidr6_key), on_policy);
	return r ?: each_entry(reader, MAP_POLICY_BITS, sizeof(struct policy_bits_key), on_policy);
}

static int compare_peers(const void *a, const void *b)
{
	return memcmp(((const struct image_peer *)a)->addr.bytes,
		      ((const struct image_peer *)b)->addr.bytes, sizeof(struct ip_addr));
}

static int compare_bindings(const void *a, const void *b)
{
	uint32_t x = ((const struct image_binding *)a)->ifindex;
	uint32_t y = ((const struct image_binding *)b)->ifindex;

	return x < y ? -1 : x > y;
}

static int fill_bindings(struct reader *reader, struct image *image)
{
	const struct endpoint *slots = reader->rec->slots, *ep;
	struct image_binding *binding;
	uint32_t half = reader->half;
	int r;

	image->bindings = calloc(ENDPOINT_SLOTS, sizeof(*image->bindings));
	if (!image->bindings)
		return -ENOMEM;
	for (ep = slots; ep < slots + ENDPOINT_SLOTS; ep++) {
		if (!ep->ifindex)
			continue;
		binding = &image->bindings[image->binding_count++];
		binding->ifindex = ep->ifindex;
		binding->class = ep->class[half];
		memcpy(binding->ruleset, ep->ruleset[half], sizeof(binding->ruleset));
		for (int i = 0; i < 2; i++) {
			r = numbers_add(&reader->classes, ep->class[i]);
			for (int dir = 0; !r && dir < POLICY_DIR_MAX; dir++)
				r = numbers_add(&reader->rulesets, ep->ruleset[i][dir]);
			if (r < 0)
				return r;
		}
	}
	qsort(image->bindings, image->binding_count, sizeof(*image->bindings), compare_bindings);
	return 0;
}

static int build(struct image **ret, struct reader *reader)
{
	cleanup(image_freep) struct image *image = NULL;
	struct image bindings = {};
	int r;

	r = fill_bindings(reader, &bindings);
	r = r ?: image_new_resting(&image, reader->rulesets.items, reader->rulesets.count,
				   reader->classes.items, reader->classes.count,
				   reader->rows.items, reader->rows.count);
	if (r < 0) {
		free(bindings.bindings);
		return r;
	}
	image->bindings = bindings.bindings;
	image->binding_count = bindings.binding_count;
	r = readback_rulesets(image, &reader->policy);
	if (r < 0)
		return r;
	if (reader->peer_count)
		qsort(reader->peers, reader->peer_count, sizeof(*reader->peers), compare_peers);
	image->peers = take_ptr(&reader->peers);
	image->peer_count = reader->peer_count;
	*ret = take_ptr(&image);
	return 0;
}

int readback(struct reconcile *rec)
{
	struct reader reader = { .rec = rec, .half = datapath_state(rec->dp)->generation & 1 };
	int r;

	r = read_maps(&reader);
	r = r ?: build(&rec->image, &reader);
	free(reader.rulesets.items);
	free(reader.classes.items);
	free(reader.rows.items);
	free(reader.peers);
	journal_done(&reader.policy);
	return r;
}
