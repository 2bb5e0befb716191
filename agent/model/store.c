// SPDX-License-Identifier: Apache-2.0
#include "model/store.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "model/store_table.h"
#include "model/workload.h"

struct store {
	struct store_table *tables; /* OBJECT_KIND_MAX; apart, because readers put them in order */
	uint64_t version;
	uint64_t policy_version;
	uint64_t kind_versions[OBJECT_KIND_MAX];
	void (*follow)(const struct object *old, const struct object *new, void *arg);
	void *follow_arg;
};

/* Of all stores, so that an image can be compared with one of another store's objects. */
static uint64_t last_stamp;

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
		store_table_init(&store->tables[kind]);
	*ret = take_ptr(&store);
	return 0;
}

void store_free(struct store *store)
{
	if (!store)
		return;
	for (int kind = 0; store->tables && kind < OBJECT_KIND_MAX; kind++)
		store_table_done(&store->tables[kind]);
	free(store->tables);
	free(store);
}

void store_freep(struct store **store)
{
	store_free(*store);
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
	struct store_table *table = &store->tables[obj->kind];
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
		r = store_table_add(table, obj);
		if (r < 0)
			return r;
	}
	owned = NULL;
	obj->stamp = ++last_stamp;
	changed(store, former, obj);
	return 0;
}

bool store_delete(struct store *store, enum object_kind kind, const char *namespace,
		  const char *name)
{
	struct store_table *table = &store->tables[kind];
	struct store_entry *entry = store_index_find(&table->by_key, namespace, name);

	if (!entry)
		return false;
	changed(store, store_table_remove(table, entry), NULL);
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
	struct store_table *table = &store->tables[kind];
	size_t swept = 0;

	for (size_t i = 0; i < table->count; i++) {
		struct store_entry *entry = table->order[i];

		if (!entry->obj || entry->mark == mark)
			continue;
		fn(entry->obj, arg);
		changed(store, store_table_remove(table, entry), NULL);
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
	struct store_table *table = &store->tables[kind];
	int r;

	store_table_sort(table);
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
