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

struct store_key {
	const char *namespace;
	const char *name;
};

static unsigned int key_hash(const struct store_key *key);
static int key_compare(const struct store_key *a, const struct store_key *b);

#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION(key, length, hash) ((hash) = key_hash((const void *)(key)))
#define HASH_KEYCMP(a, b, length) key_compare((const void *)(a), (const void *)(b))
#include <uthash.h>

#define ORDER_MIN 16

struct entry {
	struct store_key key; /* points into obj */
	struct object *obj; /* NULL: deleted, its place in the order is still to be cleared */
	UT_hash_handle hh;
};

struct table {
	struct entry *by_key;
	struct entry **order; /* [0, sorted) in order, [sorted, count) as they came */
	struct entry **spare; /* as large as order, for merging without allocation */
	size_t sorted;
	size_t count;
	size_t dead; /* deleted ones among them */
	size_t room;
};

struct store {
	struct table *tables; /* OBJECT_KIND_MAX; apart, because readers put them in order */
	uint64_t version;
};

/* FNV-1a over both texts and the end of the first. */
static unsigned int key_hash(const struct store_key *key)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (const char *c = key->namespace; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 0x100000001b3;
	hash *= 0x100000001b3;
	for (const char *c = key->name; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 0x100000001b3;
	return (unsigned int)(hash ^ hash >> 32);
}

static int key_compare(const struct store_key *a, const struct store_key *b)
{
	return strcmp(a->namespace, b->namespace) ?: strcmp(a->name, b->name);
}

static int compare_entries(const void *a, const void *b)
{
	return key_compare(&(*(struct entry *const *)a)->key, &(*(struct entry *const *)b)->key);
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
	*ret = take_ptr(&store);
	return 0;
}

static void table_done(struct table *table)
{
	HASH_CLEAR(hh, table->by_key);
	for (size_t i = 0; i < table->count; i++) {
		object_free(table->order[i]->obj);
		free(table->order[i]);
	}
	free(table->order);
	free(table->spare);
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
		struct entry *entry = table->order[i];

		if (!entry->obj) {
			free(entry);
			continue;
		}
		table->order[kept++] = entry;
		sorted += i < table->sorted;
	}
	table->count = kept;
	table->sorted = sorted;
	table->dead = 0;
}

static void merge(struct table *table)
{
	struct entry **from = table->order, **to = table->spare;
	size_t a = 0, b = table->sorted;

	for (size_t i = 0; i < table->count; i++) {
		bool left = b == table->count ||
			    (a < table->sorted && compare_entries(&from[a], &from[b]) < 0);

		to[i] = left ? from[a++] : from[b++];
	}
	table->order = to;
	table->spare = from;
}

static void put_in_order(struct table *table)
{
	if (table->dead)
		sweep(table);
	if (table->sorted == table->count)
		return;
	qsort(table->order + table->sorted, table->count - table->sorted, sizeof(*table->order),
	      compare_entries);
	if (table->sorted)
		merge(table);
	table->sorted = table->count;
}

static int make_room(struct table *table)
{
	size_t room = table->room ? table->room * 2 : ORDER_MIN;
	struct entry **grown;

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
	grown = reallocarray(table->spare, room, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	table->spare = grown;
	table->room = room;
	return 0;
}

static struct entry *find(const struct store *store, enum object_kind kind, const char *namespace,
			  const char *name)
{
	struct store_key key = { namespace, name };
	struct entry *entry;

	HASH_FIND(hh, store->tables[kind].by_key, &key, sizeof(key), entry);
	return entry;
}

static int add(struct table *table, struct object *obj)
{
	cleanup(freep) struct entry *entry = NULL;
	int r = make_room(table);

	if (r < 0)
		return r;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->obj = obj;
	entry->key = (struct store_key){ obj->namespace, obj->name };
	HASH_ADD(hh, table->by_key, key, sizeof(entry->key), entry);
	if (!entry->hh.tbl)
		return -ENOMEM;
	table->order[table->count++] = take_ptr(&entry);
	return 0;
}

int store_put(struct store *store, struct object *obj)
{
	cleanup(object_freep) struct object *owned = obj;
	struct entry *entry = find(store, obj->kind, obj->namespace, obj->name);
	int r;

	if (entry) {
		object_free(entry->obj);
		entry->obj = obj;
		entry->key = (struct store_key){ obj->namespace, obj->name };
	} else {
		r = add(&store->tables[obj->kind], obj);
		if (r < 0)
			return r;
	}
	owned = NULL;
	store->version++;
	return 0;
}

bool store_delete(struct store *store, enum object_kind kind, const char *namespace,
		  const char *name)
{
	struct table *table = &store->tables[kind];
	struct entry *entry = find(store, kind, namespace, name);

	if (!entry)
		return false;
	HASH_DEL(table->by_key, entry);
	object_free(entry->obj);
	entry->obj = NULL;
	table->dead++;
	store->version++;
	return true;
}

const struct object *store_get(const struct store *store, enum object_kind kind,
			       const char *namespace, const char *name)
{
	const struct entry *entry = find(store, kind, namespace, name);

	return entry ? entry->obj : NULL;
}

size_t store_count(const struct store *store, enum object_kind kind)
{
	return HASH_COUNT(store->tables[kind].by_key);
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
