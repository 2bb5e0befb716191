// SPDX-License-Identifier: Apache-2.0
#include "model/image_mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE (64 * 1024)
#define ARRAY_MIN 4

struct arena_chunk {
	struct arena_chunk *next;
	size_t used;
	size_t size;
	_Alignas(max_align_t) unsigned char data[];
};

static struct arena_chunk *chunk_add(struct arena *arena, size_t size)
{
	size_t room = size > CHUNK_SIZE / 4 ? size : CHUNK_SIZE;
	struct arena_chunk *chunk;

	chunk = calloc(1, sizeof(*chunk) + room);
	if (!chunk)
		return NULL;
	chunk->size = room;
	/* A chunk of its own goes second, so that the first stays in use. */
	if (room == size && arena->chunks) {
		chunk->next = arena->chunks->next;
		arena->chunks->next = chunk;
	} else {
		chunk->next = arena->chunks;
		arena->chunks = chunk;
	}
	return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	struct arena_chunk *chunk = arena->chunks;
	void *data;

	size = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
	if (!chunk || chunk->size - chunk->used < size)
		chunk = chunk_add(arena, size);
	if (!chunk)
		return NULL;
	data = chunk->data + chunk->used;
	chunk->used += size;
	return data;
}

void *arena_copy(struct arena *arena, const void *data, size_t size)
{
	void *copy = arena_alloc(arena, size);

	if (copy && size)
		memcpy(copy, data, size);
	return copy;
}

void arena_done(struct arena *arena)
{
	struct arena_chunk *next;

	for (struct arena_chunk *chunk = arena->chunks; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	arena->chunks = NULL;
}

void arena_reset(struct arena *arena)
{
	struct arena_chunk *kept = arena->chunks;

	if (!kept || kept->size > CHUNK_SIZE) {
		arena_done(arena);
		return;
	}
	arena->chunks = kept->next;
	arena_done(arena);
	memset(kept->data, 0, kept->used);
	kept->used = 0;
	kept->next = NULL;
	arena->chunks = kept;
}

int array_room(void *items, size_t count, size_t size)
{
	size_t room = 0;
	void *data;

	memcpy(&data, items, sizeof(data));
	if (!count)
		room = ARRAY_MIN;
	else if (count >= ARRAY_MIN && !(count & (count - 1)))
		room = count * 2;
	if (room) {
		data = reallocarray(data, room, size);
		if (!data)
			return -ENOMEM;
		memcpy(items, &data, sizeof(data));
	}
	memset((char *)data + count * size, 0, size);
	return 0;
}

int id_list_add(struct id_list *list, uint32_t id)
{
	uint32_t *item = array_add(list->items, list->count);

	if (!item)
		return -ENOMEM;
	*item = id;
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

void id_list_sort(struct id_list *list)
{
	size_t kept = 0;

	if (!list->count)
		return;
	qsort(list->items, list->count, sizeof(*list->items), compare_ids);
	for (size_t i = 1; i < list->count; i++)
		if (list->items[i] != list->items[kept])
			list->items[++kept] = list->items[i];
	list->count = kept + 1;
}

void id_list_done(struct id_list *list)
{
	free(list->items);
	*list = (struct id_list){};
}

size_t id_list_find(const struct id_list *list, uint32_t id)
{
	const uint32_t *item = list->count ? bsearch(&id, list->items, list->count, sizeof(id),
						     compare_ids) : NULL;

	return item ? (size_t)(item - list->items) : list->count;
}

bool ids_contain(const uint32_t *sorted, size_t count, uint32_t id)
{
	return count && bsearch(&id, sorted, count, sizeof(id), compare_ids);
}
