/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash table of nodes that are members of what they find. The table owns only its
 * buckets; it grows and never shrinks.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct hash_node {
	struct hash_node *next;
	uint32_t hash;
};

/* Zero is the empty table. */
struct hash {
	struct hash_node **buckets;
	size_t bucket_count; /* a power of two */
	size_t count;
};

/* 0, or -ENOMEM and nothing has changed. */
int hash_add(struct hash *hash, struct hash_node *node, uint32_t value);
void hash_remove(struct hash *hash, struct hash_node *node);

/* The chain that nodes of @value are in, others too; NULL ends it. */
struct hash_node *hash_chain(const struct hash *hash, uint32_t value);

/* Calls @fn for each node, in no order; it may remove and free the node. */
void hash_each(struct hash *hash, void (*fn)(struct hash_node *node, void *arg), void *arg);
void hash_done(struct hash *hash);

/* Of @size bytes, continuing from @value (0 at first). */
uint32_t hash_bytes(uint32_t value, const void *data, size_t size);
