/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Items of one size that stay where they are, many to an allocation: of small ones each by
 * itself, a quarter would be the allocator's. Room that was given back is used again, and
 * goes with the slab.
 */
#pragma once

#include <stddef.h>

struct slab_item;
struct slab_chunk;

/* Made by slab_of(). */
struct slab {
	size_t item_size;
	struct slab_item *given; /* back */
	struct slab_chunk *chunks; /* the one that is being filled first */
	size_t left; /* items of it that were never taken */
};

/* Empty; of items that need no greater alignment than a pointer. */
struct slab slab_of(size_t item_size);

/* An item of zeros, or NULL: out of memory. */
void *slab_take(struct slab *slab);
void slab_give(struct slab *slab, void *item);

/* All items are gone, the slab is empty. */
void slab_done(struct slab *slab);
