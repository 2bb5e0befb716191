// SPDX-License-Identifier: Apache-2.0
#include "base/hash.h"

#include <errno.h>
#include <stdlib.h>

#define BUCKETS_MIN 64

static struct hash_node **bucket_of(const struct hash *hash, uint32_t value)
{
	return &hash->buckets[value & (hash->bucket_count - 1)];
}

static int grow(struct hash *hash)
{
	struct hash grown = { .bucket_count = hash->bucket_count * 2 ?: BUCKETS_MIN,
			      .count = hash->count };
	struct hash_node *node, *next, **bucket;

	grown.buckets = calloc(grown.bucket_count, sizeof(struct hash_node *));
	if (!grown.buckets)
		return -ENOMEM;
	for (size_t i = 0; i < hash->bucket_count; i++) {
		for (node = hash->buckets[i]; node; node = next) {
			next = node->next;
			bucket = bucket_of(&grown, node->hash);
			node->next = *bucket;
			*bucket = node;
		}
	}
	free(hash->buckets);
	*hash = grown;
	return 0;
}

int hash_add(struct hash *hash, struct hash_node *node, uint32_t value)
{
	struct hash_node **bucket;
	int r = hash->count < hash->bucket_count ? 0 : grow(hash);

	if (r < 0)
		return r;
	bucket = bucket_of(hash, value);
	node->hash = value;
	node->next = *bucket;
	*bucket = node;
	hash->count++;
	return 0;
}

void hash_remove(struct hash *hash, struct hash_node *node)
{
	struct hash_node **link = bucket_of(hash, node->hash);

	while (*link != node)
		link = &(*link)->next;
	*link = node->next;
	hash->count--;
}

struct hash_node *hash_chain(const struct hash *hash, uint32_t value)
{
	return hash->bucket_count ? *bucket_of(hash, value) : NULL;
}

void hash_each(struct hash *hash, void (*fn)(struct hash_node *node, void *arg), void *arg)
{
	struct hash_node *node, *next;

	for (size_t i = 0; i < hash->bucket_count; i++) {
		for (node = hash->buckets[i]; node; node = next) {
			next = node->next;
			fn(node, arg);
		}
	}
}

void hash_done(struct hash *hash)
{
	free(hash->buckets);
	*hash = (struct hash){};
}

/* Source: FNV-1a, 32 bits. */
uint32_t hash_bytes(uint32_t value, const void *data, size_t size)
{
	const uint8_t *bytes = data;

	value ^= 2166136261u;
	for (size_t i = 0; i < size; i++)
		value = (value ^ bytes[i]) * 16777619u;
	return value ^ value >> 15;
}
