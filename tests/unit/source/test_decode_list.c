// SPDX-License-Identifier: Apache-2.0
/* Lists whose elements are decoded before the list is known as a whole. */
#include "lib/check_main.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "dump.h"
#include "source/decode.h"
#include "source/yaml.h"

#define POD(name) "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"" name "\"}}"
#define BARE(name) "{\"metadata\": {\"name\": \"" name "\"}}"
#define LATE(items, kind) "{\"apiVersion\": \"v1\", \"items\": [" items "], \"kind\": \"" kind "\"}"
#define SAYS(name) "Pod default/" name " node= uid=\n"
#define AT(text) "error: document 1 line 1: " text "\n"

struct row {
	const char *text;
	const char *says;
};

/* They are JSON and YAML alike. */
static const struct row lists[] = {
	{ LATE("", "List"), "" },
	{ LATE(POD("a") ", " POD("b"), "List"), SAYS("a") SAYS("b") },
	{ LATE(POD("a") ", " POD("b"), "PodList"), SAYS("a") SAYS("b") },
	/* Of those that say not what they are, it is known only at the end. */
	{ LATE(BARE("a") ", " BARE("b"), "PodList"), SAYS("a") SAYS("b") },
	{ LATE(POD("a") ", " BARE("b") ", " POD("c"), "PodList"), SAYS("a") SAYS("b") SAYS("c") },
	{ LATE(POD("a") ", " BARE("b") ", " POD("c"), "List"),
	  SAYS("a") SAYS("c") AT("items[1].apiVersion: is required") },
	{ LATE(POD("a") ", null, 7, " POD("A") ", {}, []", "List"),
	  SAYS("a") AT("items[1]: must be a mapping, not null")
	  AT("items[2]: must be a mapping, not a number")
	  AT("items[3].metadata.name: must be a lower case name, not \"A\"")
	  AT("items[4].apiVersion: is required") AT("items[5]: must be a mapping, not a list") },
	{ LATE(LATE(POD("a"), "List"), "List"), AT("items[0]: is a list within a list") },
	/* What turns out to be no list has no elements. */
	{ LATE(POD("a") ", null", "ConfigMap"), "" },
	{ LATE(POD("a") ", null", "ConfigMapList"), "" },
	{ LATE(POD("a") ", null", "pod"), AT("kind: must be Pod, not \"pod\"") },
	{ "{\"items\": [" POD("a") "], \"apiVersion\": \"example.com/v1\", \"kind\": \"PodList\"}", "" },
	{ "{\"items\": [" POD("a") "], \"apiVersion\": \"v1\"}", AT("kind: is required") },
	{ "{\"items\": [" POD("a") "], \"kind\": \"List\"}", AT("apiVersion: is required") },
	{ "{\"items\": [" POD("b") "], \"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {"
	  "\"name\": \"a\"}}", SAYS("a") },
	/* Not the member of the root. */
	{ "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"metadata\": {\"items\": [" POD("a") "]}}", "" },
	{ "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"metadata\": \"\\\"items\\\": [\", \"items\": ["
	  POD("a") "]}", SAYS("a") },
	{ " {\"it\\u0065ms\" : [" POD("a") "] , \"apiVersion\":\"v1\",\"kind\" :\"List\"} ", SAYS("a") },
};

/* A comment at the end makes YAML of it. */
START_TEST(a_list_is_read_whatever_the_order_of_its_members)
{
	cleanup(freep) char *yaml = NULL;

	ck_assert_int_ge(asprintf(&yaml, "%s # YAML", lists[_i].text), 0);
	check_decodes(lists[_i].text, lists[_i].says);
	check_decodes(yaml, lists[_i].says);
}
END_TEST

#define BROKEN(line, why) "error: document 0 line " line ": not YAML: " why "\n"

static const struct row broken[] = {
	{ LATE(POD("a") " " POD("b"), "List"), BROKEN("1", "did not find expected ',' or ']'") },
	{ "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [" POD("a") ", " POD("b"),
	  BROKEN("2", "did not find expected ',' or ']'") },
	{ "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [" POD("a") "], \"items\": [" POD("b")
	  "]}", "error: document 0 line 1: the key \"items\" is there twice\n" },
	/* A document that is whole counts. */
	{ LATE(POD("a"), "List") "}", SAYS("a") BROKEN("1", "did not find expected <document start>") },
	/* Documents around it are read, and what is wrong in one of them is told. */
	{ POD("x") "\n---\napiVersion: v1\nkind: List\nitems:\n- " POD("a") "\n- null\n- {\n---\n"
	  POD("y") "\n---\nkind: List\nitems:\n- " POD("b") "\n- ]\n---\n" LATE(POD("z") ", 1", "List"),
	  SAYS("x") SAYS("y") SAYS("z")
	  BROKEN("9", "did not find expected node content")
	  BROKEN("15", "did not find expected node content")
	  "error: document 5 line 17: items[1]: must be a mapping, not a number\n" },
};

