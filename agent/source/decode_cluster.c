// SPDX-License-Identifier: Apache-2.0
/* Namespace and Node: their labels, and the addresses of a node. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "source/decode_parts.h"

#define NAME_LABEL "kubernetes.io/metadata.name"

static int decode_object_labels(struct labels *ret, const struct field *root)
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

static int decode_address(struct node *node, const struct field *field)
{
	struct field type = field_get(field, "type");
	struct field address = field_get(field, "address");
	const char *text = "";
	int r;

	r = field_object(field) ?: field_string(&text, &type);
	if (r < 0 || (strcmp(text, "InternalIP") && strcmp(text, "ExternalIP")))
		return r;
	r = decode_addr(&node->ips[node->ip_count], &address);
	if (!r)
		node->ip_count++;
	return r;
}

static int decode_deletion(struct node *node, const struct field *root)
{
	struct field metadata = field_get(root, "metadata");
	struct field deletion = field_get(&metadata, "deletionTimestamp");
	const char *when = "";
	int r = field_is_absent(&deletion) ? 0 : field_string(&when, &deletion);

	node->deleting = *when;
	return r;
}

static int decode_addresses(struct node *node, const struct field *status)
{
	struct field addresses = field_get(status, "addresses");
	int r = field_list(&addresses);

	if (r < 0 || !field_count(&addresses))
		return r;
	node->ips = calloc(field_count(&addresses), sizeof(*node->ips));
	if (!node->ips)
		return -ENOMEM;
	for (size_t i = 0; i < field_count(&addresses); i++) {
		struct field element = field_at(&addresses, i);

		decode_address(node, &element);
	}
	return 0;
}

/* The string @name of @element, or "". */
static const char *text_of(const struct field *element, const char *name)
{
	struct field field = field_get(element, name);
	const char *text = "";

	return field_is_absent(&field) || field_string(&text, &field) < 0 ? "" : text;
}

/* What weir reports of the node itself, as it stands there (report/report.h). */
static int decode_readiness(struct node *node, const struct field *status)
{
	struct field conditions = field_get(status, "conditions");
	int r = field_list(&conditions);

	for (size_t i = 0; !r && i < field_count(&conditions); i++) {
		struct field element = field_at(&conditions, i);

		if (!strcmp(text_of(&element, "type"), "NetworkUnavailable"))
			node->network_ready = !strcmp(text_of(&element, "status"), "False");
	}
	return r;
}

static int decode_taints(struct node *node, const struct field *root)
{
	struct field spec = field_get(root, "spec");
	struct field taints = field_get(&spec, "taints");
	int r = field_object(&spec) ?: field_list(&taints);

	if (r < 0 || !field_count(&taints))
		return r;
	node->taints = calloc(field_count(&taints), sizeof(*node->taints));
	if (!node->taints)
		return -ENOMEM;
	for (size_t i = 0; i < field_count(&taints); i++) {
		struct field element = field_at(&taints, i);

		node->taints[i] = strdup(text_of(&element, "key"));
		if (!node->taints[i])
			return -ENOMEM;
		node->taint_count++;
	}
	return 0;
}

int decode_node(struct object *obj, const struct field *root)
{
	struct field status = field_get(root, "status");
	struct node *node = &obj->node;
	int r;

	r = decode_object_labels(&node->labels, root);
	r = r ?: decode_deletion(node, root);
	r = r ?: field_object(&status) ?: decode_addresses(node, &status);
	r = r ?: decode_readiness(node, &status);
	return r ?: decode_taints(node, root);
}
