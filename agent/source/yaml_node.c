// SPDX-License-Identifier: Apache-2.0
/*
 * libyaml's events to jansson values. An alias shares the value of its anchor;
 * its nodes and depth are counted as if it were written out, because whoever walks
 * the value sees it so.
 *
 * Source: YAML 1.1, https://yaml.org/spec/1.1/
 */
#include "source/yaml_reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "source/scalar.h"
#include "source/yaml.h"

#define TAG_MAP "tag:yaml.org,2002:map"
#define TAG_SEQ "tag:yaml.org,2002:seq"
#define KEY_SHOWN_MAX 100

static int refuse_here(struct yaml_reader *reader, const char *what)
{
	return yaml_reader_refuse(reader, yaml_reader_line(reader), "%s", what);
}

static int too_deep(struct yaml_reader *reader)
{
	return yaml_reader_refuse(reader, yaml_reader_line(reader), "nested deeper than %d levels",
				  YAML_DEPTH_MAX);
}

/* Anchors are known when they are complete: one cannot contain itself. */
static int read_alias(struct yaml_reader *reader, json_t **ret, unsigned int depth,
		      struct yaml_extent *extent)
{
	json_t *value;
	int r;

	value = yaml_anchor_find(reader, (const char *)reader->event.data.alias.anchor, extent);
	if (!value)
		return refuse_here(reader, "alias of an unknown anchor");
	if (depth + extent->depth > YAML_DEPTH_MAX)
		return too_deep(reader);
	r = yaml_count_alias(reader, extent->nodes);
	if (r < 0)
		return r;
	*ret = json_incref(value);
	return 0;
}

static int read_scalar(struct yaml_reader *reader, json_t **ret)
{
	int r = scalar_resolve(ret, &reader->event);

	if (r == -EINVAL)
		return refuse_here(reader, "a value with a NUL or of an unknown tag");
	return r;
}

static int check_tag(struct yaml_reader *reader, const yaml_char_t *tag, const char *expected)
{
	if (!tag || !strcmp((const char *)tag, expected))
		return 0;
	return refuse_here(reader, "a collection of an unknown tag");
}

static void include_extent(struct yaml_extent *outer, struct yaml_extent inner)
{
	outer->nodes += inner.nodes;
	if (inner.depth >= outer->depth)
		outer->depth = inner.depth + 1;
}

static int read_sequence(struct yaml_reader *reader, json_t **ret, unsigned int depth,
			 struct yaml_extent *extent)
{
	int r = check_tag(reader, reader->event.data.sequence_start.tag, TAG_SEQ);

	if (r < 0)
		return r;
	*ret = json_array();
	if (!*ret)
		return -ENOMEM;
	while (!(r = yaml_reader_next(reader)) && reader->event.type != YAML_SEQUENCE_END_EVENT) {
		struct yaml_extent inner = {};
		json_t *item = NULL;

		r = yaml_reader_node(reader, &item, depth + 1, &inner);
		if (r < 0)
			return r;
		include_extent(extent, inner);
		if (json_array_append_new(*ret, item) < 0)
			return -ENOMEM;
	}
	return r;
}

/* `<<: *base`: what @base says and @into does not. */
static int merge_one(struct yaml_reader *reader, json_t *into, json_t *base, unsigned int line)
{
	if (!json_is_object(base))
		return yaml_reader_refuse(reader, line, "<< needs a mapping or a list of mappings");
	return json_object_update_missing(into, base) < 0 ? -ENOMEM : 0;
}

static int merge(struct yaml_reader *reader, json_t *into, json_t *base, unsigned int line)
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

static int read_key(struct yaml_reader *reader, char **ret, bool *is_merge)
{
	const yaml_event_t *event = &reader->event;
	int r;

	if (event->type != YAML_SCALAR_EVENT)
		return refuse_here(reader, "a key must be a plain value");
	*is_merge = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
		    !strcmp((const char *)event->data.scalar.value, "<<");
	r = scalar_key(ret, event);
	if (r == -EINVAL)
		return refuse_here(reader, "a key must be a plain value");
	return r;
}

