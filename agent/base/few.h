/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list that mostly has an item or two: as long as they are no more than a pointer's size,
 * they stand in it. Zero is the empty list. All items are of one @size, which the caller
 * knows; a list of one item may be a text.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define FEW_INSIDE sizeof(void *)

struct few {
	union {
		unsigned char inside[FEW_INSIDE];
		void *outside; /* when there is @room */
	};
	uint32_t count;
	uint32_t room; /* items outside */
};

/* Until the list changes. */
static inline void *few_items(const struct few *few)
{
	return few->room ? few->outside : (void *)few->inside;
}

/* Copies. 0, or -ENOMEM and nothing has changed. */
int few_add(struct few *few, const void *item, size_t size);

/* The list is @items from now on, which malloc() made and is the list's. */
void few_take(struct few *few, void *items, uint32_t count, size_t size);

/* Each that is equal to @item. */
void few_remove(struct few *few, const void *item, size_t size);

/* Leaves an empty list. */
void few_done(struct few *few);
