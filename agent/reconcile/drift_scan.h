/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contents of a hash or trie map as a number: the sum of a hash of each entry. So a table is
 * compared with what it shall hold without looking for a single entry, and only where the
 * numbers differ is searched for what is wrong. Inside of drift.h.
 */
#pragma once

#include "reconcile/journal.h"

#define DRIFT_BATCH 256

struct drift_sum {
	uint64_t count;
	uint64_t sum;
};

struct drift_scan {
	enum datapath_map map;
	bool begun;
	struct drift_sum found;
	uint8_t cursor[32]; /* the kernel's, opaque: a key at most */
	uint32_t count; /* entries of this step */
	_Alignas(uint64_t) uint8_t keys[DRIFT_BATCH * 32];
	_Alignas(uint64_t) uint8_t values[DRIFT_BATCH * 512];
};

void drift_scan_begin(struct drift_scan *scan, enum datapath_map map);

/* Reads the next entries, and adds them to @found. 1: there are more, 0: no, or -errno. */
int drift_scan_step(struct drift_scan *scan, struct datapath *dp);

/* An entry of this step; NULL: it is none (an unused element of an array). */
const void *drift_scan_key(const struct drift_scan *scan, uint32_t index);
const void *drift_scan_value(const struct drift_scan *scan, uint32_t index);

/* Of what shall be there. */
struct drift_sum drift_sum_of(const struct journal *wanted, enum datapath_map map);

static inline bool drift_sum_equal(const struct drift_sum *a, const struct drift_sum *b)
{
	return a->count == b->count && a->sum == b->sum;
}

enum drift_kind {
	DRIFT_MISSING,
	DRIFT_ALTERED,
	DRIFT_EXTRA,
};

/*
 * All differences between the table and its list in @wanted, at once; @fn is told of each.
 * 0 or a negative errno.
 */
int drift_search(struct drift_scan *scan, struct datapath *dp, const struct journal *wanted,
		 enum datapath_map map,
		 int (*fn)(void *arg, enum drift_kind kind, const void *key, const void *value),
		 void *arg);
