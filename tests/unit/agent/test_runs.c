// SPDX-License-Identifier: Apache-2.0
/* Runs of elements against an array that says of each element whether it is taken. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "lib/check_main.h"
#include "reconcile/runs.h"

#define SIZE_MAX_TRIED 300

static bool taken[SIZE_MAX_TRIED];

struct item {
	uint32_t first, order;
};

static bool is_clear(uint32_t size, uint32_t first, uint32_t order)
{
	if (first + (1u << order) > size)
		return false;
	for (uint32_t i = 0; i < 1u << order; i++)
		if (taken[first + i])
			return false;
	return true;
}

static void mark(const struct item *item, bool value)
{
	for (uint32_t i = 0; i < 1u << item->order; i++) {
		ck_assert(taken[item->first + i] != value);
		taken[item->first + i] = value;
	}
}

/* The lowest place where an aligned run would fit, -1: there is none. */
static int64_t naive_fit(uint32_t size, uint32_t order)
{
	for (uint32_t first = 0; first < size; first += 1u << order)
		if (is_clear(size, first, order))
			return first;
	return -1;
}

static void take_one(struct runs *runs, struct item *item, unsigned int *seed)
{
	bool certain = rand_r(seed) % 3 == 0, fits;
	int r;

	item->order = (uint32_t)rand_r(seed) % 6;
	if (certain) {
		item->first = (uint32_t)rand_r(seed) % SIZE_MAX_TRIED;
		fits = item->first % (1u << item->order) == 0 &&
		       is_clear(runs->size, item->first, item->order);
		r = runs_take_at(runs, item->first, item->order);
		ck_assert_int_eq(r, fits ? 0 : -EBUSY);
	} else {
		fits = naive_fit(runs->size, item->order) >= 0;
		r = runs_take(&item->first, runs, item->order);
		ck_assert_int_eq(r, fits ? 0 : -ENOSPC);
	}
	if (fits)
		mark(item, true);
	else
		item->order = UINT32_MAX;
}

START_TEST(what_is_free_is_found_and_nothing_twice)
{
	unsigned int seed = (unsigned int)_i;
	uint32_t size = 1 + (uint32_t)rand_r(&seed) % (SIZE_MAX_TRIED - 40), used = 0;
	struct item items[64];
	struct runs runs;

	memset(items, 0xff, sizeof(items));
	ck_assert_int_eq(runs_init(&runs, size), 0);
	for (int i = 0; i < 2000; i++) {
		struct item *item = &items[rand_r(&seed) % 64];

		if (item->order == UINT32_MAX) {
			take_one(&runs, item, &seed);
			used += item->order == UINT32_MAX ? 0 : 1u << item->order;
		} else {
			mark(item, false);
			runs_give(&runs, item->first, item->order);
			used -= 1u << item->order;
			item->order = UINT32_MAX;
		}
		ck_assert_uint_eq(runs.used, used);
	}
	for (int i = 0; i < 64; i++)
		if (items[i].order != UINT32_MAX)
			runs_give(&runs, items[i].first, items[i].order);
	/* All of it is one again. */
	ck_assert_int_eq(runs_take_at(&runs, 0, 31 - (uint32_t)__builtin_clz(size)), 0);
	runs_done(&runs);
}
END_TEST

START_TEST(an_order_holds_so_many)
{
	for (uint32_t count = 1; count < 3000; count++) {
		uint32_t order = runs_order(count);

		ck_assert(1u << order >= count && (!order || 1u << (order - 1) < count));
	}
}
END_TEST

static const char seeds[50];

CHECK_MAIN("runs", CHECK_LOOP(what_is_free_is_found_and_nothing_twice, seeds),
	   CHECK_TEST(an_order_holds_so_many))
