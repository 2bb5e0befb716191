// SPDX-License-Identifier: Apache-2.0
#include "reconcile/drift_scan.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "weir/policy.h"

void drift_scan_begin(struct drift_scan *scan, enum datapath_map map)
{
	scan->map = map;
	scan->begun = false;
	scan->found = (struct drift_sum){};
	scan->count = 0;
}

/* The sum of many must not be right by chance: mixed as in MurmurHash3's finalizer. */
static uint64_t mix(uint64_t hash)
{
	hash ^= hash >> 33;
	hash *= 0xff51afd7ed558ccdULL;
	hash ^= hash >> 33;
	hash *= 0xc4ceb9fe1a85ec53ULL;
	return hash ^ hash >> 33;
}

static uint64_t hash_more(uint64_t hash, const uint8_t *bytes, uint32_t size)
{
	uint64_t word;

	for (; size >= sizeof(word); size -= sizeof(word), bytes += sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		hash = mix(hash ^ word) + 0x9e3779b97f4a7c15ULL;
	}
	word = 0;
	memcpy(&word, bytes, size);
	return size ? mix(hash ^ word) : hash;
}

static void add(struct drift_sum *sum, enum datapath_map map, const void *key, const void *value)
{
	uint64_t hash = hash_more(1, key, journal_key_size(map));

	sum->count++;
	sum->sum += mix(hash_more(hash, value, journal_value_size(map)));
}

struct drift_sum drift_sum_of(const struct journal *wanted, enum datapath_map map)
{
	struct drift_sum sum = {};

	for (uint32_t i = 0; i < wanted->maps[map].count; i++)
		add(&sum, map, journal_key(wanted, map, i), journal_value(wanted, map, i));
	return sum;
}

const void *drift_scan_value(const struct drift_scan *scan, uint32_t index)
{
	return scan->values + (size_t)index * journal_value_size(scan->map);
}

const void *drift_scan_key(const struct drift_scan *scan, uint32_t index)
{
	static const struct ruleset none;

	/* The only array among them: an element of zeros is no rule set. */
	if (scan->map == MAP_RULESET && !memcmp(drift_scan_value(scan, index), &none, sizeof(none)))
		return NULL;
	return scan->keys + (size_t)index * journal_key_size(scan->map);
}

int drift_scan_step(struct drift_scan *scan, struct datapath *dp)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint8_t before[sizeof(scan->cursor)];
	uint32_t count = DRIFT_BATCH;
	int r = 0;

	memcpy(before, scan->cursor, sizeof(before));
	if (bpf_map_lookup_batch(datapath_map_fd(dp, scan->map), scan->begun ? before : NULL,
				 scan->cursor, scan->keys, scan->values, &count, &opts))
		r = -errno;
	scan->begun = true;
	scan->count = r && r != -ENOENT ? 0 : count;
	for (uint32_t i = 0; i < scan->count; i++)
		if (drift_scan_key(scan, i))
			add(&scan->found, scan->map, drift_scan_key(scan, i),
			    drift_scan_value(scan, i));
	return !r ? 1 : r == -ENOENT ? 0 : r;
}

struct order {
	const struct journal *wanted;
	enum datapath_map map;
	uint32_t *indexes; /* of the list, by key */
	bool *seen;
};

static int compare(const void *a, const void *b, void *arg)
{
	const struct order *order = arg;

	return memcmp(journal_key(order->wanted, order->map, *(const uint32_t *)a),
		      journal_key(order->wanted, order->map, *(const uint32_t *)b),
		      journal_key_size(order->map));
}

static int make_order(struct order *order)
{
	uint32_t count = order->wanted->maps[order->map].count;

	order->indexes = malloc(((size_t)count + 1) * sizeof(*order->indexes));
	order->seen = calloc((size_t)count + 1, sizeof(*order->seen));
	if (!order->indexes || !order->seen)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		order->indexes[i] = i;
	qsort_r(order->indexes, count, sizeof(*order->indexes), compare, order);
	return 0;
}

/* Its index in the list, or UINT32_MAX. */
static uint32_t find(const struct order *order, const void *key)
{
	uint32_t low = 0, high = order->wanted->maps[order->map].count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2, index = order->indexes[middle];
		int way = memcmp(journal_key(order->wanted, order->map, index), key,
				 journal_key_size(order->map));

		if (!way)
			return index;
		if (way < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return UINT32_MAX;
}

typedef int (*drift_fn)(void *arg, enum drift_kind kind, const void *key, const void *value);

static int judge_step(const struct drift_scan *scan, struct order *order, drift_fn fn, void *arg)
{
	int r = 0;

	for (uint32_t i = 0; i < scan->count && r >= 0; i++) {
		const void *key = drift_scan_key(scan, i), *value;
		uint32_t index = key ? find(order, key) : 0;

		if (!key)
			continue;
		if (index == UINT32_MAX) {
			r = fn(arg, DRIFT_EXTRA, key, NULL);
			continue;
		}
		order->seen[index] = true;
		value = journal_value(order->wanted, order->map, index);
		if (memcmp(value, drift_scan_value(scan, i), journal_value_size(order->map)) != 0)
			r = fn(arg, DRIFT_ALTERED, key, value);
	}
	return r;
}

static int search(struct drift_scan *scan, struct datapath *dp, struct order *order, drift_fn fn,
		  void *arg)
{
	uint32_t count = order->wanted->maps[order->map].count;
	int r, more;

	drift_scan_begin(scan, order->map);
	do {
		more = drift_scan_step(scan, dp);
		r = more < 0 ? more : judge_step(scan, order, fn, arg);
	} while (!r && more > 0);
	for (uint32_t i = 0; i < count && !r; i++)
		if (!order->seen[i])
			r = fn(arg, DRIFT_MISSING, journal_key(order->wanted, order->map, i),
			       journal_value(order->wanted, order->map, i));
	return r;
}

int drift_search(struct drift_scan *scan, struct datapath *dp, const struct journal *wanted,
		 enum datapath_map map, drift_fn fn, void *arg)
{
	struct order order = { .wanted = wanted, .map = map };
	int r = make_order(&order);

	r = r ?: search(scan, dp, &order, fn, arg);
	free(order.indexes);
	free(order.seen);
	return r;
}
