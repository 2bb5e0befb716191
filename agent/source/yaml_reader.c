// SPDX-License-Identifier: Apache-2.0
#include "source/yaml_reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Bytes, as measured with jansson 2.14 and glibc. A key costs as much as a scalar. */
#define SCALAR_COST 96
#define SEQUENCE_COST 144
#define MAPPING_COST 240
#define ALIAS_COST 24

struct anchor {
	struct anchor *next; /* the newest first: an anchor may be defined again */
	char *name;
	json_t *value;
	struct yaml_extent extent;
};

unsigned int yaml_reader_line(const struct yaml_reader *reader)
{
	return reader->lines + (unsigned int)reader->event.start_mark.line + 1;
}

int yaml_reader_refuse(struct yaml_reader *reader, unsigned int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reader->error, YAML_ERROR_MAX, fmt, ap);
	va_end(ap);
	reader->error_line = line;
	return -EINVAL;
}

int yaml_reader_next(struct yaml_reader *reader)
{
	unsigned int line;

	if (reader->has_event)
		yaml_event_delete(&reader->event);
	reader->has_event = yaml_parser_parse(&reader->parser, &reader->event);
	if (reader->has_event)
		return 0;
	if (reader->parser.error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	line = reader->lines + (unsigned int)reader->parser.problem_mark.line + 1;
	return yaml_reader_refuse(reader, line, "not YAML: %s",
				  reader->parser.problem ?: "unreadable");
}

static int count_cost(struct yaml_reader *reader, size_t cost)
{
	if (cost > YAML_COST_MAX - reader->cost)
		return yaml_reader_refuse(reader, yaml_reader_line(reader),
					  reader->in_item ?
					  "an element of the list takes more than %u MiB of memory" :
					  "the document takes more than %u MiB of memory: use "
					  "several, or several files", YAML_COST_MAX >> 20);
	reader->cost += cost;
	return 0;
}

int yaml_count_value(struct yaml_reader *reader)
{
	switch (reader->event.type) {
	case YAML_SCALAR_EVENT:
		return count_cost(reader, SCALAR_COST + reader->event.data.scalar.length);
	case YAML_SEQUENCE_START_EVENT:
		return count_cost(reader, SEQUENCE_COST);
	default:
		return count_cost(reader, MAPPING_COST);
	}
}

int yaml_count_alias(struct yaml_reader *reader, unsigned int nodes)
{
	if (nodes > YAML_ALIASED_MAX - reader->aliased)
		return yaml_reader_refuse(reader, yaml_reader_line(reader),
					  "more than %d values by aliases", YAML_ALIASED_MAX);
	reader->aliased += nodes;
	return count_cost(reader, ALIAS_COST);
}

void yaml_anchors_drop(struct yaml_reader *reader)
{
	while (reader->anchors) {
		struct anchor *anchor = reader->anchors;

		reader->anchors = anchor->next;
		json_decref(anchor->value);
		free(anchor->name);
		free(anchor);
	}
	reader->anchor_count = 0;
}

int yaml_anchor_add(struct yaml_reader *reader, char **name, json_t *value,
		    struct yaml_extent extent)
{
	struct anchor *anchor;

	if (reader->anchor_count == YAML_ANCHORS_MAX)
		return yaml_reader_refuse(reader, yaml_reader_line(reader),
					  "more than %d anchors", YAML_ANCHORS_MAX);
	anchor = calloc(1, sizeof(*anchor));
	if (!anchor)
		return -ENOMEM;
	reader->anchor_count++;
	anchor->name = take_ptr(name);
	anchor->value = json_incref(value);
	anchor->extent = extent;
	anchor->next = reader->anchors;
	reader->anchors = anchor;
	return 0;
}

json_t *yaml_anchor_find(const struct yaml_reader *reader, const char *name,
			 struct yaml_extent *extent)
{
	for (const struct anchor *anchor = reader->anchors; anchor; anchor = anchor->next) {
		if (strcmp(anchor->name, name))
			continue;
		*extent = anchor->extent;
		return anchor->value;
	}
	return NULL;
}

void yaml_reader_done(struct yaml_reader *reader)
{
	yaml_anchors_drop(reader);
	if (reader->has_event)
		yaml_event_delete(&reader->event);
	reader->has_event = false;
}
