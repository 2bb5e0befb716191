// SPDX-License-Identifier: Apache-2.0
#include "base/pool.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS_MIN 16
#define ITEMS_MIN 8

void pool_init(struct pool *pool, size_t item_size, uint32_t (*hash)(const void *item))
{
	*pool = (struct pool){ .item_size = item_size, .hash = hash };
}

void pool_clear(struct pool *pool)
{
	pool_done(pool);
	pool_init(pool, pool->item_size, pool->hash);
}

void pool_done(struct pool *pool)
{
	free(pool->items);
	free(pool->buckets);
	pool->items = NULL;
	pool->buckets = NULL;
}

static struct pool_link *link_of(const struct pool *pool, uint32_t number)
{
	return pool_at(pool, number);
}

static uint32_t *bucket_of(const struct pool *pool, uint32_t hash)
{
	return &pool->buckets[hash & (pool->bucket_count - 1)];
}

static void link_in(struct pool *pool, uint32_t number)
{
	uint32_t *bucket = bucket_of(pool, pool->hash(pool_at(pool, number)));

	link_of(pool, number)->next = *bucket;
	*bucket = number;
}

/* Items keep their order within a bucket only by chance: nobody may rely on it. */
static int grow_buckets(struct pool *pool)
{
	uint32_t count = pool->bucket_count ? pool->bucket_count * 2 : BUCKETS_MIN;
	uint32_t *grown = calloc(count, sizeof(*grown));

	if (!grown)
		return -1;
	free(pool->buckets);
	pool->buckets = grown;
	pool->bucket_count = count;
	for (uint32_t i = pool_walk(pool, 0); i; i = pool_walk(pool, i))
		link_in(pool, i);
	return 0;
}

/* Room for the item after the last one; the array has room for a power of two. */
static int grow_items(struct pool *pool)
{
	size_t room = pool->last ? (size_t)pool->last * 2 : ITEMS_MIN;
	unsigned char *grown;

	if (pool->last && (pool->last < ITEMS_MIN || (pool->last & (pool->last - 1))))
		return 0;
	if (room > UINT32_MAX)
		return -1;
	grown = reallocarray(pool->items, room, pool->item_size);
	if (!grown)
		return -1;
	pool->items = grown;
	return 0;
}

static uint32_t take_number(struct pool *pool)
{
	uint32_t number = pool->first_free;

	if (number) {
		pool->first_free = link_of(pool, number)->next;
		return number;
	}
	return grow_items(pool) < 0 ? 0 : ++pool->last;
}

uint32_t pool_add(struct pool *pool, const void *item)
{
	uint32_t number;

	if (pool->count >= pool->bucket_count && grow_buckets(pool) < 0)
		return 0;
	number = take_number(pool);
	if (!number)
		return 0;
	memcpy(pool_at(pool, number), item, pool->item_size);
	link_of(pool, number)->used = 1;
	link_in(pool, number);
	pool->count++;
	return number;
}

void pool_remove(struct pool *pool, uint32_t number)
{
	struct pool_link *link = link_of(pool, number);
	uint32_t *at = bucket_of(pool, pool->hash(link));

	while (*at != number)
		at = &link_of(pool, *at)->next;
	*at = link->next;
	*link = (struct pool_link){ .next = pool->first_free };
	pool->first_free = number;
	pool->count--;
}

uint32_t pool_first(const struct pool *pool, uint32_t hash)
{
	return pool->count ? *bucket_of(pool, hash) : 0;
}

uint32_t pool_next(const struct pool *pool, uint32_t number)
{
	return link_of(pool, number)->next;
}

uint32_t pool_walk(const struct pool *pool, uint32_t number)
{
	while (number < pool->last)
		if (link_of(pool, ++number)->used)
			return number;
	return 0;
}

/* FNV-1a, and a last stir: buckets are chosen by the low bits. */
uint32_t pool_hash(uint32_t hash, const void *data, size_t size)
{
	const unsigned char *bytes = data;

	hash ^= 0x811c9dc5;
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * 0x01000193;
	return hash ^ hash >> 15;
}
