// SPDX-License-Identifier: Apache-2.0
/* The name of an object that is not parsed. */
#include "lib/check_main.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "source/api_outline.h"

static const struct {
	const char *text;
	const char *outline;
} objects[] = {
	{ "{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\",\"resourceVersion\":\"7\"}}",
	  "{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\",\"resourceVersion\":\"7\"}}" },
	{ " { \"spec\" : [ {} , \"]}\" ] ,\n"
	  "\"metadata\" : { \"x\" : { \"name\" : \"b\" } , \"name\" : \"a\" } }",
	  "{\"metadata\":{\"name\":\"a\"}}" },
	{ "{\"a\":\"\\\"metadata\\\":{\",\"metadata\":{\"name\":\"\\u0061\"},\"spec\":nonsense}",
	  "{\"metadata\":{\"name\":\"a\"}}" },
	{ "{\"metadata\":{\"name\":7,\"namespace\":{\"name\":\"n\"},\"names\":\"a\"}}",
	  "{\"metadata\":{}}" },
	{ "{\"metadata\":[\"name\",\"a\"]}", "{\"metadata\":{}}" },
	{ "{\"metadata\"", "{\"metadata\":{}}" },
	{ "{\"metadata\":", "{\"metadata\":{}}" },
	{ "{\"metadata\":{\"name\":\"a", "{\"metadata\":{}}" },
	{ "{\"metadata\\", "{\"metadata\":{}}" },
	{ "[]", "{\"metadata\":{}}" },
	{ "", "{\"metadata\":{}}" },
};

/* Each text is an allocation of its length, for sanitizers. */
START_TEST(the_outline_has_the_names)
{
	size_t length = strlen(objects[_i].text);
	cleanup(freep) char *text = malloc(length + !length);
	cleanup(freep) char *told = NULL;
	json_t *outline;

	memcpy(text, objects[_i].text, length);
	outline = api_outline(text, length);
	told = json_dumps(outline, JSON_COMPACT);
	ck_assert_str_eq(told, objects[_i].outline);
	json_decref(outline);
}
END_TEST

START_TEST(a_name_is_short)
{
	char text[2000];
	json_t *outline;

	memset(text, 'a', sizeof(text));
	memcpy(text, "{\"metadata\":{\"name\":\"", 21);
	memcpy(text + sizeof(text) - 3, "\"}}", 3);
	outline = api_outline(text, sizeof(text));
	ck_assert_uint_eq(json_object_size(json_object_get(outline, "metadata")), 0);
	json_decref(outline);
}
END_TEST

static const struct {
	const char *text;
	const char *inside;
	const char *trimmed; /* NULL: nothing is left out */
} noises[] = {
	{ "{\"metadata\":{\"managedFields\":[{\"f:a\":{}}],\"name\":\"a\"},\"spec\":{}}", NULL,
	  "{\"metadata\":{\"managedFields\":null,\"name\":\"a\"},\"spec\":{}}" },
	{ "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\","
	  "\"managedFields\": [\"]}\", {\"\\\"\":1}] } }", NULL,
	  "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\",\"managedFields\":null} }" },
	{ "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"managedFields\":[]}}}", "object",
	  "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"managedFields\":null}}}" },
	{ "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"managedFields\":[]}}}", NULL, NULL },
	{ "{\"metadata\":{\"managedFields\":[]}}", "object", NULL },
	/* Only there: elsewhere it is somebody's own. */
	{ "{\"metadata\":{\"labels\":{\"managedFields\":\"a\"}}}", NULL, NULL },
	{ "{\"managedFields\":[],\"spec\":{\"metadata\":{\"managedFields\":[]}}}", NULL, NULL },
	{ "{\"metadata\":{\"name\":\"managedFields\"}}", NULL, NULL },
	/* What is no JSON does not become any that says more. */
	{ "{\"metadata\":{\"managedFields\":[", NULL, "{\"metadata\":{\"managedFields\":null" },
	{ "{\"metadata\":{\"managedFields\":", NULL, "{\"metadata\":{\"managedFields\":null" },
	{ "{\"metadata\":{\"managedFields\"", NULL, NULL },
	{ "{\"metadata\":[\"managedFields\"]}", NULL, NULL },
	{ "[]", NULL, NULL },
	{ "", "object", NULL },
};

START_TEST(who_set_which_field_is_left_out)
{
	size_t length = strlen(noises[_i].text);
	cleanup(freep) char *text = malloc(length + !length);
	struct buf trimmed = {};
	bool is_trimmed;

	memcpy(text, noises[_i].text, length);
	is_trimmed = api_outline_trim(&trimmed, text, length, noises[_i].inside);
	ck_assert_int_eq(is_trimmed, noises[_i].trimmed != NULL);
	if (is_trimmed)
		ck_assert_str_eq(trimmed.data, noises[_i].trimmed);
	buf_done(&trimmed);
}
END_TEST

CHECK_MAIN("api_outline", CHECK_LOOP(the_outline_has_the_names, objects),
	   CHECK_TEST(a_name_is_short), CHECK_LOOP(who_set_which_field_is_left_out, noises))
