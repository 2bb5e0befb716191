/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many selectors against many label sets: each distinct selector gets a number,
 * and is hung up under labels that it cannot do without, so that a label set
 * meets few selectors that do not match it. Private to image*.c.
 */
#pragma once

#include "model/image_mem.h"
#include "model/objects.h"

struct selector_index {
	struct intern texts; /* canonical text -> number */
	const struct selector **selectors; /* borrowed */
	size_t count;
	struct intern hooks; /* "key" or "key NUL value" -> hook */
	struct id_list *by_hook;
	size_t hook_count;
	struct id_list always; /* those that need no label */
};

/* The number of @selector, which must outlive the index. 0 or -ENOMEM. */
int selector_index_add(uint32_t *ret, struct selector_index *index, struct arena *arena,
		       struct buf *scratch, const struct selector *selector);

/* @ret becomes the numbers of the selectors that match. 0 or -ENOMEM. */
int selector_index_match(struct id_list *ret, const struct selector_index *index,
			 const struct labels *labels, struct buf *scratch);

/* The keys of labels that @selector asks for, to @keys with their NUL. 0 or -ENOMEM. */
int selector_keys(struct intern *keys, struct arena *arena, const struct selector *selector);

const char *selector_index_text(const struct selector_index *index, uint32_t id);
void selector_index_done(struct selector_index *index);
