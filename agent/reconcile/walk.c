// SPDX-License-Identifier: Apache-2.0
#include "reconcile/walk.h"

#include <bpf/bpf.h>
#include <errno.h>

static const struct {
	enum datapath_map map;
	uint32_t key_size, value_size;
} tables[CT_TABLE_MAX] = {
	[CT_TABLE_4] = { MAP_CT4, sizeof(struct ct4_key), sizeof(struct ct4_value) },
	[CT_TABLE_6] = { MAP_CT6, sizeof(struct ct6_key), sizeof(struct ct6_value) },
	[CT_TABLE_4_NEW] = { MAP_CT4_NEW, sizeof(struct ct4_key), sizeof(struct ct4_value) },
	[CT_TABLE_6_NEW] = { MAP_CT6_NEW, sizeof(struct ct6_key), sizeof(struct ct6_value) },
};

void walk_begin(struct walk *walk, enum ct_table table)
{
	walk->table = table;
	walk->begun = false;
	walk->count = 0;
}

int walk_step(struct walk *walk, struct datapath *dp)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint32_t count = WALK_BATCH;
	int r = 0;

	if (bpf_map_lookup_batch(datapath_map_fd(dp, tables[walk->table].map),
				 walk->begun ? &walk->cursor : NULL, &walk->cursor, walk->keys,
				 walk->values, &count, &opts))
		r = -errno;
	walk->begun = true;
	walk->count = count;
	if (r == -ENOENT)
		return 0;
	/* One bucket holds more than the batch: the hash is under attack, and the batch is large. */
	if (r < 0) {
		walk->count = 0;
		return r;
	}
	return 1;
}

const void *walk_key(const struct walk *walk, uint32_t index)
{
	return walk->keys + (size_t)index * tables[walk->table].key_size;
}

static const void *value_at(const struct walk *walk, uint32_t index)
{
	return walk->values + (size_t)index * tables[walk->table].value_size;
}

const struct ct_entry *walk_entry(const struct walk *walk, uint32_t index)
{
	return value_at(walk, index);
}

struct ct6_nat walk_nat(const struct walk *walk, uint32_t index)
{
	const struct ct4_value *narrow = value_at(walk, index);
	const struct ct6_value *wide = value_at(walk, index);
	struct ct6_nat nat = { .sport = narrow->nat.sport, .dport = narrow->nat.dport,
			       .generation = narrow->nat.generation };

	if (tables[walk->table].value_size == sizeof(*wide))
		return wide->nat;
	ip_addr_set_v4(&nat.src, narrow->nat.src);
	ip_addr_set_v4(&nat.dst, narrow->nat.dst);
	return nat;
}

enum datapath_map walk_map(enum ct_table table)
{
	return tables[table].map;
}

uint32_t walk_key_size(enum ct_table table)
{
	return tables[table].key_size;
}
