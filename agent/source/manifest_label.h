/* SPDX-License-Identifier: Apache-2.0 */
/* What objects of manifests are known by. */
#pragma once

#include <stdint.h>

#include "model/objects.h"

/*
 * "NetworkPolicy shop/front", or "Node one" without a namespace: names an object, and
 * identifies it. Whoever knows of the object shares it.
 */
struct manifest_label {
	uint32_t holders;
	char text[];
};

/* The text for @obj; NULL: out of memory. The caller frees. */
char *label_text(const struct object *obj);

/* With one holder; NULL: out of memory. */
struct manifest_label *label_new(const struct object *obj);
struct manifest_label *label_hold(struct manifest_label *label);
/* NULL is accepted. */
void label_release(struct manifest_label *label);

enum object_kind label_kind(const struct manifest_label *label);
