// SPDX-License-Identifier: Apache-2.0
/* What the writer knows, for people and for the status. */
#include <string.h>

#include "reconcile/service_private.h"

struct problem_call {
	void (*fn)(const char *text, void *arg);
	void *arg;
};

static void tell_problem(struct hash_node *node, void *arg)
{
	const struct service_owner *owner = (const struct service_owner *)node;
	const struct problem_call *call = arg;

	if (owner->problem)
		call->fn(owner->problem, call->arg);
}

void service_writer_each_problem(const struct service_writer *writer,
				 void (*fn)(const char *text, void *arg), void *arg)
{
	struct problem_call call = { fn, arg };

	hash_each((struct hash *)&writer->owners, tell_problem, &call);
}

const char *service_writer_problem(const struct service_writer *writer, const char *namespace,
				   const char *name)
{
	const struct service_owner *owner = service_find_owner(writer, namespace, name);

	return owner ? owner->problem : NULL;
}

uint32_t service_writer_port(const struct service_writer *writer, const char *namespace,
			     const char *name, const struct service_image *image)
{
	const struct service_owner *owner = service_find_owner(writer, namespace, name);

	for (size_t i = 0; owner && i < owner->ports.count; i++) {
		const struct service_number *port = owner_ports(owner)[i];

		if (port->proto == image->proto && port->is_v4 == image->is_v4 &&
		    !strcmp(service_number_name(port), image->port_name))
			return port->number;
	}
	return 0;
}

int service_writer_hits(struct service_hit *ret, const struct service_writer *writer,
			uint32_t number)
{
	return service_maps_hits(ret, &writer->maps, number);
}

/* The map whose elements they are. */
static enum datapath_map map_of(enum rest_kind kind)
{
	switch (kind) {
	case REST_RUN:
		return MAP_BACKEND_SLOT;
	case REST_PORT:
		return MAP_SERVICE_PORT;
	case REST_RANGES:
		return MAP_SERVICE_RANGE4; /* or 6 */
	default:
		return MAP_BACKEND;
	}
}

static uint32_t count_ranges(const struct service_writer *writer, uint32_t number,
			     enum datapath_map map)
{
	const struct service_ranges *ranges = &writer->ranges[number];
	uint32_t count = 0;

	for (size_t i = 0; i < ranges->count; i++)
		count += ip_addr_is_v4(&ranges->items[i].addr) == (map == MAP_SERVICE_RANGE4);
	return count;
}

/* Of one number both may rest: the ranges, and then the service port. */
static uint32_t count_resting_ranges(const struct service_writer *writer, enum datapath_map map)
{
	const struct rest *rest = &writer->rest;
	uint32_t count = 0;

	for (size_t i = rest->begin; i < rest->end; i++) {
		const struct rest_item *item = &rest->items[i];

		/* Of other kinds @first is no number of a service port. */
		if (item->kind != REST_RANGES && item->kind != REST_PORT)
			continue;
		if (!!writer->ranges[item->first].idle_ms == (item->kind == REST_RANGES))
			count += count_ranges(writer, item->first, map);
	}
	return count;
}

static uint32_t count_resting(const struct service_writer *writer, enum datapath_map map)
{
	const struct rest *rest = &writer->rest;
	uint32_t count = 0;

	if (map == MAP_SERVICE_RANGE4 || map == MAP_SERVICE_RANGE6)
		return count_resting_ranges(writer, map);
	for (size_t i = rest->begin; i < rest->end; i++)
		if (map_of(rest->items[i].kind) == map)
			count += 1u << runs_order(rest->items[i].count);
	return count;
}

static uint32_t count_taken(const struct service_writer *writer, enum datapath_map map)
{
	switch (map) {
	case MAP_FRONTEND4:
		return writer->frontends.held[0];
	case MAP_FRONTEND6:
		return writer->frontends.held[1];
	case MAP_SERVICE_PORT:
		return writer->numbers.used - 1; /* 0 is none */
	case MAP_BACKEND:
		return writer->backends.used - 1;
	case MAP_SERVICE_RANGE4:
		return writer->ranges_held[0];
	case MAP_SERVICE_RANGE6:
		return writer->ranges_held[1];
	default:
		return writer->slots.used;
	}
}

uint32_t service_writer_used(const struct service_writer *writer, enum datapath_map map)
{
	return count_taken(writer, map) - count_resting(writer, map);
}
