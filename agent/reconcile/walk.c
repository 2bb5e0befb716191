// SPDX-License-Identifier: Apache-2.0
#include "reconcile/walk.h"

#include <bpf/bpf.h>
#include <errno.h>

static const struct {
	enum datapath_map map;
	uint32_t key_size;
} tables[CT_TABLE_MAX] = {
	[CT_TABLE_4] = { MAP_CT4, sizeof(struct ct4_key) },
	[CT_TABLE_6] = { MAP_CT6, sizeof(struct ct6_key) },
	[CT_TABLE_4_NEW] = { MAP_CT4_NEW, sizeof(struct ct4_key) },
	[CT_TABLE_6_NEW] = { MAP_CT6_NEW, sizeof(struct ct6_key) },
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
				 walk->entries, &count, &opts))
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

enum datapath_map walk_map(enum ct_table table)
{
	return tables[table].map;
}

uint32_t walk_key_size(enum ct_table table)
{
	return tables[table].key_size;
}
