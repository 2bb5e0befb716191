// SPDX-License-Identifier: Apache-2.0
#include "model/store_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN 16

/* FNV-1a over both texts and the end of the first. */
static uint32_t key_hash(const char *namespace, const char *name)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (const char *c = namespace; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 0x100000001b3;
	hash *= 0x100000001b3;
	for (const char *c = name; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 0x100000001b3;
	return (uint32_t)(hash ^ hash >> 32);
}

static size_t after(const struct store_index *index, size_t slot)
{
	return (slot + 1) & (index->slot_count - 1);
}

static size_t home(const struct store_index *index, uint32_t hash)
{
	return hash & (index->slot_count - 1);
}

struct store_entry *store_index_find(const struct store_index *index, const char *namespace,
				     const char *name)
{
	uint32_t hash = key_hash(namespace, name);
	struct store_entry *entry;

	if (!index->count)
		return NULL;
	for (size_t slot = home(index, hash); (entry = index->slots[slot]);
	     slot = after(index, slot))
		if (entry->hash == hash && !strcmp(entry->obj->name, name) &&
		    !strcmp(entry->obj->namespace, namespace))
			return entry;
	return NULL;
}

static void put(struct store_index *index, struct store_entry *entry)
{
	size_t slot = home(index, entry->hash);

	while (index->slots[slot])
		slot = after(index, slot);
	index->slots[slot] = entry;
}

static int grow(struct store_index *index)
{
	struct store_index grown = {
		.slot_count = index->slot_count ? index->slot_count * 2 : SLOTS_MIN,
		.count = index->count,
	};

	grown.slots = calloc(grown.slot_count, sizeof(*grown.slots));
	if (!grown.slots)
		return -ENOMEM;
	for (size_t i = 0; i < index->slot_count; i++)
		if (index->slots[i])
			put(&grown, index->slots[i]);
	free(index->slots);
	*index = grown;
	return 0;
}

int store_index_add(struct store_index *index, struct store_entry *entry)
{
	if (index->count >= index->slot_count / 4 * 3 && grow(index) < 0)
		return -ENOMEM;
	entry->hash = key_hash(entry->obj->namespace, entry->obj->name);
	put(index, entry);
	index->count++;
	return 0;
}

void store_index_remove(struct store_index *index, const struct store_entry *entry)
{
	size_t hole = home(index, entry->hash), slot;
	struct store_entry *other;

	while (index->slots[hole] != entry)
		hole = after(index, hole);
	index->count--;
	/* Those behind it that would no longer be found move up. */
	for (slot = after(index, hole); (other = index->slots[slot]); slot = after(index, slot)) {
		size_t way = slot - home(index, other->hash), gap = slot - hole;

		if ((way & (index->slot_count - 1)) < (gap & (index->slot_count - 1)))
			continue;
		index->slots[hole] = other;
		hole = slot;
	}
	index->slots[hole] = NULL;
}

void store_index_done(struct store_index *index)
{
	free(index->slots);
	*index = (struct store_index){};
}
