// SPDX-License-Identifier: Apache-2.0
/* What the frontend maps and those of source ranges shall hold, as a journal. */
#include <errno.h>

#include "reconcile/drift_private.h"
#include "reconcile/service_private.h"

struct listing {
	struct journal *journal;
	int r;
};

static void list_frontend(struct hash_node *node, void *arg)
{
	const struct frontend_entry *entry = (const struct frontend_entry *)node;
	struct listing *listing = arg;
	struct frontend6_key raw;
	enum datapath_map map;

	if (!entry->held || listing->r)
		return;
	map = service_maps_narrow(&raw, &entry->key);
	listing->r = journal_add(listing->journal, map, &raw, &entry->value);
}

static int list_range(struct journal *journal, uint32_t number, const struct prefix *prefix)
{
	const struct range_key key = service_range_key(number, prefix);
	const uint32_t value = 1;
	union range_raw_key raw;
	enum datapath_map map = service_maps_narrow_range(&raw, &key);

	return journal_add(journal, map, &raw, &value);
}

int service_entries(struct journal *journal, struct service_writer *writer)
{
	struct listing listing = { .journal = journal };

	hash_each(&writer->frontends.by_key, list_frontend, &listing);
	for (uint32_t number = 1; number < writer->maps.port_max && !listing.r; number++) {
		const struct service_ranges *ranges = &writer->ranges[number];

		for (size_t i = 0; i < ranges->count && !listing.r; i++)
			listing.r = list_range(journal, number, &ranges->items[i]);
	}
	return listing.r;
}

uint64_t service_epoch(const struct service_writer *writer)
{
	return writer->epoch;
}

const struct service_maps *service_writer_maps(const struct service_writer *writer)
{
	return &writer->maps;
}

void service_frontend_owner(char *ret, size_t size, const struct service_writer *writer,
			    enum datapath_map map, const void *raw)
{
	const struct frontend_entry *entry;
	struct frontend_key key;

	service_maps_widen(&key, map == MAP_FRONTEND4, raw);
	entry = frontends_find(&writer->frontends, &key);
	ret[0] = '\0';
	if (entry && !frontend_is_address(&key) && entry->port && entry->port->owner)
		service_owner_text(ret, size, entry->port->owner);
}

void service_number_owner(char *ret, size_t size, const struct service_writer *writer,
			  uint32_t number)
{
	const struct service_number *port =
		number < writer->maps.port_max ? writer->ports[number] : NULL;

	ret[0] = '\0';
	if (port && port->owner)
		service_owner_text(ret, size, port->owner);
}
