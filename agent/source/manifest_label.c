// SPDX-License-Identifier: Apache-2.0
#include "source/manifest_label.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

char *label_text(const struct object *obj)
{
	const char *slash = obj->namespace[0] ? "/" : "";
	char *label;

	if (asprintf(&label, "%s %s%s%s", object_kind_name(obj->kind), obj->namespace, slash,
		     obj->name) < 0)
		return NULL;
	return label;
}

struct manifest_label *label_new(const struct object *obj)
{
	cleanup(freep) char *text = label_text(obj);
	size_t size = text ? strlen(text) + 1 : 0;
	struct manifest_label *label = text ? malloc(sizeof(*label) + size) : NULL;

	if (!label)
		return NULL;
	label->holders = 1;
	memcpy(label->text, text, size);
	return label;
}

struct manifest_label *label_hold(struct manifest_label *label)
{
	label->holders++;
	return label;
}

void label_release(struct manifest_label *label)
{
	if (label && !--label->holders)
		free(label);
}

enum object_kind label_kind(const struct manifest_label *label)
{
	size_t length = strcspn(label->text, " ");
	enum object_kind kind = 0;

	while (kind < OBJECT_KIND_MAX - 1 &&
	       (strlen(object_kind_name(kind)) != length ||
		memcmp(object_kind_name(kind), label->text, length)))
		kind++;
	return kind;
}
