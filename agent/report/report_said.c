// SPDX-License-Identifier: Apache-2.0
#include "report/report_said.h"

#include <stdlib.h>

#define RETRY_MIN_MS 2000
#define RETRY_DOUBLINGS 7 /* to some four minutes */

static struct said_entry *find(const struct said *said, uint64_t key)
{
	struct hash_node *node;

	if (!said->entries.count)
		return NULL;
	for (node = hash_chain(&said->entries, (uint32_t)key); node; node = node->next)
		if (((struct said_entry *)node)->key == key)
			return (struct said_entry *)node;
	return NULL;
}

void said_begin(struct said *said)
{
	said->round++;
}

static struct said_entry *add(struct said *said, uint64_t key, uint64_t value)
{
	struct said_entry *entry = calloc(1, sizeof(*entry));

	if (!entry || hash_add(&said->entries, &entry->node, (uint32_t)key) < 0) {
		free(entry);
		return NULL;
	}
	entry->key = key;
	entry->value = ~value;
	return entry;
}

struct said_entry *said_need(struct said *said, uint64_t key, uint64_t value)
{
	struct said_entry *entry = find(said, key) ?: add(said, key, value);

	if (!entry)
		return NULL;
	entry->round = said->round;
	if (entry->value == value)
		return entry;
	entry->value = value;
	entry->due_ms = SAID_NEVER;
	entry->failures = 0;
	entry->is_fresh = true;
	return entry;
}

struct said_entry *said_want(struct said *said, uint64_t key, uint64_t value)
{
	if (said->entries.count >= SAID_MAX && !find(said, key))
		return NULL;
	return said_need(said, key, value);
}

bool said_wants(const struct said *said, uint64_t key)
{
	const struct said_entry *entry = find(said, key);

	return entry && entry->round == said->round;
}

static void forget_old(struct hash_node *node, void *arg)
{
	struct said_entry *entry = (struct said_entry *)node;
	struct said *said = arg;

	if (entry->round == said->round)
		return;
	hash_remove(&said->entries, node);
	free(entry);
}

void said_sweep(struct said *said)
{
	hash_each(&said->entries, forget_old, said);
}

void said_done(struct said *said, uint64_t key, int64_t again_ms)
{
	struct said_entry *entry = find(said, key);

	if (!entry)
		return;
	entry->due_ms = again_ms;
	entry->failures = 0;
}

void said_failed(struct said *said, uint64_t key, int64_t now_ms)
{
	struct said_entry *entry = find(said, key);
	unsigned int doublings;

	if (!entry)
		return;
	doublings = entry->failures < RETRY_DOUBLINGS ? entry->failures : RETRY_DOUBLINGS;
	entry->due_ms = now_ms + ((int64_t)RETRY_MIN_MS << doublings);
	entry->failures++;
}

void said_free(struct said *said)
{
	said_begin(said);
	said_sweep(said);
	hash_done(&said->entries);
	*said = (struct said){};
}
