// SPDX-License-Identifier: Apache-2.0
/*
 * What a former agent left in the maps of services. Nothing is taken for granted: it may
 * have ended between any two writes, and somebody else may have written here. What makes no
 * sense is free; a set that makes none is empty from now on, so that no packet follows it
 * into what will be somebody else's.
 */
#include <errno.h>
#include <stdlib.h>

#include "reconcile/service_private.h"

static struct service_number *number_at(struct service_writer *writer, uint32_t number)
{
	struct service_number *port;

	if (!number || number >= writer->maps.port_max)
		return NULL;
	if (writer->ports[number])
		return writer->ports[number];
	port = service_number_new(writer);
	if (!port)
		return NULL;
	port->number = number;
	runs_take_at(&writer->numbers, number, 0);
	writer->ports[number] = port;
	return port;
}

static int add_frontend(struct service_number *port, struct frontend_entry *entry)
{
	if (few_add(&port->frontends, &entry, sizeof(entry)) < 0)
		return -ENOMEM;
	entry->port = port;
	return 0;
}

static int on_frontend(const struct frontend_key *key, const struct frontend *value, void *arg)
{
	struct service_writer *writer = arg;
	struct frontends *frontends = &writer->frontends;
	struct frontend_entry *entry = frontends_add(frontends, key), *address;
	struct service_number *port;

	if (!entry)
		return -ENOMEM;
	entry->held = true;
	entry->value = *value;
	frontends->held[frontend_family(key)]++;
	if (frontend_is_address(key))
		return 0;
	frontends->ports[frontend_family(key)]++;
	address = frontends_address(frontends, key);
	if (!address)
		return -ENOMEM;
	frontends_count(address, value, 1);
	port = number_at(writer, value->service);
	/* A number that is none is of nobody, and goes as such. */
	if (port)
		return add_frontend(port, entry);
	return value->service && value->service < writer->maps.port_max ? -ENOMEM : 0;
}

/* The slots of @ref lie in the array, are no other set's, and hold backends of @port. */
static bool take_run(struct service_writer *writer, const struct service_number *port, uint64_t ref)
{
	uint32_t first = service_set_first(ref), count = service_set_count(ref), number;

	if (count > writer->maps.slot_max || first > writer->maps.slot_max - count)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		number = service_maps_slot(&writer->maps, first + i);
		if (!number || number >= writer->maps.backend_max ||
		    service_maps_backend(&writer->maps, number).service != port->number)
			return false;
	}
	return !runs_take_at(&writer->slots, first, runs_order(count));
}

static void read_sets(struct service_writer *writer, struct service_number *port)
{
	uint64_t ref;

	for (enum service_set set = 0; set < SERVICE_SETS; set++) {
		ref = service_maps_set(&writer->maps, port->number, set);
		if (!service_set_count(ref))
			continue;
		if (take_run(writer, port, ref))
			port->runs[set] = (struct service_run){ service_set_first(ref),
								service_set_count(ref) };
		else
			service_maps_turn(&writer->maps, port->number, set,
					  service_set_ref(SERVICE_SILENT, 0));
	}
}

/* Those of a service port without frontends end: its Service went, or was never there. */
static int read_backends(struct service_writer *writer, int64_t now_ms)
{
	struct service_number *port;
	uint32_t service;
	int r = 0;

	for (uint32_t number = 1; number < writer->maps.backend_max && r >= 0; number++) {
		service = service_maps_backend(&writer->maps, number).service;
		if (!service)
			continue;
		runs_take_at(&writer->backends, number, 0);
		port = service < writer->maps.port_max ? writer->ports[service] : NULL;
		if (port) {
			r = few_add(&port->backends, &number, sizeof(number));
			continue;
		}
		r = rest_reserve(&writer->rest, 1);
		if (!r)
			rest_backend(writer, number, now_ms);
	}
	return r;
}

static int compare_backends(const void *a, const void *b, void *arg)
{
	const struct service_writer *writer = arg;
	struct backend left = service_maps_backend(&writer->maps, *(const uint32_t *)a);
	struct backend right = service_maps_backend(&writer->maps, *(const uint32_t *)b);

	/* Of two that are the same the one in a set is the one to keep. */
	return service_number_compare(&left, &right) ?: !left.flags - !right.flags;
}

int service_readback(struct service_writer *writer, int64_t now_ms)
{
	int r;

	runs_take_at(&writer->numbers, 0, 0);
	runs_take_at(&writer->backends, 0, 0);
	r = service_maps_each_frontend(&writer->maps, on_frontend, writer);
	r = r ?: service_ranges_readback(writer);
	r = r ?: read_backends(writer, now_ms);
	for (uint32_t number = 1; number < writer->maps.port_max && r >= 0; number++) {
		struct service_number *port = writer->ports[number];

		if (!port)
			continue;
		read_sets(writer, port);
		qsort_r(service_number_backends(port), port->backends.count, sizeof(uint32_t),
			compare_backends, writer);
	}
	return r;
}
