// SPDX-License-Identifier: Apache-2.0
#include "base/jsonarena.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define PIECE_BYTES (256u << 10)

struct piece {
	struct piece *next;
	max_align_t data[];
};

static _Thread_local struct {
	struct piece *pieces;
	char *at; /* where the next value begins; behind it @left bytes */
	char *last; /* where the latest one does: it alone can be given back */
	size_t left;
	bool open;
} arena;

static char *piece_new(size_t size)
{
	struct piece *piece = malloc(sizeof(*piece) + size);

	if (!piece)
		return NULL;
	piece->next = arena.pieces;
	arena.pieces = piece;
	return (char *)piece->data;
}

static void *arena_malloc(size_t size)
{
	size_t align = sizeof(max_align_t);

	if (!arena.open)
		return malloc(size);
	if (size > PIECE_BYTES / 4)
		return piece_new(size);
	size = (size + align - 1) / align * align;
	if (size > arena.left) {
		char *data = piece_new(PIECE_BYTES);

		if (!data)
			return NULL;
		arena.at = data;
		arena.left = PIECE_BYTES;
	}
	arena.last = arena.at;
	arena.at += size;
	arena.left -= size;
	return arena.last;
}

static void arena_free(void *data)
{
	if (!arena.open) {
		free(data);
	} else if (data && data == arena.last) {
		arena.left += (size_t)(arena.at - arena.last);
		arena.at = arena.last;
		arena.last = NULL;
	}
}

/* Without an open arena these are malloc() and free(): it does not matter who was there first. */
static void __attribute__((constructor)) install(void)
{
	json_set_alloc_funcs(arena_malloc, arena_free);
}

void json_arena_open(void)
{
	arena.open = true;
}

void json_arena_close(void)
{
	while (arena.pieces) {
		struct piece *next = arena.pieces->next;

		free(arena.pieces);
		arena.pieces = next;
	}
	arena.at = arena.last = NULL;
	arena.left = 0;
	arena.open = false;
}
