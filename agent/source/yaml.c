// SPDX-License-Identifier: Apache-2.0
/*
 * libyaml's events to jansson values. An alias shares the value of its anchor;
 * nodes and depth are counted as if it were written out, because whoever walks
 * the value sees it so.
 *
 * Source: YAML 1.1, https://yaml.org/spec/1.1/
 */
#include "source/yaml.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "base/cleanup.h"
#include "source/scalar.h"

#define TAG_MAP "tag:yaml.org,2002:map"
#define TAG_SEQ "tag:yaml.org,2002:seq"

/* What a value counts for when it is written out. */
struct extent {
	unsigned int nodes;
	unsigned int depth;
};

struct anchor {
	struct anchor *next; /* the newest first: an anchor may be defined again */
	char *name;
	json_t *value;
	struct extent extent;
};

struct reader {
	yaml_parser_t parser;
	yaml_event_t event;
	bool has_event;
	struct anchor *anchors;
	unsigned int nodes; /* of the document */
	char *error;
	unsigned int *error_line;
};

static int read_node(struct reader *reader, json_t **ret, unsigned int depth,
		     struct extent *extent);

static unsigned int line_of(const struct reader *reader)
{
	return (unsigned int)reader->event.start_mark.line + 1;
}

static int __attribute__((format(printf, 3, 4)))
refuse(struct reader *reader, unsigned int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reader->error, YAML_ERROR_MAX, fmt, ap);
	va_end(ap);
	*reader->error_line = line;
	return -EINVAL;
}

