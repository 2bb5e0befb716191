// SPDX-License-Identifier: Apache-2.0
#include <stdbool.h>

#include "lib/check_main.h"

#include "base/hash.h"

#define NODES 1000

static struct hash_node nodes[NODES];

static bool has(const struct hash *hash, const struct hash_node *wanted, uint32_t value)
{
	for (struct hash_node *node = hash_chain(hash, value); node; node = node->next)
		if (node == wanted && node->hash == value)
			return true;
	return false;
}

static void remove_even(struct hash_node *node, void *arg)
{
	if ((node - nodes) % 2 == 0)
		hash_remove(arg, node);
}

static void count(struct hash_node *node, void *arg)
{
	(*(int *)arg)++;
}

/* Values that are all different, or few. */
START_TEST(what_was_added_is_found_until_it_is_removed)
{
	uint32_t distinct = _i ? 7 : NODES;
	struct hash hash = {};
	int seen = 0;

	ck_assert_ptr_null(hash_chain(&hash, 5));
	for (uint32_t i = 0; i < NODES; i++)
		ck_assert_int_eq(hash_add(&hash, &nodes[i], i % distinct), 0);
	hash_each(&hash, remove_even, &hash);
	for (uint32_t i = 0; i < NODES; i++)
		ck_assert_int_eq(has(&hash, &nodes[i], i % distinct), i % 2);
	hash_each(&hash, count, &seen);
	ck_assert_int_eq(seen, NODES / 2);
	ck_assert_uint_eq(hash.count, NODES / 2);
	hash_done(&hash);
}
END_TEST

START_TEST(all_bytes_count)
{
	ck_assert_uint_ne(hash_bytes(0, "ab", 2), hash_bytes(0, "ba", 2));
	ck_assert_uint_ne(hash_bytes(0, "ab", 2), hash_bytes(0, "ab", 3));
	ck_assert_uint_ne(hash_bytes(hash_bytes(0, "a", 1), "b", 1),
			  hash_bytes(hash_bytes(0, "b", 1), "a", 1));
}
END_TEST

static const char ways[2];

CHECK_MAIN("hash", CHECK_LOOP(what_was_added_is_found_until_it_is_removed, ways),
	   CHECK_TEST(all_bytes_count))
