// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "source/yaml.h"

struct outcome {
	FILE *out;
	int stop_with;
};

/* "NUMBER@LINE VALUE;" for each document, in one line of sorted compact JSON. */
static int take_document(void *arg, const json_t *value, unsigned int number, unsigned int line)
{
	struct outcome *outcome = arg;
	cleanup(freep) char *json =
		json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);

	ck_assert_ptr_nonnull(json);
	fprintf(outcome->out, "%u@%u %s;", number, line, json);
	return outcome->stop_with;
}

static int take_broken(void *arg, unsigned int line, const char *why)
{
	struct outcome *outcome = arg;

	fprintf(outcome->out, "line %u: %s;", line, why);
	return 0;
}

static char *read_text(const char *text, size_t length, int stop_with, int expected)
{
	char *said = NULL;
	size_t size;
	struct outcome outcome = { open_memstream(&said, &size), stop_with };
	const struct yaml_sink sink = { &outcome, take_document, take_broken };
	int r = yaml_each(text, length, &sink);

	fclose(outcome.out);
	ck_assert_msg(r == expected, "%.200s: %d, %s", text, r, said);
	return said;
}

static void check_text(const char *text, const char *expected)
{
	cleanup(freep) char *said = read_text(text, strlen(text), 0, 0);

	ck_assert_msg(!strcmp(said, expected), "%s\nexpected: %s\nsays: %s", text, expected, said);
}

struct row {
	const char *text;
	const char *says;
};

static const struct row scalars[] = {
	{ "[null, Null, NULL, ~]", "[null,null,null,null]" },
	{ "[a: ]", "[{\"a\":null}]" },
	{ "[true, True, TRUE, yes, Yes, YES, on, On, ON, y, Y]",
	  "[true,true,true,true,true,true,true,true,true,true,true]" },
	{ "[false, False, FALSE, no, No, NO, off, Off, OFF, n, N]",
	  "[false,false,false,false,false,false,false,false,false,false,false]" },
	{ "[tRUE, nULL, yEs, oN, t]", "[\"tRUE\",\"nULL\",\"yEs\",\"oN\",\"t\"]" },
	{ "[0, 80, -1, +5, 1_000]", "[0,80,-1,5,1000]" },
	{ "[0x50, 0X50, 0o17, 017, 0b101, -0x10]", "[80,80,15,15,5,-16]" },
	/* No octal number, hence a float; one without a fraction is an integer. */
	{ "[08, 80.0, 1e3, 1.]", "[8,80,1000,1]" },
	{ "[0.5, .5, -1.25, 1.5e-1]", "[0.5,0.5,-1.25,0.14999999999999999]" },
	{ "[9223372036854775807, -9223372036854775808]",
	  "[9223372036854775807,-9223372036854775808]" },
	{ "[9223372036854775808]", "[9.2233720368547758e18]" },
	{ "[1e999, .inf, .nan, 0x, 0o8, 0b2, 0x0x1, 1__x, +, -, ., 1.2.3, e3]",
	  "[\"1e999\",\".inf\",\".nan\",\"0x\",\"0o8\",\"0b2\",\"0x0x1\",\"1__x\",\"+\",\"-\","
	  "\".\",\"1.2.3\",\"e3\"]" },
	{ "[10.0.0.1, 2001-01-01, 12:30:45, fe80::1]",
	  "[\"10.0.0.1\",\"2001-01-01\",\"12:30:45\",\"fe80::1\"]" },
	{ "['80', \"true\", 'null', '~', '']", "[\"80\",\"true\",\"null\",\"~\",\"\"]" },
	{ "[!!str 80, ! 80, !!int '80', !!bool 'yes', !!float 1, !!null '']",
	  "[\"80\",\"80\",80,true,1,null]" },
	{ "\"\\u00e4\\n\"", "\"ä\\n\"" },
	{ "|\n  a\n  1\n", "\"a\\n1\\n\"" },
	{ ">-\n  80\n", "\"80\"" },
	{ "{1: a, 0x50: b, yes: c, 1.50: d, '2': e}",
	  "{\"1\":\"a\",\"1.50\":\"d\",\"2\":\"e\",\"80\":\"b\",\"true\":\"c\"}" },
};

