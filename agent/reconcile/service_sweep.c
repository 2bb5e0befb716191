// SPDX-License-Identifier: Apache-2.0
/* What a former agent left and no Service has taken over goes, frontends first. */
#include <stdlib.h>

#include "base/log.h"
#include "reconcile/service_private.h"

struct sweep {
	struct service_writer *writer;
	bool addresses; /* now theirs, then the others */
};

/* The address as its frontends want it, without those that nobody has taken over. */
static void sweep_address(struct service_writer *writer, struct frontend_entry *entry)
{
	const struct frontend want = { .flags = entry->whole ? FRONTEND_WHOLE : 0 };
	char text[ADDR_TEXT_MAX];
	int r = 0;

	if (!entry->frontends && entry->held)
		r = frontend_write(writer, entry, false, &want);
	else if (entry->frontends && (entry->value.service || entry->value.flags != want.flags))
		r = frontend_write(writer, entry, true, &want);
	if (r < 0)
		log_debug_errno(r, "frontends of %s", addr_text(text, &entry->key.addr));
	frontends_forget(&writer->frontends, entry);
}

static bool is_stale(const struct frontend_entry *entry)
{
	return entry->held && (!entry->port || !entry->port->owner);
}

static void uncount(struct hash_node *node, void *arg)
{
	struct frontend_entry *entry = (struct frontend_entry *)node, *address;
	struct service_writer *writer = arg;

	if (frontend_is_address(&entry->key) || !is_stale(entry))
		return;
	address = frontends_address(&writer->frontends, &entry->key);
	if (address)
		frontends_count(address, &entry->value, -1);
}

static void sweep_entry(struct hash_node *node, void *arg)
{
	struct frontend_entry *entry = (struct frontend_entry *)node;
	const struct sweep *sweep = arg;
	char text[ADDR_TEXT_MAX];
	int r;

	if (frontend_is_address(&entry->key) != sweep->addresses)
		return;
	if (sweep->addresses) {
		sweep_address(sweep->writer, entry);
		return;
	}
	if (!is_stale(entry))
		return;
	r = frontend_write(sweep->writer, entry, false, &(struct frontend){});
	if (r < 0)
		log_debug_errno(r, "frontend of %s", addr_text(text, &entry->key.addr));
	/* With its port it is forgotten. */
	frontends_forget(&sweep->writer->frontends, entry);
}

/* A port that has no room to rest stays until the next agent comes. */
static void sweep_port(struct service_writer *writer, struct service_number *port, int64_t now_ms)
{
	if (port->owner)
		return;
	if (rest_reserve(&writer->rest, port->backends.count + SERVICE_SETS + 1) < 0)
		return;
	service_number_leave(writer, port, now_ms);
}

void service_writer_synced(struct service_writer *writer, int64_t now_ms)
{
	struct sweep sweep = { .writer = writer, .addresses = true };

	if (writer->synced)
		return;
	writer->synced = true;
	hash_each(&writer->frontends.by_key, uncount, writer);
	hash_each(&writer->frontends.by_key, sweep_entry, &sweep);
	sweep.addresses = false;
	hash_each(&writer->frontends.by_key, sweep_entry, &sweep);
	for (uint32_t number = 1; number < writer->maps.port_max; number++)
		if (writer->ports[number])
			sweep_port(writer, writer->ports[number], now_ms);
}