START_TEST(of_a_broken_list_nothing_counts)
{
	check_decodes(broken[_i].text, broken[_i].says);
}
END_TEST

START_TEST(elements_may_refer_to_earlier_ones)
{
	check_decodes("apiVersion: v1\nkind: List\nitems:\n"
		      "- {apiVersion: v1, kind: Namespace, metadata: {name: a, labels: &l {x: 'y'}}}\n"
		      "- {apiVersion: v1, kind: Pod, metadata: {name: b}}\n"
		      "- &c {apiVersion: v1, kind: Namespace, metadata: {name: c, labels: *l}}\n"
		      "- *c\n---\n"
		      "base: &base {items: [{apiVersion: v1, kind: Pod, metadata: {name: d}}]}\n"
		      "<<: *base\napiVersion: v1\nkind: List\n---\n"
		      "more: &i [{apiVersion: v1, kind: Pod, metadata: {name: e}}]\n"
		      "items: *i\napiVersion: v1\nkind: List\n---\n"
		      "items: &j [{apiVersion: v1, kind: Pod, metadata: {name: f}}]\n"
		      "more: *j\napiVersion: v1\nkind: List\n",
		      "Namespace a kubernetes.io/metadata.name=a x=y\n" SAYS("b")
		      "Namespace c kubernetes.io/metadata.name=c x=y\n"
		      "Namespace c kubernetes.io/metadata.name=c x=y\n" SAYS("d") SAYS("e") SAYS("f"));
}
END_TEST

struct count {
	size_t objects, settled;
	char *problem;
};

static void count_object(void *arg, struct object *obj)
{
	((struct count *)arg)->objects++;
	object_free(obj);
}

static void keep_problem(void *arg, const struct decode_problem *problem)
{
	struct count *count = arg;

	free(count->problem);
	count->problem = strdup(problem->text);
}

static void settle(void *arg, bool counts)
{
	struct count *count = arg;

	count->objects = counts ? count->objects : count->settled;
	count->settled = count->objects;
}

static struct count count_text(const char *text, size_t length)
{
	struct count count = {};
	const struct decode_sink sink = { .arg = &count, .object = count_object,
					  .problem = keep_problem, .settle = settle };

	ck_assert_int_eq(decode_text(&sink, text, length), 0);
	return count;
}

#define LARGE_COUNT 2000

/* As many pods as large as kubectl writes them: each takes 100 KiB in memory, all of them 200 MiB. */
static char *large_list(bool json, size_t *length, size_t count, size_t labels)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, length);

	fputs("{\"apiVersion\": \"v1\", \"items\": [\n", out);
	for (size_t i = 0; i < count; i++) {
		fprintf(out, "%s{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": "
			"\"p%zu\", \"labels\": {\"a\": \"\"", i ? ",\n" : "", i);
		for (size_t j = 0; j < labels; j++)
			fprintf(out, ", \"l%zu\": \"\"", j);
		fputs("}}}", out);
	}
	fprintf(out, "], \"kind\": \"List\"}%s", json ? "" : " # YAML");
	fclose(out);
	return text;
}

static const bool formats[] = { false, true }; /* is JSON */

START_TEST(a_list_may_be_larger_than_a_document)
{
	struct count count;
	size_t length;
	cleanup(freep) char *text = large_list(formats[_i], &length, LARGE_COUNT, 550);

	ck_assert_uint_lt(length, YAML_TEXT_MAX);
	count = count_text(text, length);
	ck_assert_msg(!count.problem, "%s", count.problem);
	ck_assert_uint_eq(count.objects, LARGE_COUNT);
}
END_TEST

START_TEST(an_element_that_is_too_large_is_refused)
{
	struct count count;
	size_t length;
	cleanup(freep) char *text = large_list(formats[_i], &length, 1, YAML_COST_MAX / 176);

	count = count_text(text, length);
	ck_assert_uint_eq(count.objects, 0);
	ck_assert_ptr_nonnull(count.problem);
	ck_assert_str_eq(count.problem, "an element of the list takes more than 32 MiB of memory");
	free(count.problem);
}
END_TEST

CHECK_MAIN("decode_list",
	   CHECK_LOOP(a_list_is_read_whatever_the_order_of_its_members, lists),
	   CHECK_LOOP(of_a_broken_list_nothing_counts, broken),
	   CHECK_TEST(elements_may_refer_to_earlier_ones),
	   CHECK_LOOP(a_list_may_be_larger_than_a_document, formats),
	   CHECK_LOOP(an_element_that_is_too_large_is_refused, formats))
