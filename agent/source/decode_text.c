// SPDX-License-Identifier: Apache-2.0
/* From a text to the values of its documents: YAML, or JSON. */
#include <string.h>

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

int decode_text(const struct decode_sink *sink, const char *text, size_t length)
{
	const struct yaml_sink documents = {
		.arg = (void *)sink,
		.document = decode_document,
		.broken = report_broken,
	};
	json_t *value = load_json(text, length);
	int r;

	if (!value)
		return yaml_each(text, length, &documents);
	r = decode_json(sink, value, 1, 1);
	json_decref(value);
	return r;
}