struct pair {
	char *key;
	json_t *value;
	struct yaml_extent extent;
	unsigned int line;
	bool is_merge;
};

static void pair_done(struct pair *pair)
{
	free(pair->key);
	json_decref(pair->value);
}

static int read_pair(struct yaml_reader *reader, struct pair *ret, unsigned int depth)
{
	int r;

	ret->line = yaml_reader_line(reader);
	r = yaml_count_value(reader);
	if (r < 0)
		return r;
	r = read_key(reader, &ret->key, &ret->is_merge);
	if (r < 0)
		return r;
	r = yaml_reader_next(reader);
	if (r < 0)
		return r;
	if (!depth && !ret->is_merge && yaml_items_begin(reader, ret->key))
		return yaml_items_read(reader, &ret->value);
	return yaml_reader_node(reader, &ret->value, depth + 1, &ret->extent);
}

static int refuse_twice(struct yaml_reader *reader, const struct pair *pair)
{
	char key[KEY_SHOWN_MAX];

	snprintf(key, sizeof(key), "%s", pair->key);
	utf8_trim(key);
	return yaml_reader_refuse(reader, pair->line, "the key \"%s\" is there twice", key);
}

static int add_pair(struct yaml_reader *reader, json_t *map, json_t **base, struct pair *pair)
{
	if (pair->is_merge ? !!*base : !!json_object_get(map, pair->key))
		return refuse_twice(reader, pair);
	if (pair->is_merge) {
		*base = take_ptr(&pair->value);
		return 0;
	}
	return json_object_set_new(map, pair->key, take_ptr(&pair->value)) < 0 ? -ENOMEM : 0;
}

static int read_mapping(struct yaml_reader *reader, json_t **ret, unsigned int depth,
			struct yaml_extent *extent)
{
	unsigned int line = yaml_reader_line(reader);
	cleanup(json_decrefp) json_t *base = NULL;
	int r = check_tag(reader, reader->event.data.mapping_start.tag, TAG_MAP);

	if (r < 0)
		return r;
	*ret = json_object();
	if (!*ret)
		return -ENOMEM;
	while (!(r = yaml_reader_next(reader)) && reader->event.type != YAML_MAPPING_END_EVENT) {
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

static int read_content(struct yaml_reader *reader, json_t **ret, unsigned int depth,
			struct yaml_extent *extent)
{
	switch (reader->event.type) {
	case YAML_SCALAR_EVENT:
		return read_scalar(reader, ret);
	case YAML_SEQUENCE_START_EVENT:
		return read_sequence(reader, ret, depth, extent);
	case YAML_MAPPING_START_EVENT:
		return read_mapping(reader, ret, depth, extent);
	default:
		return refuse_here(reader, "not YAML: a value is missing");
	}
}

int yaml_reader_node(struct yaml_reader *reader, json_t **ret, unsigned int depth,
		     struct yaml_extent *extent)
{
	cleanup(freep) char *anchor = NULL;
	json_t *value = NULL;
	int r;

	if (reader->event.type == YAML_ALIAS_EVENT)
		return read_alias(reader, ret, depth, extent);
	*extent = (struct yaml_extent){ .nodes = 1, .depth = 1 };
	if (depth >= YAML_DEPTH_MAX)
		return too_deep(reader);
	r = yaml_count_value(reader);
	if (r < 0)
		return r;
	if (anchor_of(&reader->event)) {
		anchor = strdup((const char *)anchor_of(&reader->event));
		if (!anchor)
			return -ENOMEM;
	}
	r = read_content(reader, &value, depth, extent);
	if (!r && anchor)
		r = yaml_anchor_add(reader, &anchor, value, *extent);
	if (r < 0) {
		json_decref(value);
		return r;
	}
	*ret = value;
	return 0;
}

int yaml_reader_root(struct yaml_reader *reader, json_t **ret)
{
	struct yaml_extent extent;
	int r;

	reader->cost = 0;
	r = yaml_reader_node(reader, ret, 0, &extent);
	yaml_anchors_drop(reader);
	return r;
}
