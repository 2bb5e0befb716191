/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of one compilation: an arena that goes at once, growing arrays, and
 * tables that number distinct keys. Private to image*.c and service*.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Everything that is allocated from it is zeroed, and lives until arena_done(). */
struct arena {
	struct arena_chunk *chunks;
};

/* NULL: out of memory. */
void *arena_alloc(struct arena *arena, size_t size);
void *arena_copy(struct arena *arena, const void *data, size_t size);
void arena_done(struct arena *arena);
/* As arena_done(), but keeps a chunk for what comes next: cheaper for many small things. */
void arena_reset(struct arena *arena);

/*
 * Make room for item @count of the array that @items points to; its capacity
 * follows from @count. The new item is zeroed. 0 or -ENOMEM.
 */
int array_room(void *items, size_t count, size_t size);

/* Append a zeroed item; its address, or NULL: out of memory. free() releases the array. */
#define array_add(items, count)                                             \
	({                                                                  \
		__typeof__(items) added_ = NULL;                            \
                                                                            \
		if (array_room(&(items), (count), sizeof(*(items))) == 0)   \
			added_ = &(items)[(count)++];                       \
		added_;                                                     \
	})

struct id_list {
	uint32_t *items;
	size_t count;
};

int id_list_add(struct id_list *list, uint32_t id);
void id_list_sort(struct id_list *list); /* ascending, each once */
size_t id_list_find(const struct id_list *list, uint32_t id); /* sorted; count: not in there */
void id_list_done(struct id_list *list);
bool ids_contain(const uint32_t *sorted, size_t count, uint32_t id);

/* Numbers distinct keys 0, 1, 2 ... in the order in which they came. */
struct intern {
	struct intern_key {
		const void *data;
		size_t size;
		uint64_t hash;
	} *keys;
	size_t count;
	uint32_t *slots; /* number + 1, 0: empty */
	size_t slot_count; /* power of two */
};

#define INTERN_NONE UINT32_MAX

/* 1: the key is new, 0: known already, -ENOMEM. The key is copied to @arena. */
int intern_add(uint32_t *ret, struct intern *intern, struct arena *arena, const void *key,
	       size_t size);
uint32_t intern_find(const struct intern *intern, const void *key, size_t size);
void intern_done(struct intern *intern);
