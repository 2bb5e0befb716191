// SPDX-License-Identifier: Apache-2.0
/* Namespace: its labels. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "source/decode_parts.h"

#define NAME_LABEL "kubernetes.io/metadata.name"

int decode_object_labels(struct labels *ret, const struct field *root)
{
	struct field metadata = field_get(root, "metadata");
	struct field labels = field_get(&metadata, "labels");

	return decode_labels(ret, &labels);
}

static int insert_label(struct labels *labels, size_t at, const char *key, const char *value)
{
	struct label *items = reallocarray(labels->items, labels->count + 1, sizeof(*items));
	cleanup(freep) char *own_key = strdup(key);
	cleanup(freep) char *own_value = strdup(value);

	if (items)
		labels->items = items;
	if (!items || !own_key || !own_value)
		return -ENOMEM;
	memmove(&items[at + 1], &items[at], (labels->count - at) * sizeof(*items));
	items[at].key = take_ptr(&own_key);
	items[at].value = take_ptr(&own_value);
	labels->count++;
	return 0;
}

/* Keeps the order by key. */
static int set_label(struct labels *labels, const char *key, const char *value)
{
	size_t at = 0;
	char *copy;

	while (at < labels->count && strcmp(labels->items[at].key, key) < 0)
		at++;
	if (at == labels->count || strcmp(labels->items[at].key, key))
		return insert_label(labels, at, key, value);
	copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	free(labels->items[at].value);
	labels->items[at].value = copy;
	return 0;
}

/* The API server sets the name as a label, whatever was written. */
int decode_namespace(struct object *obj, const struct field *root)
{
	struct labels *labels = &obj->ns.labels;

	return decode_object_labels(labels, root) ?: set_label(labels, NAME_LABEL, obj->name);
}
