/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the reading of a YAML text keeps: the parser with its current event, and
 * the anchors of the current document. Functions return 0, -ENOMEM, or -EINVAL
 * with a sentence and its line in the reader.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <yaml.h>

#include "source/yaml.h"

/* What a value counts for when it is written out. */
struct yaml_extent {
	unsigned int nodes;
	unsigned int depth;
};

struct anchor;

struct yaml_reader {
	const struct yaml_sink *sink;
	unsigned int document; /* its number, and its first line */
	unsigned int document_line;
	bool in_item; /* the value is an element that comes alone */
	yaml_parser_t parser;
	yaml_event_t event; /* the current one, when there is one */
	bool has_event;
	struct anchor *anchors; /* of the document */
	unsigned int anchor_count;
	size_t cost; /* of the document so far, in bytes of memory */
	unsigned int aliased; /* values of the text so far that stand there by aliases */
	unsigned int lines; /* of the text before what the parser was given */
	char error[YAML_ERROR_MAX];
	unsigned int error_line;
};

/* Of the start of the current event, from 1. */
unsigned int yaml_reader_line(const struct yaml_reader *reader);

int yaml_reader_refuse(struct yaml_reader *reader, unsigned int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

int yaml_reader_next(struct yaml_reader *reader);

/* The current event starts a value or a key: count what it takes in memory. */
int yaml_count_value(struct yaml_reader *reader);

/* The current event is an alias of so many values. */
int yaml_count_alias(struct yaml_reader *reader, unsigned int nodes);

/* Takes *@name; @value is referenced once more. Of equal names the last counts. */
int yaml_anchor_add(struct yaml_reader *reader, char **name, json_t *value,
		    struct yaml_extent extent);

/* Borrowed; NULL: there is none. */
json_t *yaml_anchor_find(const struct yaml_reader *reader, const char *name,
			 struct yaml_extent *extent);

void yaml_anchors_drop(struct yaml_reader *reader);

/*
 * The value that the current event starts, as the root of a document; its last
 * event is current afterwards. In yaml_node.c.
 */
int yaml_reader_root(struct yaml_reader *reader, json_t **ret);

/* The same of any value so deep in the document. */
int yaml_reader_node(struct yaml_reader *reader, json_t **ret, unsigned int depth,
		     struct yaml_extent *extent);

/*
 * The current event starts the value of the member @key of a root: it is to come element by
 * element.
 */
bool yaml_items_begin(const struct yaml_reader *reader, const char *key);

/* Tells the sink of them. *@ret is a list of those that the sink leaves. */
int yaml_items_read(struct yaml_reader *reader, json_t **ret);

/* The parser is the caller's. */
void yaml_reader_done(struct yaml_reader *reader);
