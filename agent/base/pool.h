/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Items of one size in one array, numbered from 1 and found by a hash. At 30,000
 * services a link of 4 bytes instead of a handle of 56 is what the budget allows.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Every item begins with it. */
struct pool_link {
	uint32_t next; /* of its bucket, or of the free ones */
	uint32_t used; /* 0: the item is free */
};

struct pool {
	size_t item_size;
	uint32_t (*hash)(const void *item);
	unsigned char *items; /* moves when an item is added */
	uint32_t last; /* the highest number that was ever given out */
	uint32_t count; /* items in use */
	uint32_t first_free;
	uint32_t *buckets; /* the first item of each, 0: none */
	uint32_t bucket_count; /* a power of two, or 0 */
};

void pool_init(struct pool *pool, size_t item_size, uint32_t (*hash)(const void *item));
void pool_done(struct pool *pool);
/* Forget all items. */
void pool_clear(struct pool *pool);

static inline void *pool_at(const struct pool *pool, uint32_t number)
{
	return pool->items + (size_t)(number - 1) * pool->item_size;
}

/* Copies @item to the front of its bucket; its number, or 0: out of memory. */
uint32_t pool_add(struct pool *pool, const void *item);
void pool_remove(struct pool *pool, uint32_t number);

/* Numbers of items that may have @hash, and others; 0: no more. */
uint32_t pool_first(const struct pool *pool, uint32_t hash);
uint32_t pool_next(const struct pool *pool, uint32_t number);

/* The next item in use after @number, in no order of meaning; start with 0, ends with 0. */
uint32_t pool_walk(const struct pool *pool, uint32_t number);

/* Hashes to build on: start with 0. */
uint32_t pool_hash(uint32_t hash, const void *data, size_t size);
