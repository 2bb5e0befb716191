/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds objects by namespace and name: open addressing over pointers. At 50,000
 * pods the links of a chained table would cost more than the pods' addresses do.
 * Private to store_table.h.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "model/objects.h"

struct store_entry {
	struct object *obj; /* NULL: deleted, its place in the order is still to be cleared */
	uint32_t hash;
	uint32_t mark; /* of the source; 0: none */
};

struct store_index {
	struct store_entry **slots; /* NULL: free */
	size_t slot_count; /* a power of two */
	size_t count;
};

struct store_entry *store_index_find(const struct store_index *index, const char *namespace,
				     const char *name);
/* Sets the entry's hash. 0, or -ENOMEM and nothing has changed. */
int store_index_add(struct store_index *index, struct store_entry *entry);
/* While its object is still there. */
void store_index_remove(struct store_index *index, const struct store_entry *entry);
void store_index_done(struct store_index *index);
