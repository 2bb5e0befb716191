// SPDX-License-Identifier: Apache-2.0
/* From a text to the values of its documents: YAML, or JSON. */
#include <string.h>

#include "base/jsonarena.h"
#include "base/jsoncost.h"
#include "source/decode.h"
#include "source/yaml.h"

static int decode_document(void *arg, const json_t *value, unsigned int number, unsigned int line)
{
	return decode_json(arg, value, number, line);
}

static int report_broken(void *arg, unsigned int line, const char *why)
{
	const struct decode_sink *sink = arg;
	struct decode_problem problem = { .object = "", .field = "", .line = line, .text = why };

	sink->problem(sink->arg, &problem);
	return 0;
}

/*
 * JSON first: almost all of it is YAML too, but not surrogate pairs. What is
 * wrong with it, the YAML parser says with its line; it also counts
 * exactly what the values take.
 */
static json_t *load_json(const char *text, size_t length)
{
	size_t blank = 0;

	while (blank < length && strchr(" \t\r\n", text[blank]))
		blank++;
	if (blank == length || text[blank] != '{')
		return NULL;
	if (length > YAML_TEXT_MAX || json_cost(text, length) > YAML_COST_MAX)
		return NULL;
	return json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
}

/* False: it is no JSON. Then nothing has happened. */
static bool decode_as_json(int *ret, const struct decode_sink *sink, const char *text,
			   size_t length)
{
	json_t *value = load_json(text, length);

	if (!value)
		return false;
	*ret = decode_json(sink, value, 1, 1);
	/* An open arena goes as a whole. */
	if (sink->source)
		json_decref(value);
	return true;
}

int decode_text(const struct decode_sink *sink, const char *text, size_t length)
{
	const struct yaml_sink documents = {
		.arg = (void *)sink,
		.document = decode_document,
		.broken = report_broken,
	};
	bool is_json;
	int r;

	/* Who wants the values may do with them whatever he likes. */
	if (!sink->source)
		json_arena_open();
	is_json = decode_as_json(&r, sink, text, length);
	if (!sink->source)
		json_arena_close();
	return is_json ? r : yaml_each(text, length, &documents);
}
