// SPDX-License-Identifier: Apache-2.0
/* What JSON takes in memory, told before it is parsed, against the allocator's own figures. */
#include "lib/check_main.h"

#include <jansson.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/jsoncost.h"

#define COUNT 20000

static const char *const values[] = {
	"{}", "[]", "1", "\"x\"", "null", "{\"k\":1}", "{\"k\":\"v\"}", "[[]]", "[{}]", "{\"k\":{}}",
	"{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9}",
	"\"a text that does not fit into the smallest piece of memory\"",
	"\"\\\\\",[\"\\\"\",\"{,[\"]", "[\"\\\"\",{\"\\\\\":{}}]",
};

START_TEST(the_cost_is_never_below_what_is_taken)
{
	cleanup(freep) char *text = NULL;
	size_t length, before, taken, cost;
	FILE *out = open_memstream(&text, &length);
	json_t *value;

	fputs("[", out);
	for (int i = 0; i < COUNT; i++)
		fprintf(out, "%s%s", i ? "," : "", values[_i]);
	fputs("]", out);
	fclose(out);
	cost = json_cost(text, length);
	before = mallinfo2().uordblks + mallinfo2().hblkhd;
	value = json_loadb(text, length, 0, NULL);
	taken = mallinfo2().uordblks + mallinfo2().hblkhd - before;
	ck_assert_ptr_nonnull(value);
	ck_assert_uint_ge(cost, taken);
	json_decref(value);
}
END_TEST

/* Who may write a label or an annotation must not make its object too dear to be read. */
START_TEST(strings_cost_their_length)
{
	char text[1000];

	memset(text, "{[,"[_i], sizeof(text));
	text[0] = text[sizeof(text) - 1] = '"';
	ck_assert_uint_eq(json_cost(text, sizeof(text)), sizeof(text));
	text[1] = '\\';
	text[2] = '"';
	ck_assert_uint_eq(json_cost(text, sizeof(text)), sizeof(text));
}
END_TEST

static const int marks[3];

CHECK_MAIN("jsoncost", CHECK_LOOP(the_cost_is_never_below_what_is_taken, values),
	   CHECK_LOOP(strings_cost_their_length, marks))
