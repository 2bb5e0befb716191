// SPDX-License-Identifier: Apache-2.0
/* What the frontend maps hold: the writer's own copy, and changes that go in as a whole. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reconcile/service_private.h"

static uint32_t hash_key(const struct frontend_key *key)
{
	uint32_t value = hash_bytes(0, key->addr.bytes, sizeof(key->addr));

	value = hash_bytes(value, &key->port, sizeof(key->port));
	return hash_bytes(value, &key->proto, sizeof(key->proto));
}

static struct frontend_entry *find(const struct frontends *frontends,
				   const struct frontend_key *key, uint32_t hash)
{
	struct hash_node *node = hash_chain(&frontends->by_key, hash);

	for (; node; node = node->next) {
		struct frontend_entry *entry = (struct frontend_entry *)node;

		if (node->hash == hash && entry->key.port == key->port &&
		    entry->key.proto == key->proto && ip_addr_equal(&entry->key.addr, &key->addr))
			return entry;
	}
	return NULL;
}

struct frontend_entry *frontends_find(const struct frontends *frontends,
				      const struct frontend_key *key)
{
	return find(frontends, key, hash_key(key));
}

void frontends_init(struct frontends *frontends)
{
	frontends->entries = slab_of(sizeof(struct frontend_entry));
}

struct frontend_entry *frontends_add(struct frontends *frontends, const struct frontend_key *key)
{
	uint32_t hash = hash_key(key);
	struct frontend_entry *entry = find(frontends, key, hash);

	if (entry)
		return entry;
	entry = slab_take(&frontends->entries);
	if (!entry)
		return NULL;
	entry->key = *key;
	if (hash_add(&frontends->by_key, &entry->node, hash) < 0) {
		slab_give(&frontends->entries, entry);
		return NULL;
	}
	return entry;
}

void frontends_forget(struct frontends *frontends, struct frontend_entry *entry)
{
	bool needed = frontend_is_address(&entry->key) ? entry->frontends : entry->port != NULL;

	if (entry->held || needed)
		return;
	hash_remove(&frontends->by_key, &entry->node);
	slab_give(&frontends->entries, entry);
}

void frontends_count(struct frontend_entry *address, const struct frontend *value, int by)
{
	address->frontends += (uint32_t)by;
	if (!(value->flags & FRONTEND_EXTERNAL))
		address->whole += (uint32_t)by;
}

struct frontend_entry *frontends_address(struct frontends *frontends,
					 const struct frontend_key *key)
{
	const struct frontend_key address = { .addr = key->addr };

	return frontends_add(frontends, &address);
}

void frontends_done(struct frontends *frontends)
{
	hash_done(&frontends->by_key);
	slab_done(&frontends->entries);
}

int frontend_ops_add(struct frontend_ops *ops, struct frontend_entry *entry, bool has,
		     struct frontend after)
{
	size_t room = ops->room * 2 ?: 8;
	struct frontend_op *items;

	if (ops->count == ops->room) {
		items = reallocarray(ops->items, room, sizeof(*items));
		if (!items)
			return -ENOMEM;
		ops->items = items;
		ops->room = room;
	}
	ops->items[ops->count++] = (struct frontend_op){ .entry = entry,
							 .had = entry->held,
							 .has = has,
							 .before = entry->value,
							 .after = after };
	return 0;
}

int frontend_write(struct service_writer *writer, struct frontend_entry *entry, bool has,
		   const struct frontend *value)
{
	struct frontends *frontends = &writer->frontends;
	int family = frontend_family(&entry->key), by, r;

	writer->epoch++;
	r = has ? service_maps_put(&writer->maps, &entry->key, value) :
		  service_maps_delete(&writer->maps, &entry->key);
	if (r < 0)
		return r;
	by = has - entry->held;
	frontends->held[family] += (uint32_t)by;
	if (!frontend_is_address(&entry->key))
		frontends->ports[family] += (uint32_t)by;
	entry->held = has;
	entry->value = has ? *value : (struct frontend){};
	return 0;
}

int frontend_ops_run(struct service_writer *writer, const struct frontend_ops *ops,
		     enum datapath_map *failed)
{
	const struct frontend_op *op;
	int r = 0;

	for (size_t i = 0; i < ops->count; i++) {
		op = &ops->items[i];
		r = frontend_write(writer, op->entry, op->has, &op->after);
		if (r >= 0)
			continue;
		*failed = frontend_family(&op->entry->key) ? MAP_FRONTEND6 : MAP_FRONTEND4;
		/* What had room before has it again. */
		while (i-- > 0) {
			op = &ops->items[i];
			frontend_write(writer, op->entry, op->had, &op->before);
		}
		return r;
	}
	return 0;
}
