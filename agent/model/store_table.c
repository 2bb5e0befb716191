// SPDX-License-Identifier: Apache-2.0
#include "model/store_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ORDER_MIN 16

static int compare_entries(const void *a, const void *b)
{
	const struct object *left = (*(struct store_entry *const *)a)->obj;
	const struct object *right = (*(struct store_entry *const *)b)->obj;

	return strcmp(left->namespace, right->namespace) ?: strcmp(left->name, right->name);
}

void store_table_init(struct store_table *table)
{
	*table = (struct store_table){ .entries = slab_of(sizeof(struct store_entry)) };
}

void store_table_done(struct store_table *table)
{
	store_index_done(&table->by_key);
	for (size_t i = 0; i < table->count; i++)
		object_free(table->order[i]->obj);
	slab_done(&table->entries);
	free(table->order);
}

/* Clear the places of deleted objects. */
static void sweep(struct store_table *table)
{
	size_t kept = 0, sorted = 0;

	for (size_t i = 0; i < table->count; i++) {
		struct store_entry *entry = table->order[i];

		if (!entry->obj) {
			slab_give(&table->entries, entry);
			continue;
		}
		table->order[kept++] = entry;
		sorted += i < table->sorted;
	}
	table->count = kept;
	table->sorted = sorted;
	table->dead = 0;
}

/* -ENOMEM: nothing has changed. */
static int merge(struct store_table *table)
{
	struct store_entry **from = table->order, **to = calloc(table->room, sizeof(*to));
	size_t a = 0, b = table->sorted;

	if (!to)
		return -ENOMEM;
	for (size_t i = 0; i < table->count; i++) {
		bool left = b == table->count ||
			    (a < table->sorted && compare_entries(&from[a], &from[b]) < 0);

		to[i] = left ? from[a++] : from[b++];
	}
	table->order = to;
	free(from);
	return 0;
}

void store_table_sort(struct store_table *table)
{
	if (table->dead)
		sweep(table);
	if (table->sorted == table->count)
		return;
	qsort(table->order + table->sorted, table->count - table->sorted, sizeof(*table->order),
	      compare_entries);
	/* Without memory for two it takes longer. */
	if (table->sorted && merge(table) < 0)
		qsort(table->order, table->count, sizeof(*table->order), compare_entries);
	table->sorted = table->count;
}

static int make_room(struct store_table *table)
{
	size_t room = table->room ? table->room * 2 : ORDER_MIN;
	struct store_entry **grown;

	if (table->count < table->room)
		return 0;
	if (table->dead > table->count / 2) {
		sweep(table);
		return 0;
	}
	grown = reallocarray(table->order, room, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	table->order = grown;
	table->room = room;
	return 0;
}

int store_table_add(struct store_table *table, struct object *obj)
{
	struct store_entry *entry;
	int r = make_room(table);

	if (r < 0)
		return r;
	entry = slab_take(&table->entries);
	if (!entry)
		return -ENOMEM;
	entry->obj = obj;
	r = store_index_add(&table->by_key, entry);
	if (r < 0) {
		slab_give(&table->entries, entry);
		return r;
	}
	table->order[table->count++] = entry;
	return 0;
}

struct object *store_table_remove(struct store_table *table, struct store_entry *entry)
{
	struct object *obj = entry->obj;

	store_index_remove(&table->by_key, entry);
	entry->obj = NULL;
	table->dead++;
	return obj;
}
