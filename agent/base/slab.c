// SPDX-License-Identifier: Apache-2.0
#include "base/slab.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE (4096 - 2 * sizeof(size_t)) /* with what malloc() adds: a page */

struct slab_item {
	struct slab_item *next;
};

struct slab_chunk {
	struct slab_chunk *next;
	unsigned char items[];
};

struct slab slab_of(size_t item_size)
{
	size_t unit = sizeof(struct slab_item);

	return (struct slab){ .item_size = (item_size + unit - 1) / unit * unit };
}

static int add_chunk(struct slab *slab)
{
	size_t count = (CHUNK_SIZE - sizeof(struct slab_chunk)) / slab->item_size ?: 1;
	struct slab_chunk *chunk = malloc(sizeof(*chunk) + count * slab->item_size);

	if (!chunk)
		return -1;
	chunk->next = slab->chunks;
	slab->chunks = chunk;
	slab->left = count;
	return 0;
}

void *slab_take(struct slab *slab)
{
	struct slab_item *item = slab->given;

	if (item)
		slab->given = item->next;
	else if (slab->left || !add_chunk(slab))
		item = (void *)(slab->chunks->items + --slab->left * slab->item_size);
	return item ? memset(item, 0, slab->item_size) : NULL;
}

void slab_give(struct slab *slab, void *item)
{
	struct slab_item *given = item;

	given->next = slab->given;
	slab->given = given;
}

void slab_done(struct slab *slab)
{
	struct slab_chunk *chunk, *next;

	for (chunk = slab->chunks; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	*slab = slab_of(slab->item_size);
}
