// SPDX-License-Identifier: Apache-2.0
/* The Services by name: what belongs to each, and which are to be resolved again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/service_private.h"

static uint32_t name_hash(const char *namespace, const char *name)
{
	return pool_hash(pool_hash(0, namespace, strlen(namespace)), name, strlen(name));
}

static uint32_t entries_hash(const void *item)
{
	const struct service_entry *entry = item;

	return name_hash(entry->key, entry_name(entry));
}

void entries_init(struct services *services)
{
	pool_init(&services->entries, sizeof(struct service_entry), entries_hash);
}

struct service_entry *entry_at(const struct services *services, uint32_t number)
{
	return pool_at(&services->entries, number);
}

const char *entry_name(const struct service_entry *entry)
{
	return entry->key + entry->name_at;
}

int entry_compare(const struct service_entry *a, const struct service_entry *b)
{
	return strcmp(a->key, b->key) ?: strcmp(entry_name(a), entry_name(b));
}

uint32_t entry_find(const struct services *services, const char *namespace, const char *name)
{
	const struct pool *pool = &services->entries;

	for (uint32_t i = pool_first(pool, name_hash(namespace, name)); i; i = pool_next(pool, i)) {
		const struct service_entry *entry = entry_at(services, i);

		if (!strcmp(entry_name(entry), name) && !strcmp(entry->key, namespace))
			return i;
	}
	return 0;
}

static char *make_key(const char *namespace, const char *name)
{
	size_t length = strlen(namespace) + 1, size = length + strlen(name) + 1;
	char *key = malloc(size);

	if (key) {
		memcpy(key, namespace, length);
		memcpy(key + length, name, size - length);
	}
	return key;
}

uint32_t entry_get(struct services *services, const char *namespace, const char *name)
{
	struct service_entry entry = { .name_at = (uint32_t)strlen(namespace) + 1 };
	uint32_t number = entry_find(services, namespace, name);

	if (number)
		return number;
	entry.key = make_key(namespace, name);
	if (!entry.key)
		return 0;
	number = pool_add(&services->entries, &entry);
	if (!number)
		free(entry.key);
	return number;
}

void entry_mark(struct services *services, uint32_t number)
{
	struct service_entry *entry = entry_at(services, number);

	if (entry->dirty)
		return;
	entry->dirty = true;
	entry->next_dirty = services->first_dirty;
	services->first_dirty = number;
}

void entries_mark_all(struct services *services)
{
	const struct pool *pool = &services->entries;

	for (uint32_t i = pool_walk(pool, 0); i; i = pool_walk(pool, i))
		entry_mark(services, i);
}

void entry_set_troubled(struct services *services, uint32_t number, bool troubled)
{
	struct service_entry *entry = entry_at(services, number);

	services->troubled_count += (size_t)troubled - (size_t)entry->troubled;
	entry->troubled = troubled;
}

const struct object *const *entry_slices(const struct service_entry *entry)
{
	return entry->slice_count == 1 ? &entry->slice : entry->slices;
}

/* By name, so that people are told of them in one order whatever came first. */
int entry_add_slice(struct service_entry *entry, const struct object *slice)
{
	size_t count = entry->slice_count, at = count;
	const struct object **slices;

	if (!count) {
		entry->slice = slice;
		entry->slice_count = 1;
		return 0;
	}
	slices = reallocarray(count == 1 ? NULL : entry->slices, count + 1, sizeof(*slices));
	if (!slices)
		return -ENOMEM;
	if (count == 1)
		slices[0] = entry->slice;
	for (; at && strcmp(slices[at - 1]->name, slice->name) > 0; at--)
		slices[at] = slices[at - 1];
	slices[at] = slice;
	entry->slices = slices;
	entry->slice_count++;
	return 0;
}

static void drop_slices(struct service_entry *entry)
{
	if (entry->slice_count > 1)
		free(entry->slices);
	entry->slice_count = 0;
}

void entry_remove_slice(struct service_entry *entry, const struct object *slice)
{
	const struct object *const *slices = entry_slices(entry);
	const struct object *other;
	size_t at = 0;

	while (at < entry->slice_count && slices[at] != slice)
		at++;
	if (at == entry->slice_count)
		return;
	if (entry->slice_count == 1) {
		entry->slice_count = 0;
		return;
	}
	entry->slice_count--;
	memmove(&entry->slices[at], &entry->slices[at + 1],
		(entry->slice_count - at) * sizeof(*entry->slices));
	if (entry->slice_count > 1)
		return;
	other = entry->slices[0];
	free(entry->slices);
	entry->slice = other;
}

void entry_tidy(struct services *services, uint32_t number)
{
	struct service_entry *entry = entry_at(services, number);
	cleanup(freep) char *key = NULL;

	if (entry->service || entry->slice_count || entry->dirty)
		return;
	entry_set_troubled(services, number, false);
	key = entry->key; /* the pool finds it by its key once more */
	pool_remove(&services->entries, number);
}

void entries_clear(struct services *services)
{
	const struct pool *pool = &services->entries;

	for (uint32_t i = pool_walk(pool, 0); i; i = pool_walk(pool, i)) {
		drop_slices(entry_at(services, i));
		entry_at(services, i)->service = NULL;
	}
}

void entries_done(struct services *services)
{
	const struct pool *pool = &services->entries;

	for (uint32_t i = pool_walk(pool, 0); i; i = pool_walk(pool, i)) {
		drop_slices(entry_at(services, i));
		free(entry_at(services, i)->key);
	}
	pool_done(&services->entries);
}
