// SPDX-License-Identifier: Apache-2.0
#include "source/json_arena.h"

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define BLOCK_MIN (32u << 10) /* bytes */
#define KEPT_MAX (256u << 10) /* a larger block is not kept for the next tree */
#define ALIGNMENT 16

struct json_arena_block {
	size_t size; /* of @data */
	unsigned char data[] __attribute__((aligned(ALIGNMENT)));
};

static _Thread_local struct json_arena *current;

static void drop_blocks(struct json_arena *arena, size_t kept)
{
	while (arena->count > kept)
		free(arena->blocks[--arena->count]);
}

static bool has_room(const struct json_arena *arena, size_t size)
{
	return arena->at < arena->count && size <= arena->blocks[arena->at]->size - arena->used;
}

/* Go on to a block that has room. */
static bool next_block(struct json_arena *arena, size_t least)
{
	size_t at = arena->count ? arena->at + 1 : 0;
	size_t size = at ? arena->blocks[at - 1]->size * 2 : BLOCK_MIN;
	struct json_arena_block *block;

	if (at == arena->count || arena->blocks[at]->size < least) {
		if (at == JSON_ARENA_BLOCKS)
			return false;
		if (size < least)
			size = least;
		block = malloc(sizeof(*block) + size);
		if (!block)
			return false;
		block->size = size;
		drop_blocks(arena, at);
		arena->blocks[arena->count++] = block;
	}
	arena->at = at;
	arena->used = 0;
	return true;
}

static void *take(size_t size)
{
	struct json_arena *arena = current;
	void *place;

	if (!arena)
		return malloc(size);
	if (size > SIZE_MAX / 4)
		return NULL;
	size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	if (!has_room(arena, size) && !next_block(arena, size))
		return NULL;
	place = arena->blocks[arena->at]->data + arena->used;
	arena->used += size;
	return place;
}

static bool is_inside(const struct json_arena *arena, const void *place)
{
	uintptr_t at = (uintptr_t)place, start;

	for (size_t i = 0; i < arena->count; i++) {
		start = (uintptr_t)arena->blocks[i]->data;
		if (at >= start && at - start < arena->blocks[i]->size)
			return true;
	}
	return false;
}

static void give(void *place)
{
	if (!current || !is_inside(current, place))
		free(place);
}

static void install(void)
{
	json_set_alloc_funcs(take, give);
}

void json_arena_begin(struct json_arena *arena)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, install);
	*arena = (struct json_arena){};
	current = arena;
}

struct json_arena_mark json_arena_mark(const struct json_arena *arena)
{
	if (!arena)
		return (struct json_arena_mark){};
	return (struct json_arena_mark){ .at = arena->at, .used = arena->used };
}

void json_arena_rewind(struct json_arena *arena, struct json_arena_mark mark)
{
	if (!arena)
		return;
	arena->at = mark.at;
	arena->used = mark.used;
	while (arena->count > mark.at + 1 && arena->blocks[arena->count - 1]->size > KEPT_MAX)
		drop_blocks(arena, arena->count - 1);
}

void json_arena_end(struct json_arena *arena)
{
	current = NULL;
	drop_blocks(arena, 0);
	arena->at = arena->used = 0;
}
