// SPDX-License-Identifier: Apache-2.0
/*
 * The elements of "items" are cut out of the text and parsed one by one; then what is left
 * of the text is parsed, which tells whether it was JSON.
 */
#include "source/json_items.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/jsoncost.h"
#include "source/json_arena.h"
#include "source/json_plain.h"

#define ITEMS_KEY "\"" YAML_ITEMS "\""

struct cutter {
	const struct yaml_sink *sink;
	const char *at;
	const char *end;
};

static void skip_space(struct cutter *cutter)
{
	while (cutter->at < cutter->end && *cutter->at && strchr(" \t\r\n", *cutter->at))
		cutter->at++;
}

/* Skips it, and space around it. */
static bool skip_mark(struct cutter *cutter, char mark)
{
	skip_space(cutter);
	if (cutter->at == cutter->end || *cutter->at != mark)
		return false;
	cutter->at++;
	skip_space(cutter);
	return true;
}

/* It begins with a quote. */
static void skip_string(struct cutter *cutter)
{
	const char *at = cutter->at + 1;

	while (at < cutter->end && *at != '"')
		at += 1 + (*at == '\\');
	cutter->at = at < cutter->end ? at + 1 : cutter->end;
}

/* Goes behind it. What it is made of does not matter: the parser looks at that. */
static struct json_extent skip_value(struct cutter *cutter)
{
	struct json_extent extent =
		json_extent(cutter->at, (size_t)(cutter->end - cutter->at));

	cutter->at = extent.end;
	return extent;
}

static json_t *load(const char *text, const struct json_extent *extent, int *error)
{
	return json_plain_or(JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, text, extent, error);
}

/* At the first element. 0: it is taken, and the next is here or the end; 1: it is left. */
static int take_item(struct cutter *cutter)
{
	struct json_arena_mark mark = json_arena_mark(cutter->sink->arena);
	const char *start = cutter->at;
	struct json_extent extent = skip_value(cutter);
	json_t *value;
	int r;

	value = load(start, &extent, &r);
	if (!value)
		return r;
	r = cutter->sink->item(cutter->sink->arg, value, 1, 1);
	json_arena_rewind(cutter->sink->arena, mark);
	if (r == 1)
		cutter->at = start;
	return r;
}

/* Behind the bracket; goes to the first element that is left, or the end. */
static int take_items(struct cutter *cutter)
{
	int r;

	skip_space(cutter);
	if (cutter->at == cutter->end || *cutter->at == ']')
		return 0;
	while (!(r = take_item(cutter)) && skip_mark(cutter, ','))
		;
	if (r)
		return r == 1 ? 0 : r;
	return cutter->at < cutter->end && *cutter->at == ']' ? 0 : -EINVAL;
}

/* Goes behind the bracket that begins the list. False: there is none. */
static bool find_items(struct cutter *cutter)
{
	const char *key;

	if (!skip_mark(cutter, '{'))
		return false;
	do {
		key = cutter->at;
		if (key == cutter->end || *key != '"')
			return false;
		skip_string(cutter);
		if ((size_t)(cutter->at - key) == strlen(ITEMS_KEY) &&
		    !memcmp(key, ITEMS_KEY, strlen(ITEMS_KEY)))
			return skip_mark(cutter, ':') && skip_mark(cutter, '[');
		if (!skip_mark(cutter, ':'))
			return false;
		skip_value(cutter);
	} while (skip_mark(cutter, ','));
	return false;
}

static int read_root(const struct yaml_sink *sink, const char *text, size_t length)
{
	struct json_extent extent = json_extent(text, length);
	json_t *value;
	int r;

	if (extent.end != text + length)
		return -EINVAL;
	value = load(text, &extent, &r);
	if (!value)
		return r;
	return json_is_object(value) ? sink->document(sink->arg, value, 1, 1) : -EINVAL;
}

/* Without what is between two places of it. */
static int read_rest(const struct yaml_sink *sink, const char *text, size_t length,
		     const char *from, const char *to)
{
	size_t first = (size_t)(from - text), second = length - (size_t)(to - text);
	cleanup(freep) char *rest = malloc(first + second);

	if (!rest)
		return -ENOMEM;
	memcpy(rest, text, first);
	memcpy(rest + first, to, second);
	return read_root(sink, rest, first + second);
}

int json_items_read(const char *text, size_t length, const struct yaml_sink *sink)
{
	struct json_arena_mark mark = json_arena_mark(sink->arena);
	struct cutter cutter = { .sink = sink, .at = text, .end = text + length };
	const char *from;
	int r = 0;

	skip_space(&cutter);
	if (cutter.at == cutter.end || *cutter.at != '{' || length > YAML_TEXT_MAX)
		return -EINVAL;
	if (!sink->item || !find_items(&cutter))
		cutter.at = text;
	from = cutter.at;
	if (from != text)
		r = take_items(&cutter);
	if (!r)
		r = cutter.at == from ? read_root(sink, text, length) :
					read_rest(sink, text, length, from, cutter.at);
	json_arena_rewind(sink->arena, mark);
	return r;
}