START_TEST(scalars_resolve_as_kubernetes_reads_them)
{
	cleanup(freep) char *expected = NULL;

	ck_assert_int_ge(asprintf(&expected, "1@1 %s;", scalars[_i].says), 0);
	check_text(scalars[_i].text, expected);
}
END_TEST

static const struct row streams[] = {
	{ "", "" },
	{ "# only a comment\n", "" },
	{ "a: 1\n", "1@1 {\"a\":1};" },
	{ "\n# c\na: 1\n---\nb: 2\n", "1@3 {\"a\":1};2@5 {\"b\":2};" },
	{ "---\n---\n# nothing\n---\na: 1\n...\n---\nb: 2\n", "3@5 {\"a\":1};4@8 {\"b\":2};" },
	{ "---\n\n\na: 1\n---\n", "1@4 {\"a\":1};" },
	{ "%YAML 1.1\n---\na: 1\n", "1@3 {\"a\":1};" },
	{ "\xef\xbb\xbf" "a: 1\n", "1@1 {\"a\":1};" },
	{ "{\"a\": [1, \"b\\/\", {}]}", "1@1 {\"a\":[1,\"b/\",{}]};" },
};

START_TEST(documents_come_with_their_number_and_line)
{
	check_text(streams[_i].text, streams[_i].says);
}
END_TEST

static const struct row anchors[] = {
	{ "a: &x {b: [1, 2]}\nc: *x\n", "1@1 {\"a\":{\"b\":[1,2]},\"c\":{\"b\":[1,2]}};" },
	{ "[&x 1, *x, &x 2, *x]", "1@1 [1,1,2,2];" },
	{ "a: &x {p: 1, q: 2}\nb:\n  q: 3\n  <<: *x\n",
	  "1@1 {\"a\":{\"p\":1,\"q\":2},\"b\":{\"p\":1,\"q\":3}};" },
	{ "[&x {p: 1}, &y {p: 2, q: 2}, {<<: [*x, *y]}]",
	  "1@1 [{\"p\":1},{\"p\":2,\"q\":2},{\"p\":1,\"q\":2}];" },
	{ "{'<<': 1}", "1@1 {\"<<\":1};" },
};

START_TEST(aliases_stand_for_what_their_anchor_says)
{
	check_text(anchors[_i].text, anchors[_i].says);
}
END_TEST

static const struct row refused[] = {
	{ "a: 1\nb: 2\na: 3\n", "line 3: the key \"a\" is there twice;" },
	{ "a: {b: 1, 'b': 2}", "line 1: the key \"b\" is there twice;" },
	{ "{1: a, '1': b}", "line 1: the key \"1\" is there twice;" },
	{ "{<<: {a: 1}, <<: {a: 2}}", "line 1: the key \"<<\" is there twice;" },
	{ "{<<: 1}", "line 1: << needs a mapping or a list of mappings;" },
	{ "{<<: [1]}", "line 1: << needs a mapping or a list of mappings;" },
	{ "{[1]: 2}", "line 1: a key must be a plain value;" },
	{ "{~: 2}", "line 1: a key must be a plain value;" },
	{ "- *x\n", "line 1: alias of an unknown anchor;" },
	{ "&x [1, *x]", "line 1: alias of an unknown anchor;" },
	{ "--- &x 1\n--- *x\n", "1@1 1;line 2: alias of an unknown anchor;" },
	{ "a: \"x\\0y\"", "line 1: a value with a NUL or of an unknown tag;" },
	{ "a: !!int x", "line 1: a value with a NUL or of an unknown tag;" },
	{ "a: !mine x", "line 1: a value with a NUL or of an unknown tag;" },
	{ "a: !!set {x}", "line 1: a collection of an unknown tag;" },
	{ "a: 1\n---\nb: [1\n",
	  "1@1 {\"a\":1};line 4: not YAML: did not find expected ',' or ']';" },
	{ "a: 1\n b: 2\n", "line 2: not YAML: mapping values are not allowed in this context;" },
	{ "a:\n\t- b\n", "line 2: not YAML: found character that cannot start any token;" },
	{ "a: \xff", "line 1: not YAML: invalid leading UTF-8 octet;" },
};

