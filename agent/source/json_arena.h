/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON values of a short life, side by side in memory: a tree costs no malloc() for each of
 * its values, goes at once, and leaves no holes between what is made from it and stays.
 *
 * All values that the calling thread makes while an arena is in use are in it, and none of
 * them may be used once it was rewound behind them, whoever holds a reference. They need no
 * json_decref(). Values from elsewhere may be mixed with them; other threads are not
 * concerned.
 */
#pragma once

#include <stddef.h>

#define JSON_ARENA_BLOCKS 20 /* each at least twice as large as the one before */

struct json_arena {
	struct json_arena_block *blocks[JSON_ARENA_BLOCKS];
	size_t count; /* of blocks */
	size_t at; /* the block that is filled */
	unsigned char *next; /* place in it */
	unsigned char *end; /* of it */
};

struct json_arena_mark {
	size_t at;
	unsigned char *next;
};

/*
 * From now on values of this thread are in it, which is {} or was used before; there must not
 * be another one in use.
 */
void json_arena_begin(struct json_arena *arena);

/* NULL for @arena, here and below: there is none. */
struct json_arena_mark json_arena_mark(const struct json_arena *arena);

/* Values made since @mark are gone. */
void json_arena_rewind(struct json_arena *arena, struct json_arena_mark mark);

/* All its values are gone, and values are made as before. Little of its memory is kept. */
void json_arena_end(struct json_arena *arena);

/* It is not in use; all of its memory is given back. */
void json_arena_done(struct json_arena *arena);
