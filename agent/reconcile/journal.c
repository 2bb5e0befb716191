// SPDX-License-Identifier: Apache-2.0
#include "reconcile/journal.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "weir/endpoint.h"
#include "weir/peer.h"
#include "weir/policy.h"
#include "weir/service.h"

static const struct {
	uint32_t key, value;
} sizes[DATAPATH_MAP_MAX] = {
	[MAP_PEER4] = { sizeof(__be32), sizeof(struct peer) },
	[MAP_PEER6] = { sizeof(struct ip_addr), sizeof(struct peer) },
	[MAP_RULESET] = { sizeof(uint32_t), sizeof(struct ruleset) },
	[MAP_POLICY_CLASS] = { sizeof(struct policy_class_key), sizeof(uint64_t) },
	[MAP_POLICY_PORT] = { sizeof(struct policy_port_key), sizeof(uint64_t) },
	[MAP_POLICY_CIDR4] = { sizeof(struct policy_cidr4_key), sizeof(uint64_t) },
	[MAP_POLICY_CIDR6] = { sizeof(struct policy_cidr6_key), sizeof(uint64_t) },
	[MAP_POLICY_BITS] = { sizeof(struct policy_bits_key), sizeof(struct policy_bits) },
	[MAP_FRONTEND4] = { sizeof(struct frontend4_key), sizeof(struct frontend) },
	[MAP_FRONTEND6] = { sizeof(struct frontend6_key), sizeof(struct frontend) },
	[MAP_SERVICE_RANGE4] = { sizeof(struct service_range4_key), sizeof(uint32_t) },
	[MAP_SERVICE_RANGE6] = { sizeof(struct service_range6_key), sizeof(uint32_t) },
};

/* What is referred to comes before what refers to it. */
static const enum datapath_map order[] = {
	MAP_POLICY_BITS, MAP_POLICY_PORT, MAP_POLICY_CIDR4, MAP_POLICY_CIDR6,
	MAP_RULESET,	 MAP_POLICY_CLASS, MAP_PEER4,	    MAP_PEER6,
	MAP_SERVICE_RANGE4, MAP_SERVICE_RANGE6, MAP_FRONTEND4, MAP_FRONTEND6,
};
#define ORDER_COUNT (sizeof(order) / sizeof(order[0]))

void journal_done(struct journal *journal)
{
	for (int i = 0; i < DATAPATH_MAP_MAX; i++) {
		free(journal->maps[i].keys);
		free(journal->maps[i].values);
	}
	memset(journal, 0, sizeof(*journal));
}

uint32_t journal_key_size(enum datapath_map map)
{
	return sizes[map].key;
}

uint32_t journal_value_size(enum datapath_map map)
{
	return sizes[map].value;
}

const void *journal_key(const struct journal *journal, enum datapath_map map, uint32_t index)
{
	return journal->maps[map].keys + (size_t)index * sizes[map].key;
}

const void *journal_value(const struct journal *journal, enum datapath_map map, uint32_t index)
{
	return journal->maps[map].values + (size_t)index * sizes[map].value;
}

static int grow(struct entries *list, uint32_t key_size, uint32_t value_size)
{
	uint32_t room = list->room ? list->room * 2 : 16;
	uint8_t *keys, *values;

	keys = realloc(list->keys, (size_t)room * key_size);
	if (!keys)
		return -ENOMEM;
	list->keys = keys;
	values = realloc(list->values, (size_t)room * value_size);
	if (!values)
		return -ENOMEM;
	list->values = values;
	list->room = room;
	return 0;
}

int journal_add(struct journal *journal, enum datapath_map map, const void *key, const void *value)
{
	uint32_t key_size = sizes[map].key, value_size = sizes[map].value;
	struct entries *list = &journal->maps[map];
	int r;

	if (list->count == list->room) {
		r = grow(list, key_size, value_size);
		if (r < 0)
			return r;
	}
	memcpy(list->keys + (size_t)list->count * key_size, key, key_size);
	if (value)
		memcpy(list->values + (size_t)list->count * value_size, value, value_size);
	else
		memset(list->values + (size_t)list->count * value_size, 0, value_size);
	list->count++;
	return 0;
}

static int write_map(const struct entries *list, struct datapath *dp, enum datapath_map map,
		     uint32_t *written)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint32_t count = list->count;

	*written = 0;
	if (!count)
		return 0;
	opts.elem_flags = BPF_ANY;
	if (!bpf_map_update_batch(datapath_map_fd(dp, map), list->keys, list->values, &count,
				  &opts)) {
		*written = list->count;
		return 0;
	}
	*written = count < list->count ? count : 0;
	return errno == E2BIG ? -ENOSPC : -errno;
}

int journal_write(const struct journal *journal, struct datapath *dp,
		  uint32_t written[static DATAPATH_MAP_MAX], enum datapath_map *failed)
{
	int r;

	memset(written, 0, DATAPATH_MAP_MAX * sizeof(*written));
	for (size_t i = 0; i < ORDER_COUNT; i++) {
		r = write_map(&journal->maps[order[i]], dp, order[i], &written[order[i]]);
		if (r < 0) {
			*failed = order[i];
			return r;
		}
	}
	return 0;
}

/* One at a time: a batch would end at the first key that is not there. */
static void delete_map(const struct entries *list, struct datapath *dp, enum datapath_map map,
		       uint32_t count)
{
	static const struct ruleset none;
	int fd = datapath_map_fd(dp, map);

	for (uint32_t i = 0; i < count; i++) {
		const void *key = list->keys + (size_t)i * sizes[map].key;

		if (map == MAP_RULESET)
			bpf_map_update_elem(fd, key, &none, BPF_ANY);
		else
			bpf_map_delete_elem(fd, key);
	}
}

void journal_delete(const struct journal *journal, struct datapath *dp, const uint32_t *count)
{
	const struct entries *list;

	for (size_t i = ORDER_COUNT; i-- > 0;) {
		list = &journal->maps[order[i]];
		delete_map(list, dp, order[i], count ? count[order[i]] : list->count);
	}
}
