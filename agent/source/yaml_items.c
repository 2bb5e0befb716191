// SPDX-License-Identifier: Apache-2.0
/* The elements of a list that is nearly all of its document, one by one. */
#include "source/yaml_reader.h"

#include <errno.h>
#include <string.h>

#include "source/json_arena.h"

/* Another part of the document may refer to what has an anchor. */
bool yaml_items_begin(const struct yaml_reader *reader, const char *key)
{
	const yaml_event_t *event = &reader->event;

	return reader->sink->item && !strcmp(key, YAML_ITEMS) &&
	       event->type == YAML_SEQUENCE_START_EVENT && !event->data.sequence_start.anchor &&
	       !event->data.sequence_start.tag;
}

/* 0: the sink has it; 1: it is to be left, and *@ret is the value. */
static int read_item(struct yaml_reader *reader, json_t **ret)
{
	struct json_arena_mark mark = json_arena_mark(reader->sink->arena);
	unsigned int anchors = reader->anchor_count;
	struct yaml_extent extent = {};
	size_t cost = reader->cost;
	json_t *value = NULL;
	int r;

	reader->in_item = true;
	r = yaml_reader_node(reader, &value, 2, &extent);
	reader->in_item = false;
	if (r < 0)
		return r;
	r = reader->sink->item(reader->sink->arg, value, reader->document, reader->document_line);
	if (r == 1) {
		*ret = value;
		return r;
	}
	json_decref(value);
	/* What has an anchor inside stays until the document ends. */
	if (reader->anchor_count == anchors) {
		reader->cost = cost;
		json_arena_rewind(reader->sink->arena, mark);
	}
	return r;
}

int yaml_items_read(struct yaml_reader *reader, json_t **ret)
{
	struct yaml_extent extent;
	bool leave = false;
	int r = yaml_count_value(reader);

	*ret = json_array();
	if (!*ret)
		return -ENOMEM;
	while (!r && !(r = yaml_reader_next(reader)) &&
	       reader->event.type != YAML_SEQUENCE_END_EVENT) {
		json_t *value = NULL;

		r = leave ? yaml_reader_node(reader, &value, 2, &extent) :
			    read_item(reader, &value);
		leave |= r == 1;
		if (value)
			r = json_array_append_new(*ret, value) < 0 ? -ENOMEM : 0;
	}
	return r;
}