START_TEST(what_has_no_single_meaning_is_refused_with_its_line)
{
	check_text(refused[_i].text, refused[_i].says);
}
END_TEST

#define GOOD "---\na: 1\n"
#define UNCLOSED ": not YAML: did not find expected ',' or ']'"

static const struct row resumed[] = {
	{ "b: [1\n" GOOD GOOD, "line 2" UNCLOSED ";2@3 {\"a\":1};3@5 {\"a\":1};" },
	{ GOOD "--- [1\n--- [2\n" GOOD,
	  "1@2 {\"a\":1};line 4" UNCLOSED ";line 5" UNCLOSED ";4@6 {\"a\":1};" },
	{ GOOD "--- 'b\n--- 2\n", "1@2 {\"a\":1};line 4: not YAML: found unexpected document "
	  "indicator;3@4 2;" },
	{ "b: 1\nb: 2\nc: 3\n---  # next\na: *x\n---\t{}\n",
	  "line 2: the key \"b\" is there twice;line 5: alias of an unknown anchor;3@6 {};" },
	{ "b: \xff\n" GOOD, "line 1: not YAML: invalid leading UTF-8 octet;2@3 {\"a\":1};" },
	{ "b: [1\n" "---a: 1\n ---\n--\n", "line 2" UNCLOSED ";" },
	{ "b: [1\r\n---\r\na: 1\r\n", "line 2" UNCLOSED ";2@3 {\"a\":1};" },
	{ GOOD "...\n%YAML x\n" GOOD,
	  "1@2 {\"a\":1};line 4: not YAML: did not find expected version number;3@6 {\"a\":1};" },
	{ "b: [1\n---", "line 2" UNCLOSED ";" },
	/* An anchor belongs to its document, wherever reading goes on. */
	{ "--- [&x 1, *x\n--- *x\n", "line 2" UNCLOSED ";line 2: alias of an unknown anchor;" },
};

START_TEST(reading_goes_on_after_a_broken_document)
{
	check_text(resumed[_i].text, resumed[_i].says);
}
END_TEST

START_TEST(the_number_of_broken_documents_is_limited)
{
	cleanup(freep) char *text = NULL;
	cleanup(freep) char *said = NULL;
	unsigned int broken = 0;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (int i = 0; i < 2 * YAML_BROKEN_MAX; i++)
		fputs("--- [\n", out);
	fputs(GOOD, out);
	fclose(out);
	said = read_text(text, size, 0, 0);
	ck_assert_ptr_null(strstr(said, "@"));
	for (const char *at = said; (at = strchr(at, ';')); at++)
		broken++;
	ck_assert_uint_eq(broken, YAML_BROKEN_MAX);
}
END_TEST

static char *nested(int levels)
{
	char *text = malloc((size_t)levels * 2 + 1);

	ck_assert_ptr_nonnull(text);
	memset(text, '[', (size_t)levels);
	memset(text + levels, ']', (size_t)levels);
	text[2 * levels] = '\0';
	return text;
}

START_TEST(nesting_is_limited)
{
	cleanup(freep) char *fits = nested(YAML_DEPTH_MAX);
	cleanup(freep) char *deep = nested(YAML_DEPTH_MAX + 1);
	cleanup(freep) char *said = read_text(fits, strlen(fits), 0, 0);

	check_text(deep, "line 1: nested deeper than 64 levels;");
}
END_TEST

/* Each level puts the one before it into a list. */
START_TEST(aliases_do_not_get_around_the_limit_of_depth)
{
	cleanup(freep) char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fprintf(out, "- &a0 x\n");
	for (int i = 1; i < 70; i++)
		fprintf(out, "- &a%d [*a%d]\n", i, i - 1);
	fclose(out);
	check_text(text, "line 64: nested deeper than 64 levels;");
}
END_TEST

/* Nine lists of nine aliases each: 9^9 values. */
START_TEST(a_bomb_of_aliases_is_refused)
{
	cleanup(freep) char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fprintf(out, "a0: &a0 x\n");
	for (int i = 1; i < 10; i++) {
		fprintf(out, "a%d: &a%d [", i, i);
		for (int n = 0; n < 9; n++)
			fprintf(out, "*a%d,", i - 1);
		fprintf(out, "]\n");
	}
	fclose(out);
	check_text(text, "line 7: more than 250000 values by aliases;");
}
END_TEST

