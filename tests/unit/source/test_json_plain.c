// SPDX-License-Identifier: Apache-2.0
/* Which texts are read by the fast way, and that they are read as the other one reads them. */
#include "lib/check_main.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/jsoncost.h"
#include "source/json_arena.h"
#include "source/json_plain.h"

#define FLAGS (JSON_REJECT_DUPLICATES | JSON_DECODE_ANY)

static struct json_arena arena;

static void begin(void)
{
	json_arena_begin(&arena);
}

static void end(void)
{
	json_arena_end(&arena);
	json_arena_done(&arena);
}

/* NULL: it is not read by the fast way. */
static json_t *fast(const char *text)
{
	struct json_extent extent = json_extent(text, strlen(text));

	ck_assert_ptr_eq(extent.end, text + strlen(text));
	return extent.is_plain ? json_plain(text, strlen(text)) : NULL;
}

static const char *const plain[] = {
	"{}", "[]", "\"\"", "true", "[true,false,null]", " { \"a\" : [ 1 , -2 ] } \n",
	"{\"metadata\":{\"name\":\"a\"},\"spec\":{\"ports\":[{\"port\":80}]}}",
	"[999999999999999,-999999999999999,0,-0]", "\"]},{[\"", "{\"\":{\"\":[[]]}}",
};

START_TEST(plain_texts_are_read_as_by_jansson)
{
	json_t *value;

	begin();
	value = fast(plain[_i]);
	ck_assert_ptr_nonnull(value);
	ck_assert(json_equal(value, json_loads(plain[_i], FLAGS, NULL)));
	end();
}
END_TEST

static const char *const odd[] = {
	"", "01", "[-]", "[+1]", "[1.0]", "[1e3]", "[1E3]", "[-01]", "[1-2]", "[1000000000000000]",
	"\"\\n\"", "\"\\u0000\"", "\"\xc3\xa4\"", "\"a\tb\"", "\"a\x7f\"", "[1,\f2]", "\xef\xbb\xbf{}",
	"{\"a\":1,\"a\":2}", "{\"a\":{\"b\":1,\"c\":2,\"b\":1}}", "[1,]", "{\"a\":1,}", "{\"a\" 1}",
	"{\"a\":[1", "{\"a\":1} x", "[trueX]", "{'a':1}", "\"", "nul",
};

START_TEST(others_are_left_to_jansson)
{
	begin();
	ck_assert_ptr_null(fast(odd[_i]));
	end();
}
END_TEST

START_TEST(deep_ones_are_left_to_jansson)
{
	char text[201] = "";

	memset(text, '[', 100);
	memset(text + 100, ']', 100);
	begin();
	ck_assert_ptr_null(fast(text));
	end();
}
END_TEST

START_TEST(what_no_decoder_asks_for_is_left_out)
{
	static const char whole[] =
		"{\"metadata\":{\"managedFields\":[{}],\"ownerReferences\":[{}],"
		"\"annotations\":{\"a\":\"b\"}},\"targetRef\":1,"
		"\"endpoints\":[{\"targetRef\":{\"kind\":\"Pod\"},\"nodeName\":\"n\"}]}";
	static const char rest[] = "{\"metadata\":{\"annotations\":{\"a\":\"b\"}},\"targetRef\":1,"
				   "\"endpoints\":[{\"nodeName\":\"n\"}]}";

	begin();
	ck_assert(json_equal(fast(whole), json_loads(rest, 0, NULL)));
	end();
}
END_TEST

static const struct {
	const char *text;
	size_t length; /* of the first value */
} extents[] = {
	{ "1,2", 1 }, { "{\"a\":[1,2]},3", 11 }, { "\"],}\"]", 5 }, { "\"\\\"]\"}", 5 },
	{ "[[],{}]}", 7 }, { "]", 0 }, { "", 0 }, { "{[", 2 }, { "\"", 1 }, { "\"\\", 2 },
};

START_TEST(a_value_ends_at_a_comma_or_bracket)
{
	const char *text = extents[_i].text;
	struct json_extent extent = json_extent(text, strlen(text));

	ck_assert_uint_eq((size_t)(extent.end - text), extents[_i].length);
	ck_assert_uint_eq(extent.cost, json_cost(text, extents[_i].length));
}
END_TEST

START_TEST(errors_tell_whose_fault_it_is)
{
	static const char bad[] = "{\"a\":01}", dear[] = "[]";
	struct json_extent extent = json_extent(bad, strlen(bad));
	int error = 0;

	begin();
	ck_assert_ptr_null(json_plain_or(FLAGS, bad, &extent, &error));
	ck_assert_int_eq(error, -EINVAL);
	extent = json_extent(dear, strlen(dear));
	ck_assert_ptr_nonnull(json_plain_or(FLAGS, dear, &extent, &error));
	extent.cost = SIZE_MAX;
	ck_assert_ptr_null(json_plain_or(FLAGS, dear, &extent, &error));
	ck_assert_int_eq(error, -EINVAL);
	end();
}
END_TEST

START_TEST(an_arena_is_used_again)
{
	json_t *value;

	for (int i = 0; i < 3; i++) {
		json_arena_begin(&arena);
		value = fast(plain[6]);
		ck_assert_ptr_nonnull(json_object_get(value, "spec"));
		json_arena_end(&arena);
	}
	json_arena_done(&arena);
}
END_TEST

CHECK_MAIN("json_plain",
	   CHECK_LOOP(plain_texts_are_read_as_by_jansson, plain),
	   CHECK_LOOP(others_are_left_to_jansson, odd),
	   CHECK_TEST(deep_ones_are_left_to_jansson),
	   CHECK_TEST(what_no_decoder_asks_for_is_left_out),
	   CHECK_LOOP(a_value_ends_at_a_comma_or_bracket, extents),
	   CHECK_TEST(errors_tell_whose_fault_it_is),
	   CHECK_TEST(an_arena_is_used_again))
