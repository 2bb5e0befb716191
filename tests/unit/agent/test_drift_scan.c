// SPDX-License-Identifier: Apache-2.0
/* Tables are told apart by sums, and differences found; a list stands for the kernel's table. */
#include "lib/check_main.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "reconcile/drift_scan.h"
#include "weir/peer.h"
#include "weir/policy.h"

#define ENTRIES 1000 /* several batches */

/* The kernel's table: what a look-up for a batch finds. */
static struct journal table;
static enum datapath_map kind;
static int broken; /* errno that the next one fails with */

int datapath_map_fd(const struct datapath *dp, enum datapath_map map)
{
	return (int)map;
}

int bpf_map_lookup_batch(int fd, void *in, void *out, void *keys, void *values, __u32 *count,
			 const struct bpf_map_batch_opts *opts)
{
	uint32_t at = 0, n = 0;

	if (broken) {
		errno = broken;
		return -broken;
	}
	if (in)
		memcpy(&at, in, sizeof(at));
	for (; n < *count && at < table.maps[kind].count; n++, at++) {
		memcpy((uint8_t *)keys + n * journal_key_size(kind), journal_key(&table, kind, at),
		       journal_key_size(kind));
		memcpy((uint8_t *)values + n * journal_value_size(kind),
		       journal_value(&table, kind, at), journal_value_size(kind));
	}
	memcpy(out, &at, sizeof(at));
	*count = n;
	errno = ENOENT;
	return at < table.maps[kind].count ? 0 : -ENOENT;
}

static void add(struct journal *journal, uint32_t key, uint32_t class)
{
	const struct peer peer = { .class = { class, class } };

	ck_assert_int_eq(journal_add(journal, MAP_PEER4, &key, &peer), 0);
}

static struct drift_sum scan_all(struct drift_scan *scan, enum datapath_map map)
{
	int r;

	kind = map;
	drift_scan_begin(scan, map);
	while ((r = drift_scan_step(scan, NULL)) > 0)
		;
	ck_assert_int_eq(r, 0);
	return scan->found;
}

static struct drift_scan scan;
static struct journal wanted;
static unsigned int heard[3];

static int hear(void *arg, enum drift_kind what, const void *key, const void *value)
{
	heard[what]++;
	ck_assert_uint_eq(*(const uint32_t *)key, *(const uint32_t *)arg);
	ck_assert_int_eq(!value, what == DRIFT_EXTRA);
	return 0;
}

/* The difference is @key, and nothing but @what. */
static void differs(uint32_t key, enum drift_kind what)
{
	struct drift_sum found = scan_all(&scan, MAP_PEER4);
	struct drift_sum sum = drift_sum_of(&wanted, MAP_PEER4);

	ck_assert(!drift_sum_equal(&found, &sum));
	ck_assert_int_eq(drift_search(&scan, NULL, &wanted, MAP_PEER4, hear, &key), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_uint_eq(heard[i], i == (int)what);
}

START_TEST(the_order_of_entries_does_not_matter)
{
	struct drift_sum found, sum;

	for (uint32_t i = 0; i < ENTRIES; i++) {
		add(&wanted, i, i % 7);
		add(&table, ENTRIES - 1 - i, (ENTRIES - 1 - i) % 7);
	}
	found = scan_all(&scan, MAP_PEER4);
	sum = drift_sum_of(&wanted, MAP_PEER4);
	ck_assert_uint_eq(found.count, ENTRIES);
	ck_assert(drift_sum_equal(&found, &sum));
	ck_assert_int_eq(drift_search(&scan, NULL, &wanted, MAP_PEER4, hear, NULL), 0);
}
END_TEST

/* What is wanted is 0 to ENTRIES - 1; the kernel's is the same but for @key. */
static void make_tables(uint32_t key)
{
	for (uint32_t i = 0; i < ENTRIES; i++) {
		add(&wanted, i, 5);
		if (i != key)
			add(&table, i, 5);
	}
}

static const uint32_t keys[] = { 0, 1, 255, 256, 511, ENTRIES - 1 };

START_TEST(one_that_is_missing_is_found)
{
	make_tables(keys[_i]);
	differs(keys[_i], DRIFT_MISSING);
}
END_TEST

START_TEST(one_that_is_altered_is_found)
{
	make_tables(keys[_i]);
	add(&table, keys[_i], 6);
	differs(keys[_i], DRIFT_ALTERED);
}
END_TEST

START_TEST(one_more_is_found)
{
	make_tables(ENTRIES);
	add(&table, 7 * ENTRIES + keys[_i], 5);
	differs(7 * ENTRIES + keys[_i], DRIFT_EXTRA);
}
END_TEST

/* Two wrongs that a plain sum would take for right. */
START_TEST(values_that_changed_places_are_found)
{
	struct drift_sum found, sum;

	make_tables(ENTRIES);
	add(&wanted, ENTRIES, 1);
	add(&wanted, ENTRIES + 1, 2);
	add(&table, ENTRIES, 2);
	add(&table, ENTRIES + 1, 1);
	found = scan_all(&scan, MAP_PEER4);
	sum = drift_sum_of(&wanted, MAP_PEER4);
	ck_assert_uint_eq(found.count, sum.count);
	ck_assert_uint_ne(found.sum, sum.sum);
}
END_TEST

START_TEST(elements_of_zeros_are_no_rule_sets)
{
	const struct ruleset none = {}, some = { .words = 1 };
	struct drift_sum found, sum;
	uint32_t id = 3;

	ck_assert_int_eq(journal_add(&wanted, MAP_RULESET, &id, &some), 0);
	for (uint32_t i = 0; i < 600; i++)
		ck_assert_int_eq(journal_add(&table, MAP_RULESET, &i, i == id ? &some : &none), 0);
	found = scan_all(&scan, MAP_RULESET);
	sum = drift_sum_of(&wanted, MAP_RULESET);
	ck_assert_uint_eq(found.count, 1);
	ck_assert(drift_sum_equal(&found, &sum));
}
END_TEST

START_TEST(a_table_that_cannot_be_read_is_an_error)
{
	uint32_t key = 0;

	make_tables(ENTRIES);
	kind = MAP_PEER4;
	broken = ENOSPC;
	drift_scan_begin(&scan, MAP_PEER4);
	ck_assert_int_eq(drift_scan_step(&scan, NULL), -ENOSPC);
	ck_assert_int_eq(drift_search(&scan, NULL, &wanted, MAP_PEER4, hear, &key), -ENOSPC);
	ck_assert_uint_eq(heard[DRIFT_MISSING], 0);
}
END_TEST

CHECK_MAIN("drift_scan", CHECK_TEST(the_order_of_entries_does_not_matter),
	   CHECK_LOOP(one_that_is_missing_is_found, keys),
	   CHECK_LOOP(one_that_is_altered_is_found, keys), CHECK_LOOP(one_more_is_found, keys),
	   CHECK_TEST(values_that_changed_places_are_found),
	   CHECK_TEST(elements_of_zeros_are_no_rule_sets),
	   CHECK_TEST(a_table_that_cannot_be_read_is_an_error))
