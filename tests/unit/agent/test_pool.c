// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include <string.h>

#include "base/pool.h"

struct item {
	struct pool_link link;
	uint32_t key;
};

/* Few values, so that items meet in buckets. */
static uint32_t hash_of(uint32_t key)
{
	return key % 7;
}

static uint32_t item_hash(const void *item)
{
	return hash_of(((const struct item *)item)->key);
}

static uint32_t find(const struct pool *pool, uint32_t key)
{
	for (uint32_t i = pool_first(pool, hash_of(key)); i; i = pool_next(pool, i))
		if (((struct item *)pool_at(pool, i))->key == key)
			return i;
	return 0;
}

static uint32_t add(struct pool *pool, uint32_t key)
{
	return pool_add(pool, &(struct item){ .key = key });
}

START_TEST(an_empty_pool_has_nothing)
{
	struct pool pool;

	pool_init(&pool, sizeof(struct item), item_hash);
	ck_assert_uint_eq(find(&pool, 1), 0);
	ck_assert_uint_eq(pool_walk(&pool, 0), 0);
	pool_done(&pool);
}
END_TEST

START_TEST(numbers_begin_at_one_and_are_used_again)
{
	struct pool pool;

	pool_init(&pool, sizeof(struct item), item_hash);
	ck_assert_uint_eq(add(&pool, 10), 1);
	ck_assert_uint_eq(add(&pool, 20), 2);
	pool_remove(&pool, 1);
	ck_assert_uint_eq(find(&pool, 10), 0);
	ck_assert_uint_eq(pool_walk(&pool, 0), 2);
	ck_assert_uint_eq(add(&pool, 30), 1);
	ck_assert_uint_eq(pool.count, 2);
	pool_clear(&pool);
	ck_assert_uint_eq(pool.count, 0);
	ck_assert_uint_eq(find(&pool, 20), 0);
	ck_assert_uint_eq(add(&pool, 40), 1);
	pool_done(&pool);
}
END_TEST

#define KEYS 300
#define STEPS 20000

static size_t count_walk(const struct pool *pool)
{
	size_t count = 0;

	for (uint32_t i = pool_walk(pool, 0); i; i = pool_walk(pool, i))
		count++;
	return count;
}

START_TEST(any_mix_of_changes_keeps_every_item_findable)
{
	uint32_t numbers[KEYS] = {};
	struct pool pool;
	size_t count = 0;

	srand(1);
	pool_init(&pool, sizeof(struct item), item_hash);
	for (int step = 0; step < STEPS; step++) {
		uint32_t key = (uint32_t)(rand() % KEYS);

		ck_assert_uint_eq(find(&pool, key), numbers[key]);
		if (numbers[key]) {
			pool_remove(&pool, numbers[key]);
			numbers[key] = 0;
			count--;
		} else {
			numbers[key] = add(&pool, key);
			ck_assert_uint_ne(numbers[key], 0);
			count++;
		}
		ck_assert_uint_eq(pool.count, count);
	}
	ck_assert_uint_eq(count_walk(&pool), count);
	for (uint32_t key = 0; key < KEYS; key++)
		ck_assert_uint_eq(find(&pool, key), numbers[key]);
	pool_done(&pool);
}
END_TEST

CHECK_MAIN("service pool",
	   CHECK_TEST(an_empty_pool_has_nothing),
	   CHECK_TEST(numbers_begin_at_one_and_are_used_again),
	   CHECK_TEST(any_mix_of_changes_keeps_every_item_findable))
