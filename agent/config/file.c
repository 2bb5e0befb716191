// SPDX-License-Identifier: Apache-2.0
/*
 * The YAML file: one mapping from option names to values. Anything else is an
 * error with file, line and key: a mistyped key must not be a silent default.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <yaml.h>

#include "base/cleanup.h"
#include "config/config.h"

struct reader {
	struct config *config;
	const char *path;
	char *error;
	yaml_document_t doc;
	bool seen[CONFIG_KEY_MAX];
};

static int __attribute__((format(printf, 4, 5)))
refuse(struct reader *reader, const yaml_node_t *node, const char *key, const char *fmt, ...)
{
	size_t line = node ? node->start_mark.line + 1 : 1;
	char what[CONFIG_WHY_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	snprintf(reader->error, CONFIG_ERROR_MAX, "%s:%zu: %s%s%s", reader->path, line, key ?: "",
		 key ? ": " : "", what);
	return -EINVAL;
}

static const char *scalar(const yaml_node_t *node)
{
	const char *text;

	if (!node || node->type != YAML_SCALAR_NODE)
		return NULL;
	text = (const char *)node->data.scalar.value;
	return strlen(text) == node->data.scalar.length ? text : NULL;
}

static int set_scalar(struct reader *reader, enum config_key key, const yaml_node_t *node)
{
	const char *name = config_options[key].name;
	const char *value = scalar(node);
	char why[CONFIG_WHY_MAX];
	int r;

	if (!value)
		return refuse(reader, node, name, "must be a plain value");
	r = config_set(reader->config, key, value, why);
	if (r == -EINVAL)
		return refuse(reader, node, name, "%s", why);
	return r;
}

static int set_value(struct reader *reader, enum config_key key, yaml_node_t *node)
{
	yaml_node_item_t *item;
	int r;

	if (!config_options[key].list || node->type != YAML_SEQUENCE_NODE) {
		config_clear_list(reader->config, key);
		return set_scalar(reader, key, node);
	}
	config_clear_list(reader->config, key);
	for (item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++) {
		r = set_scalar(reader, key, yaml_document_get_node(&reader->doc, *item));
		if (r < 0)
			return r;
	}
	return 0;
}

static int set_pair(struct reader *reader, const yaml_node_pair_t *pair)
{
	yaml_node_t *key_node = yaml_document_get_node(&reader->doc, pair->key);
	yaml_node_t *value = yaml_document_get_node(&reader->doc, pair->value);
	const char *name = scalar(key_node);

	if (!name || !value)
		return refuse(reader, key_node, NULL, "a key must be a plain word");
	for (int key = 0; key < CONFIG_KEY_MAX; key++) {
		if (strcmp(config_options[key].name, name))
			continue;
		if (reader->seen[key])
			return refuse(reader, key_node, name, "is there twice");
		reader->seen[key] = true;
		return set_value(reader, (enum config_key)key, value);
	}
	return refuse(reader, key_node, name, "no such option");
}

static int read_document(struct reader *reader)
{
	yaml_node_t *root = yaml_document_get_root_node(&reader->doc);
	yaml_node_pair_t *pair;
	int r;

	if (!root)
		return 0; /* an empty file: all defaults */
	if (root->type == YAML_SCALAR_NODE && !root->data.scalar.length)
		return 0;
	if (root->type != YAML_MAPPING_NODE)
		return refuse(reader, root, NULL, "must be a mapping of options to values");
	for (pair = root->data.mapping.pairs.start; pair < root->data.mapping.pairs.top; pair++) {
		r = set_pair(reader, pair);
		if (r < 0)
			return r;
	}
	return 0;
}

/* A second document would be ignored silently: refuse it. */
static int read_stream(struct reader *reader, yaml_parser_t *parser)
{
	yaml_node_t *extra;
	int r;

	if (!yaml_parser_load(parser, &reader->doc))
		goto broken;
	r = read_document(reader);
	extra = yaml_document_get_root_node(&reader->doc);
	yaml_document_delete(&reader->doc);
	if (r < 0 || !extra)
		return r;
	if (!yaml_parser_load(parser, &reader->doc))
		goto broken;
	extra = yaml_document_get_root_node(&reader->doc);
	if (extra)
		r = refuse(reader, extra, NULL, "only one document is allowed");
	yaml_document_delete(&reader->doc);
	return r;

broken:
	snprintf(reader->error, CONFIG_ERROR_MAX, "%s:%zu: not YAML: %s", reader->path,
		 parser->problem_mark.line + 1, parser->problem ?: "unreadable");
	return -EINVAL;
}

int config_read_file(struct config *config, const char *path, char *error)
{
	struct reader reader = { .config = config, .path = path, .error = error };
	cleanup(fclosep) FILE *file = NULL;
	yaml_parser_t parser;
	int r;

	file = fopen(path, "re");
	if (!file) {
		r = -errno;
		snprintf(error, CONFIG_ERROR_MAX, "%s: %s", path, strerror(-r));
		return r;
	}
	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_file(&parser, file);
	r = read_stream(&reader, &parser);
	yaml_parser_delete(&parser);
	return r;
}
