// SPDX-License-Identifier: Apache-2.0
/*
 * A hash table a kind finds objects; an array a kind gives their order. New
 * objects gather at the end of the array and are sorted in when somebody wants
 * the order, so that reading 100,000 files costs one sort and a single change
 * costs one merge.
 */
#include "model/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/slab.h"
#include "model/store_index.h"
#include "model/workload.h"

#define ORDER_MIN 16

struct table {
	struct store_index by_key;
	struct slab entries;
	struct store_entry **order; /* [0, sorted) in order, [sorted, count) as they came */
	size_t sorted;
	size_t count;
	size_t dead; /* deleted ones among them */
	size_t room;
};

struct store {
	struct table *tables; /* OBJECT_KIND_MAX; apart, because readers put them in order */
	uint64_t version;
	uint64_t policy_version;
	uint64_t kind_versions[OBJECT_KIND_MAX];
	void (*follow)(const struct object *old, const struct object *new, void *arg);
	void *follow_arg;
};

/* Of all stores, so that an image can be compared with one of another store's objects. */
static uint64_t last_stamp;

static int compare_entries(const void *a, const void *b)
{
	const struct object *left = (*(struct store_entry *const *)a)->obj;
	const struct object *right = (*(struct store_entry *const *)b)->obj;

	return strcmp(left->namespace, right->namespace) ?: strcmp(left->name, right->name);
}

int store_new(struct store **ret)
{
	cleanup(store_freep) struct store *store = NULL;

	store = calloc(1, sizeof(*store));
	if (!store)
		return -ENOMEM;
	store->tables = calloc(OBJECT_KIND_MAX, sizeof(*store->tables));
	if (!store->tables)
		return -ENOMEM;
	for (int kind = 0; kind < OBJECT_KIND_MAX; kind++)
		store->tables[kind].entries = slab_of(sizeof(struct store_entry));
	*ret = take_ptr(&store);
	return 0;
}

static void table_done(struct table *table)
{
	store_index_done(&table->by_key);
	for (size_t i = 0; i < table->count; i++)
		object_free(table->order[i]->obj);
	slab_done(&table->entries);
	free(table->order);
}

void store_free(struct store *store)
{
	if (!store)
		return;
	for (int kind = 0; store->tables && kind < OBJECT_KIND_MAX; kind++)
		table_done(&store->tables[kind]);
	free(store->tables);
	free(store);
}

void store_freep(struct store **store)
{
	store_free(*store);
}

/* Clear the places of deleted objects. */
static void sweep(struct table *table)
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
static int merge(struct table *table)
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

static void put_in_order(struct table *table)
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

static int make_room(struct table *table)
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

static int add(struct table *table, struct object *obj)
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

void store_follow(struct store *store,
		  void (*fn)(const struct object *old, const struct object *new, void *arg),
		  void *arg)
{
	store->follow = fn;
	store->follow_arg = arg;
}

static bool is_of_policy(enum object_kind kind)
{
	return kind != OBJECT_SERVICE && kind != OBJECT_ENDPOINT_SLICE &&
	       kind != OBJECT_SERVICE_CIDR;
}

/* The end of @old; the tables have forgotten it. */
static void changed(struct store *store, struct object *old, const struct object *new)
{
	store->version++;
	store->policy_version += is_of_policy(new ? new->kind : old->kind);
	store->kind_versions[new ? new->kind : old->kind]++;
	if (store->follow)
		store->follow(old, new, store->follow_arg);
	object_free(old);
}

int store_put(struct store *store, struct object *obj)
{
	struct object *former = NULL;
	cleanup(object_freep) struct object *owned = obj;
	struct table *table = &store->tables[obj->kind];
	struct store_entry *entry;
	int r;

	r = obj->kind == OBJECT_POD ? workload_join(&obj->pod) : 0;
	if (r < 0)
		return r;
	entry = store_index_find(&table->by_key, obj->namespace, obj->name);
	if (entry) {
		former = entry->obj;
		entry->obj = obj;
	} else {
		r = add(table, obj);
		if (r < 0)
			return r;
	}
	owned = NULL;
	obj->stamp = ++last_stamp;
	changed(store, former, obj);
	return 0;
}

static void delete_entry(struct store *store, struct table *table, struct store_entry *entry)
{
	struct object *former = entry->obj;

	store_index_remove(&table->by_key, entry);
	entry->obj = NULL;
	table->dead++;
	changed(store, former, NULL);
}

bool store_delete(struct store *store, enum object_kind kind, const char *namespace,
		  const char *name)
{
	struct table *table = &store->tables[kind];
	struct store_entry *entry = store_index_find(&table->by_key, namespace, name);

	if (!entry)
		return false;
	delete_entry(store, table, entry);
	return true;
}

bool store_mark(struct store *store, enum object_kind kind, const char *namespace,
		const char *name, uint32_t mark)
{
	struct store_entry *entry = store_index_find(&store->tables[kind].by_key, namespace, name);

	if (!entry)
		return false;
	entry->mark = mark;
	return true;
}

size_t store_sweep(struct store *store, enum object_kind kind, uint32_t mark,
		   void (*fn)(const struct object *obj, void *arg), void *arg)
{
	struct table *table = &store->tables[kind];
	size_t swept = 0;

	for (size_t i = 0; i < table->count; i++) {
		struct store_entry *entry = table->order[i];

		if (!entry->obj || entry->mark == mark)
			continue;
		fn(entry->obj, arg);
		delete_entry(store, table, entry);
		swept++;
	}
	return swept;
}

const struct object *store_get(const struct store *store, enum object_kind kind,
			       const char *namespace, const char *name)
{
	const struct store_entry *entry;

	entry = store_index_find(&store->tables[kind].by_key, namespace, name);
	return entry ? entry->obj : NULL;
}

size_t store_count(const struct store *store, enum object_kind kind)
{
	return store->tables[kind].by_key.count;
}

int store_each(const struct store *store, enum object_kind kind,
	       int (*fn)(const struct object *obj, void *arg), void *arg)
{
	struct table *table = &store->tables[kind];
	int r;

	put_in_order(table);
	for (size_t i = 0; i < table->count; i++) {
		r = fn(table->order[i]->obj, arg);
		if (r)
			return r;
	}
	return 0;
}

uint64_t store_version(const struct store *store)
{
	return store->version;
}

uint64_t store_kind_version(const struct store *store, enum object_kind kind)
{
	return store->kind_versions[kind];
}

uint64_t store_policy_version(const struct store *store)
{
	return store->policy_version;
}