static int next_event(struct reader *reader)
{
	if (reader->has_event)
		yaml_event_delete(&reader->event);
	reader->has_event = yaml_parser_parse(&reader->parser, &reader->event);
	if (reader->has_event)
		return 0;
	if (reader->parser.error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	return refuse(reader, (unsigned int)reader->parser.problem_mark.line + 1, "not YAML: %s",
		      reader->parser.problem ?: "unreadable");
}

static void drop_anchors(struct reader *reader)
{
	while (reader->anchors) {
		struct anchor *anchor = reader->anchors;

		reader->anchors = anchor->next;
		json_decref(anchor->value);
		free(anchor->name);
		free(anchor);
	}
}

static int add_anchor(struct reader *reader, char **name, json_t *value, struct extent extent)
{
	struct anchor *anchor = calloc(1, sizeof(*anchor));

	if (!anchor)
		return -ENOMEM;
	anchor->name = take_ptr(name);
	anchor->value = json_incref(value);
	anchor->extent = extent;
	anchor->next = reader->anchors;
	reader->anchors = anchor;
	return 0;
}

/* Anchors are known when they are complete: one cannot contain itself. */
static int read_alias(struct reader *reader, json_t **ret, unsigned int depth,
		      struct extent *extent)
{
	const char *name = (const char *)reader->event.data.alias.anchor;

	for (struct anchor *anchor = reader->anchors; anchor; anchor = anchor->next) {
		if (strcmp(anchor->name, name))
			continue;
		if (depth + anchor->extent.depth > YAML_DEPTH_MAX)
			return refuse(reader, line_of(reader), "nested deeper than %d levels",
				      YAML_DEPTH_MAX);
		if (anchor->extent.nodes > YAML_NODES_MAX - reader->nodes)
			return refuse(reader, line_of(reader),
				      "more than %d values, aliases written out", YAML_NODES_MAX);
		reader->nodes += anchor->extent.nodes;
		*extent = anchor->extent;
		*ret = json_incref(anchor->value);
		return 0;
	}
	return refuse(reader, line_of(reader), "alias of an unknown anchor");
}

static int read_scalar(struct reader *reader, json_t **ret)
{
	int r = scalar_resolve(ret, &reader->event);

	if (r == -EINVAL)
		return refuse(reader, line_of(reader), "a value with a NUL or of an unknown tag");
	return r;
}

static int check_tag(struct reader *reader, const yaml_char_t *tag, const char *expected)
{
	if (!tag || !strcmp((const char *)tag, expected))
		return 0;
	return refuse(reader, line_of(reader), "a collection of an unknown tag");
}

static void include_extent(struct extent *outer, struct extent inner)
{
	outer->nodes += inner.nodes;
	if (inner.depth >= outer->depth)
		outer->depth = inner.depth + 1;
}

static int read_sequence(struct reader *reader, json_t **ret, unsigned int depth,
			 struct extent *extent)
{
	int r = check_tag(reader, reader->event.data.sequence_start.tag, TAG_SEQ);

	if (r < 0)
		return r;
	*ret = json_array();
	if (!*ret)
		return -ENOMEM;
	while (!(r = next_event(reader)) && reader->event.type != YAML_SEQUENCE_END_EVENT) {
		struct extent inner = {};
		json_t *item = NULL;

		r = read_node(reader, &item, depth + 1, &inner);
		if (r < 0)
			return r;
		include_extent(extent, inner);
		if (json_array_append_new(*ret, item) < 0)
			return -ENOMEM;
	}
	return r;
}

/* `<<: *base`: what @base says and @into does not. */
static int merge_one(struct reader *reader, json_t *into, json_t *base, unsigned int line)
{
	if (!json_is_object(base))
		return refuse(reader, line, "<< needs a mapping or a list of mappings");
	return json_object_update_missing(into, base) < 0 ? -ENOMEM : 0;
}

static int merge(struct reader *reader, json_t *into, json_t *base, unsigned int line)
{
	size_t i;
	json_t *item;
	int r;

	if (!json_is_array(base))
		return merge_one(reader, into, base, line);
	json_array_foreach (base, i, item) {
		r = merge_one(reader, into, item, line);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_key(struct reader *reader, char **ret, bool *is_merge)
{
	const yaml_event_t *event = &reader->event;
	int r;

	if (event->type != YAML_SCALAR_EVENT)
		return refuse(reader, line_of(reader), "a key must be a plain value");
	*is_merge = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
		    !strcmp((const char *)event->data.scalar.value, "<<");
	r = scalar_key(ret, event);
	if (r == -EINVAL)
		return refuse(reader, line_of(reader), "a key must be a plain value");
	return r;
}

struct pair {
	char *key;
	json_t *value;
	struct extent extent;
	unsigned int line;
	bool is_merge;
};

static void pair_done(struct pair *pair)
{
	free(pair->key);
	json_decref(pair->value);
}

static int read_pair(struct reader *reader, struct pair *ret, unsigned int depth)
{
	int r;

	ret->line = line_of(reader);
	r = read_key(reader, &ret->key, &ret->is_merge);
	if (r < 0)
		return r;
	r = next_event(reader);
	if (r < 0)
		return r;
	return read_node(reader, &ret->value, depth + 1, &ret->extent);
}

static int add_pair(struct reader *reader, json_t *map, json_t **base, struct pair *pair)
{
	if (pair->is_merge ? !!*base : !!json_object_get(map, pair->key))
		return refuse(reader, pair->line, "the key \"%.100s\" is there twice", pair->key);
	if (pair->is_merge) {
		*base = take_ptr(&pair->value);
		return 0;
	}
	return json_object_set_new(map, pair->key, take_ptr(&pair->value)) < 0 ? -ENOMEM : 0;
}

static int read_mapping(struct reader *reader, json_t **ret, unsigned int depth,
			struct extent *extent)
{
	unsigned int line = line_of(reader);
	cleanup(json_decrefp) json_t *base = NULL;
	int r = check_tag(reader, reader->event.data.mapping_start.tag, TAG_MAP);

	if (r < 0)
		return r;
	*ret = json_object();
	if (!*ret)
		return -ENOMEM;
	while (!(r = next_event(reader)) && reader->event.type != YAML_MAPPING_END_EVENT) {
		cleanup(pair_done) struct pair pair = {};

		r = read_pair(reader, &pair, depth);
		if (r < 0)
			return r;
		include_extent(extent, pair.extent);
		r = add_pair(reader, *ret, &base, &pair);
		if (r < 0)
			return r;
	}
	if (r < 0 || !base)
		return r;
	return merge(reader, *ret, base, line);
}

static const yaml_char_t *anchor_of(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return event->data.scalar.anchor;
	case YAML_SEQUENCE_START_EVENT:
		return event->data.sequence_start.anchor;
	case YAML_MAPPING_START_EVENT:
		return event->data.mapping_start.anchor;
	default:
		return NULL;
	}
}

static int read_content(struct reader *reader, json_t **ret, unsigned int depth,
			struct extent *extent)
{
	switch (reader->event.type) {
	case YAML_SCALAR_EVENT:
		return read_scalar(reader, ret);
	case YAML_SEQUENCE_START_EVENT:
		return read_sequence(reader, ret, depth, extent);
	case YAML_MAPPING_START_EVENT:
		return read_mapping(reader, ret, depth, extent);
	default:
		return refuse(reader, line_of(reader), "not YAML: a value is missing");
	}
}

/* The node that the current event starts; its last event is current afterwards. */
static int read_node(struct reader *reader, json_t **ret, unsigned int depth,
		     struct extent *extent)
{
	cleanup(freep) char *anchor = NULL;
	json_t *value = NULL;
	int r;

	if (reader->event.type == YAML_ALIAS_EVENT)
		return read_alias(reader, ret, depth, extent);
	*extent = (struct extent){ .nodes = 1, .depth = 1 };
	if (depth >= YAML_DEPTH_MAX)
		return refuse(reader, line_of(reader), "nested deeper than %d levels",
			      YAML_DEPTH_MAX);
	if (++reader->nodes > YAML_NODES_MAX)
		return refuse(reader, line_of(reader), "more than %d values, aliases written out",
			      YAML_NODES_MAX);
	if (anchor_of(&reader->event)) {
		anchor = strdup((const char *)anchor_of(&reader->event));
		if (!anchor)
			return -ENOMEM;
	}
	r = read_content(reader, &value, depth, extent);
	if (!r && anchor)
		r = add_anchor(reader, &anchor, value, *extent);
	if (r < 0) {
		json_decref(value);
		return r;
	}
	*ret = value;
	return 0;
}

struct stream {
	struct reader reader;
	int (*document)(void *arg, const json_t *value, unsigned int number, unsigned int line);
	void *arg;
	unsigned int documents;
};

/* From the start of a document, which is the current event, to its end. */
static int read_document(struct stream *stream)
{
	struct reader *reader = &stream->reader;
	cleanup(json_decrefp) json_t *value = NULL;
	struct extent extent;
	unsigned int line;
	int r;

	stream->documents++;
	reader->nodes = 0;
	r = next_event(reader);
	if (r < 0)
		return r;
	line = line_of(reader);
	r = read_node(reader, &value, 0, &extent);
	drop_anchors(reader);
	if (r < 0)
		return r;
	r = next_event(reader); /* YAML_DOCUMENT_END_EVENT */
	if (r < 0 || json_is_null(value))
		return r;
	return stream->document(stream->arg, value, stream->documents, line);
}

static int read_stream(struct stream *stream)
{
	int r;

	while (!(r = next_event(&stream->reader))) {
		switch (stream->reader.event.type) {
		case YAML_DOCUMENT_START_EVENT:
			r = read_document(stream);
			if (r)
				return r;
			break;
		case YAML_STREAM_END_EVENT:
			return 0;
		default:
			break;
		}
	}
	return r;
}

int yaml_each(const char *text, size_t length,
	      int (*document)(void *arg, const json_t *value, unsigned int number,
			      unsigned int line),
	      void *arg, char error[static YAML_ERROR_MAX], unsigned int *error_line)
{
	struct stream stream = {
		.reader = { .error = error, .error_line = error_line },
		.document = document,
		.arg = arg,
	};
	struct reader *reader = &stream.reader;
	int r;

	if (length > YAML_TEXT_MAX)
		return refuse(reader, 0, "larger than %u MiB", YAML_TEXT_MAX >> 20);
	if (!yaml_parser_initialize(&reader->parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&reader->parser, (const unsigned char *)text, length);
	r = read_stream(&stream);
	if (reader->has_event)
		yaml_event_delete(&reader->event);
	yaml_parser_delete(&reader->parser);
	return r;
}
