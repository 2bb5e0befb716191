// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include <jansson.h>
#include <malloc.h>
#include <string.h>

#include "base/jsonarena.h"

#define LONG (1 << 20) /* longer than any piece */
#define MANY 20000

static json_t *read_text(const char *text)
{
	json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	ck_assert_ptr_nonnull(value);
	return value;
}

static json_t *many(void)
{
	json_t *list = json_array();

	for (int i = 0; i < MANY; i++)
		ck_assert_int_eq(json_array_append_new(list, json_pack("{s:i, s:s}", "number", i,
								       "name", "something")), 0);
	return list;
}

static void is_many(const json_t *list)
{
	ck_assert_uint_eq(json_array_size(list), MANY);
	for (size_t i = 0; i < MANY; i++) {
		const json_t *item = json_array_get(list, i);

		ck_assert_int_eq(json_integer_value(json_object_get(item, "number")), (int)i);
		ck_assert_str_eq(json_string_value(json_object_get(item, "name")), "something");
	}
}

static size_t allocated(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

START_TEST(values_are_the_same_with_and_without)
{
	json_t *before = read_text("{\"a\": [1, \"two\", {\"b\": null}]}"), *within;

	for (int i = 0; i < 3; i++) {
		json_arena_open();
		within = read_text("{\"a\": [1, \"two\", {\"b\": null}]}");
		ck_assert(json_equal(before, within));
		is_many(many());
		json_arena_close();
	}
	ck_assert_str_eq(json_string_value(json_array_get(json_object_get(before, "a"), 1)), "two");
	json_decref(before);
}
END_TEST

START_TEST(all_of_it_goes_whether_it_was_freed_or_not)
{
	size_t before = allocated();
	json_t *list;

	json_arena_open();
	many();
	list = many();
	is_many(list);
	json_decref(list);
	is_many(many());
	json_arena_close();
	ck_assert_uint_lt(allocated(), before + 65536);
}
END_TEST

START_TEST(a_value_may_be_large)
{
	static char text[LONG + 1];
	json_t *value;

	memset(text, 'x', LONG);
	json_arena_open();
	value = json_string(text);
	ck_assert_str_eq(json_string_value(value), text);
	ck_assert_str_eq(json_string_value(json_string("short")), "short");
	json_decref(value);
	json_arena_close();
}
END_TEST

START_TEST(what_is_no_json_leaves_nothing)
{
	size_t before;

	json_arena_open();
	json_arena_close();
	before = allocated();
	for (int i = 0; i < 100; i++) {
		json_arena_open();
		ck_assert_ptr_null(json_loads("{\"a\": [1, 2, {\"b\": \"c\"", 0, NULL));
		json_arena_close();
	}
	ck_assert_uint_lt(allocated(), before + 4096);
}
END_TEST

CHECK_MAIN("jsonarena",
	   CHECK_TEST(values_are_the_same_with_and_without),
	   CHECK_TEST(all_of_it_goes_whether_it_was_freed_or_not),
	   CHECK_TEST(a_value_may_be_large),
	   CHECK_TEST(what_is_no_json_leaves_nothing))
