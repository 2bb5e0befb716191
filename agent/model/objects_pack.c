// SPDX-License-Identifier: Apache-2.0
/*
 * There are tens of thousands of Services and slices, and most are small: apart, their
 * parts would take twice as much. Everything is gone through twice, once to measure.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "model/objects.h"

#define ALIGNMENT sizeof(void *) /* of all parts but texts, which come last */

struct pack {
	char *base; /* NULL: only measure */
	size_t used;
};

/* Of these kinds the content is a pointer: the rest of the union is left out. */
#define HEAD_SIZE (offsetof(struct object, service) + sizeof(struct service *))

/* Returns where it is now, or NULL. */
static void *put(struct pack *pack, const void *part, size_t size)
{
	char *place = pack->base && size ? pack->base + pack->used : NULL;

	if (place)
		memcpy(place, part, size);
	pack->used += size;
	return place;
}

static void *put_array(struct pack *pack, const void *items, size_t count, size_t size)
{
	pack->used = (pack->used + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	return put(pack, items, count * size);
}

static char *put_text(struct pack *pack, const char *text)
{
	return put(pack, text, strlen(text) + 1);
}

static struct service *put_service(struct pack *pack, const struct service *from)
{
	struct service *place = put_array(pack, from, 1, sizeof(*from));
	struct service to = *from;

	to.cluster_ips = put_array(pack, from->cluster_ips, from->cluster_ip_count,
				   sizeof(*from->cluster_ips));
	to.external_ips = put_array(pack, from->external_ips, from->external_ip_count,
				    sizeof(*from->external_ips));
	to.balancer_ips = put_array(pack, from->balancer_ips, from->balancer_ip_count,
				    sizeof(*from->balancer_ips));
	to.ranges = put_array(pack, from->ranges, from->range_count, sizeof(*from->ranges));
	to.ports = put_array(pack, from->ports, from->port_count, sizeof(*from->ports));
	for (size_t i = 0; i < from->port_count; i++) {
		char *name = put_text(pack, from->ports[i].name);

		if (to.ports)
			to.ports[i].name = name;
	}
	if (place)
		*place = to;
	return place;
}

/* What points into @from points to the same place in @to. */
static void move_names(struct endpoint_slice *to, const struct endpoint_slice *from)
{
	for (size_t i = 0; i < from->name_count; i++)
		to->names[i] = (char *)to->names + (from->names[i] - (const char *)from->names);
}

static struct endpoint_slice *put_slice(struct pack *pack, const struct endpoint_slice *from)
{
	struct endpoint_slice *place = put_array(pack, from, 1, sizeof(*from));
	struct endpoint_slice to = *from;
	size_t names_size = 0, hint_count = 0;
	const char *last;

	for (size_t i = 0; i < from->endpoint_count; i++)
		hint_count += from->endpoints[i].zone_count + from->endpoints[i].node_count;
	if (from->name_count) {
		last = from->names[from->name_count - 1]; /* they stand in order behind the array */
		names_size = (size_t)(last + strlen(last) + 1 - (const char *)from->names);
	}
	to.endpoints = put_array(pack, from->endpoints, from->endpoint_count,
				 sizeof(*from->endpoints));
	to.hints = put_array(pack, from->hints, hint_count, sizeof(*from->hints));
	to.ports = put_array(pack, from->ports, from->port_count, sizeof(*from->ports));
	to.names = put_array(pack, from->names, names_size, 1);
	for (size_t i = 0; i < from->port_count; i++) {
		char *name = put_text(pack, from->ports[i].name);

		if (to.ports)
			to.ports[i].name = name;
	}
	to.service = put_text(pack, from->service);
	if (!place)
		return NULL;
	move_names(&to, from);
	*place = to;
	return place;
}

static void put_object(struct pack *pack, const struct object *from)
{
	struct object *to = put_array(pack, from, 1, HEAD_SIZE);
	struct endpoint_slice *slice = NULL;
	struct service *service = NULL;
	char *namespace, *name;

	if (from->kind == OBJECT_SERVICE)
		service = put_service(pack, from->service);
	else
		slice = put_slice(pack, from->slice);
	namespace = put_text(pack, from->namespace);
	name = put_text(pack, from->name);
	if (!to)
		return;
	if (service)
		to->service = service;
	else
		to->slice = slice;
	to->namespace = namespace;
	to->name = name;
	to->packed = true;
}

int object_pack(struct object **obj)
{
	struct pack pack = {};

	if ((*obj)->kind != OBJECT_SERVICE && (*obj)->kind != OBJECT_ENDPOINT_SLICE)
		return 0;
	put_object(&pack, *obj);
	pack.base = malloc(pack.used);
	if (!pack.base)
		return -ENOMEM;
	pack.used = 0;
	put_object(&pack, *obj);
	object_free(*obj);
	*obj = (struct object *)pack.base;
	return 0;
}
