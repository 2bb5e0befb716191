// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "lib/check_main.h"

#include "base/few.h"

#define SIZE sizeof(uint32_t)

static const uint32_t counts[] = { 0, 1, 2, 3, 4, 5, 100 };

static void is_sequence(const struct few *few, uint32_t first, uint32_t count)
{
	const uint32_t *items = few_items(few);

	ck_assert_uint_eq(few->count, count);
	for (uint32_t i = 0; i < count; i++)
		ck_assert_uint_eq(items[i], first + i);
}

static void add(struct few *few, uint32_t item)
{
	ck_assert_int_eq(few_add(few, &item, SIZE), 0);
}

START_TEST(items_that_are_added_keep_their_order)
{
	struct few few = {};

	for (uint32_t i = 0; i < counts[_i]; i++)
		add(&few, 7 + i);
	is_sequence(&few, 7, counts[_i]);
	few_done(&few);
	is_sequence(&few, 0, 0);
}
END_TEST

START_TEST(what_is_taken_replaces_and_grows)
{
	uint32_t *items = calloc(counts[_i] + 1, SIZE);
	struct few few = {};

	for (uint32_t i = 0; i < 3; i++)
		add(&few, 1000 + i);
	for (uint32_t i = 0; i < counts[_i]; i++)
		items[i] = i;
	few_take(&few, items, counts[_i], SIZE);
	is_sequence(&few, 0, counts[_i]);
	for (uint32_t i = 0; i < 3; i++)
		add(&few, counts[_i] + i);
	is_sequence(&few, 0, counts[_i] + 3);
	few_done(&few);
}
END_TEST

START_TEST(the_others_stay_when_one_is_removed)
{
	const uint32_t first = 7, none = 1000;
	struct few few = {};

	add(&few, first);
	for (uint32_t i = 0; i < counts[_i]; i++)
		add(&few, 8 + i);
	add(&few, first);
	few_remove(&few, &none, SIZE);
	ck_assert_uint_eq(few.count, counts[_i] + 2);
	few_remove(&few, &first, SIZE);
	is_sequence(&few, 8, counts[_i]);
	add(&few, 8 + counts[_i]);
	is_sequence(&few, 8, counts[_i] + 1);
	few_done(&few);
}
END_TEST

START_TEST(a_text_is_one_item)
{
	static const char *const texts[] = { "", "tcp-80", "1234567", "12345678", "a longer one" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct few few = {};

		ck_assert_int_eq(few_add(&few, texts[i], strlen(texts[i]) + 1), 0);
		ck_assert_str_eq(few_items(&few), texts[i]);
		few_done(&few);
	}
}
END_TEST

CHECK_MAIN("few", CHECK_LOOP(items_that_are_added_keep_their_order, counts),
	   CHECK_LOOP(what_is_taken_replaces_and_grows, counts),
	   CHECK_LOOP(the_others_stay_when_one_is_removed, counts), CHECK_TEST(a_text_is_one_item))
