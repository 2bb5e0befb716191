// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/workload.h"

static unsigned int traits_hash(const struct workload *traits);
static int traits_compare(const struct workload *a, const struct workload *b);

#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION(key, length, hash) ((hash) = traits_hash((const void *)(key)))
#define HASH_KEYCMP(a, b, length) traits_compare((const void *)(a), (const void *)(b))
#include <uthash.h>

struct workload_entry {
	struct workload workload; /* first: what pods point to; labels and ports are the key */
	size_t pods; /* that have it */
	UT_hash_handle hh;
};

static struct workload_entry *entries;
static uint64_t last_id;

/* FNV-1a over a text and its end. */
static uint64_t add_text(uint64_t hash, const char *text)
{
	do
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
	while (*text++);
	return hash;
}

static unsigned int traits_hash(const struct workload *traits)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < traits->labels.count; i++) {
		hash = add_text(hash, traits->labels.items[i].key);
		hash = add_text(hash, traits->labels.items[i].value);
	}
	for (size_t i = 0; i < traits->port_count; i++)
		hash = add_text(hash, traits->ports[i].name) ^ traits->ports[i].port;
	return (unsigned int)(hash ^ hash >> 32);
}

static int compare_labels(const struct labels *a, const struct labels *b)
{
	int r = (a->count > b->count) - (a->count < b->count);

	for (size_t i = 0; i < a->count && !r; i++)
		r = strcmp(a->items[i].key, b->items[i].key) ?:
		    strcmp(a->items[i].value, b->items[i].value);
	return r;
}

static int compare_ports(const struct container_port *a, const struct container_port *b)
{
	return ((int)a->proto - b->proto) ?: ((int)a->port - b->port) ?: strcmp(a->name, b->name);
}

static int traits_compare(const struct workload *a, const struct workload *b)
{
	int r = compare_labels(&a->labels, &b->labels);

	if (!r)
		r = (a->port_count > b->port_count) - (a->port_count < b->port_count);
	for (size_t i = 0; i < a->port_count && !r; i++)
		r = compare_ports(&a->ports[i], &b->ports[i]);
	return r;
}

static void traits_free(struct workload *traits)
{
	labels_done(&traits->labels);
	for (size_t i = 0; i < traits->port_count; i++)
		free(traits->ports[i].name);
	free(traits->ports);
}

static struct workload_entry *find(const struct workload *traits)
{
	struct workload_entry *entry;

	HASH_FIND(hh, entries, traits, sizeof(*traits), entry);
	return entry;
}

static struct workload_entry *add(const struct workload *traits)
{
	struct workload_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->workload = *traits;
	entry->workload.id = ++last_id;
	HASH_ADD(hh, entries, workload, sizeof(entry->workload), entry);
	if (!entry->hh.tbl) {
		free(entry);
		return NULL;
	}
	return entry;
}

int workload_join(struct pod *pod)
{
	struct workload traits = { .labels = pod->labels, .ports = pod->ports,
				   .port_count = pod->port_count };
	struct workload_entry *entry;

	if (pod->workload)
		return 0;
	entry = find(&traits);
	if (entry)
		traits_free(&traits);
	else
		entry = add(&traits);
	if (!entry)
		return -ENOMEM;
	entry->pods++;
	pod->workload = &entry->workload;
	pod->labels = entry->workload.labels;
	pod->ports = entry->workload.ports;
	return 0;
}

void workload_leave(struct pod *pod)
{
	struct workload_entry *entry = (struct workload_entry *)pod->workload;

	pod->workload = NULL;
	pod->labels = (struct labels){};
	pod->ports = NULL;
	pod->port_count = 0;
	if (--entry->pods)
		return;
	HASH_DEL(entries, entry);
	traits_free(&entry->workload);
	free(entry);
}