START_TEST(the_number_of_anchors_is_limited)
{
	cleanup(freep) char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (int i = 0; i <= YAML_ANCHORS_MAX; i++)
		fprintf(out, "- &a%d x\n", i);
	fclose(out);
	check_text(text, "line 257: more than 256 anchors;");
}
END_TEST

/* Each document has a tenth of what a text may have, twenty times. */
START_TEST(aliases_add_up_over_the_documents_of_a_text)
{
	cleanup(freep) char *text = NULL;
	cleanup(freep) char *said = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (int document = 0; document < 20; document++) {
		fprintf(out, "---\n- &a [x,x,x,x,x,x,x,x,x]\n- [");
		for (int n = 0; n < YAML_ALIASED_MAX / 100; n++)
			fprintf(out, "*a ,");
		fprintf(out, "]\n");
	}
	fclose(out);
	said = read_text(text, size, 0, 0);
	ck_assert_ptr_nonnull(strstr(said, "more than 250000 values by aliases;"));
	ck_assert_ptr_nonnull(strstr(said, "10@"));
	ck_assert_ptr_null(strstr(said, "11@"));
}
END_TEST

/* More of a kind than the memory of a document has room for; in another document they are read. */
static const struct {
	const char *value;
	size_t cost;
} costs[] = { { "{}", 240 }, { "[]", 144 }, { "x", 97 }, { "{k: x}", 434 }, { "[x]", 241 } };

START_TEST(the_memory_of_a_document_is_limited)
{
	size_t count = YAML_COST_MAX / costs[_i].cost, size;
	cleanup(freep) char *text = NULL;
	cleanup(freep) char *said = NULL;
	FILE *out = open_memstream(&text, &size);

	fprintf(out, "- 1\n---\n");
	for (size_t i = 0; i <= count; i++)
		fprintf(out, "- %s\n", costs[_i].value);
	fprintf(out, "---\n- 2\n");
	fclose(out);
	said = read_text(text, size, 0, 0);
	ck_assert_ptr_nonnull(strstr(said, "1@1 [1];line "));
	ck_assert_ptr_nonnull(strstr(said, "takes more than 32 MiB of memory"));
	ck_assert_ptr_nonnull(strstr(said, " [2];"));
}
END_TEST

START_TEST(a_text_that_is_too_large_is_refused)
{
	size_t length = YAML_TEXT_MAX + 1;
	cleanup(freep) char *text = malloc(length);
	cleanup(freep) char *said = NULL;

	ck_assert_ptr_nonnull(text);
	memset(text, ' ', length);
	said = read_text(text, length, 0, 0);
	ck_assert_str_eq(said, "line 0: larger than 16 MiB;");
}
END_TEST

START_TEST(the_caller_can_stop)
{
	cleanup(freep) char *said = read_text("a: 1\n---\nb: 1\n", 14, -ENOSPC, -ENOSPC);

	ck_assert_str_eq(said, "1@1 {\"a\":1};");
}
END_TEST

CHECK_MAIN("yaml", CHECK_LOOP(scalars_resolve_as_kubernetes_reads_them, scalars),
	   CHECK_LOOP(documents_come_with_their_number_and_line, streams),
	   CHECK_LOOP(aliases_stand_for_what_their_anchor_says, anchors),
	   CHECK_LOOP(what_has_no_single_meaning_is_refused_with_its_line, refused),
	   CHECK_LOOP(reading_goes_on_after_a_broken_document, resumed),
	   CHECK_TEST(the_number_of_broken_documents_is_limited),
	   CHECK_TEST(nesting_is_limited), CHECK_TEST(aliases_do_not_get_around_the_limit_of_depth),
	   CHECK_TEST(a_bomb_of_aliases_is_refused),
	   CHECK_TEST(the_number_of_anchors_is_limited),
	   CHECK_TEST(aliases_add_up_over_the_documents_of_a_text),
	   CHECK_LOOP(the_memory_of_a_document_is_limited, costs),
	   CHECK_TEST(a_text_that_is_too_large_is_refused), CHECK_TEST(the_caller_can_stop))
