// SPDX-License-Identifier: Apache-2.0
/* From a text to the values of its documents: YAML, or JSON. */
#include <errno.h>

#include "source/decode_stream.h"
#include "source/json_arena.h"
#include "source/json_items.h"

static int decode_item(void *arg, const json_t *value, unsigned int number, unsigned int line)
{
	return decode_stream_item(arg, value, number, line);
}

static int decode_document(void *arg, const json_t *value, unsigned int number, unsigned int line)
{
	return decode_stream_document(arg, value, number, line);
}

static int report_broken(void *arg, unsigned int line, const char *why)
{
	const struct decode_problem problem = { .object = "", .field = "", .line = line,
						.text = why };

	decode_stream_break(arg, &problem);
	return 0;
}

/*
 * JSON first: almost all of it is YAML too, but not surrogate pairs. What is
 * wrong with it, the YAML parser says with its line; it also counts
 * exactly what the values take.
 */
static int read_text(struct yaml_sink *documents, const char *text, size_t length)
{
	int r = json_items_read(text, length, documents);

	if (r != -EINVAL)
		return r;
	decode_stream_break(documents->arg, NULL);
	return yaml_each(text, length, documents);
}

int decode_text(const struct decode_sink *sink, const char *text, size_t length)
{
	struct decode_stream stream = { .sink = sink };
	struct json_arena arena = {};
	struct yaml_sink documents = {
		.arg = &stream,
		.document = decode_document,
		.broken = report_broken,
		.item = decode_item,
		.arena = &arena,
	};
	int r;

	json_arena_begin(&arena);
	r = read_text(&documents, text, length);
	json_arena_end(&arena);
	json_arena_done(&arena);
	return r;
}
