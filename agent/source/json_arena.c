// SPDX-License-Identifier: Apache-2.0
#include "source/json_arena.h"

#include <cjson/cJSON.h>
#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define BLOCK_MIN (32u << 10) /* bytes */
#define KEPT_MAX (256u << 10) /* a larger block is not kept for the next tree */
#define KEPT_UNUSED_MAX (2 * BLOCK_MIN) /* nor a larger one for the next use */
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

/* Those behind the first ones @kept that are larger than @most. */
static void drop_large(struct json_arena *arena, size_t kept, size_t most)
{
	while (arena->count > kept && arena->blocks[arena->count - 1]->size > most)
		drop_blocks(arena, arena->count - 1);
}

static void fill_block(struct json_arena *arena, size_t at, unsigned char *next)
{
	struct json_arena_block *block = arena->count ? arena->blocks[at] : NULL;

	arena->at = at;
	arena->next = next ?: block ? block->data : NULL;
	arena->end = block ? block->data + block->size : NULL;
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
	fill_block(arena, at, NULL);
	return true;
}

static void *take(size_t size)
{
	struct json_arena *arena = current;
	unsigned char *place;

	if (!arena)
		return malloc(size);
	if (size > SIZE_MAX / 4)
		return NULL;
	size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	if (size > (size_t)(arena->end - arena->next) && !next_block(arena, size))
		return NULL;
	place = arena->next;
	arena->next += size;
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
	cJSON_Hooks hooks = { .malloc_fn = take, .free_fn = give };

	json_set_alloc_funcs(take, give);
	cJSON_InitHooks(&hooks);
}

void json_arena_begin(struct json_arena *arena)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, install);
	current = arena;
}

struct json_arena_mark json_arena_mark(const struct json_arena *arena)
{
	if (!arena)
		return (struct json_arena_mark){};
	return (struct json_arena_mark){ .at = arena->at, .next = arena->next };
}

void json_arena_rewind(struct json_arena *arena, struct json_arena_mark mark)
{
	if (!arena)
		return;
	fill_block(arena, mark.at, mark.next);
	drop_large(arena, mark.at + 1, KEPT_MAX);
}

void json_arena_end(struct json_arena *arena)
{
	current = NULL;
	drop_large(arena, 0, KEPT_UNUSED_MAX);
	fill_block(arena, 0, NULL);
}

void json_arena_done(struct json_arena *arena)
{
	drop_blocks(arena, 0);
	*arena = (struct json_arena){};
}
