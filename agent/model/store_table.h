/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The objects of one kind in the store: a hash table finds them, an array gives their order.
 * New objects gather at the end of the array and are sorted in when somebody wants the order,
 * so that reading 100,000 files costs one sort and a single change costs one merge.
 */
#pragma once

#include <stddef.h>

#include "base/slab.h"
#include "model/store_index.h"

struct store_table {
	struct store_index by_key;
	struct slab entries;
	struct store_entry **order; /* [0, sorted) in order, [sorted, count) as they came */
	size_t sorted;
	size_t count;
	size_t dead; /* deleted ones among them */
	size_t room;
};

void store_table_init(struct store_table *table);
/* And the objects in it. */
void store_table_done(struct store_table *table);

/* There is none of that key. Takes over @obj, but not when it fails: 0 or -ENOMEM. */
int store_table_add(struct store_table *table, struct object *obj);

/* What @entry held, which is the caller's now. */
struct object *store_table_remove(struct store_table *table, struct store_entry *entry);

/* Puts @order in order, by namespace and name, without deleted ones: all @count are sorted. */
void store_table_sort(struct store_table *table);
