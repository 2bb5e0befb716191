// SPDX-License-Identifier: Apache-2.0
/* One service port, as the kernel holds it. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "reconcile/service_private.h"

struct service_number *service_number_new(struct service_writer *writer)
{
	return slab_take(&writer->port_slab);
}

void service_number_free(struct service_writer *writer, struct service_number *port)
{
	if (!port)
		return;
	few_done(&port->port_name);
	few_done(&port->backends);
	few_done(&port->frontends);
	slab_give(&writer->port_slab, port);
}

int service_number_rename(struct service_number *port, const char *name)
{
	struct few renamed = {};

	if (few_add(&renamed, name, strlen(name) + 1) < 0)
		return -ENOMEM;
	few_done(&port->port_name);
	port->port_name = renamed;
	return 0;
}

bool service_number_has_set(const struct service_writer *writer, const struct service_number *port,
			    enum service_set set, const uint32_t *numbers, uint32_t count)
{
	const struct service_run *run = &port->runs[set];

	if (run->count != count)
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (service_maps_slot(&writer->maps, run->first + i) != numbers[i])
			return false;
	return true;
}

int service_number_compare(const struct backend *a, const struct backend *b)
{
	int order = memcmp(a->addr.bytes, b->addr.bytes, sizeof(a->addr));

	return order ?: (int)ntohs(a->port) - (int)ntohs(b->port);
}

void service_number_lose(struct service_number *port, const struct frontend_entry *entry)
{
	few_remove(&port->frontends, &entry, sizeof(entry));
}

void service_number_leave(struct service_writer *writer, struct service_number *port,
			  int64_t now_ms)
{
	struct frontend_entry **frontends = service_number_frontends(port);

	for (size_t i = 0; i < port->frontends.count; i++) {
		frontends[i]->port = NULL;
		frontends_forget(&writer->frontends, frontends[i]);
	}
	for (size_t i = 0; i < port->backends.count; i++)
		rest_backend(writer, service_number_backends(port)[i], now_ms);
	for (enum service_set set = 0; set < SERVICE_SETS; set++)
		if (port->runs[set].count)
			rest_add(&writer->rest, REST_RUN, port->runs[set].first,
				 port->runs[set].count, now_ms);
	rest_add(&writer->rest, REST_PORT, port->number, 1, now_ms);
	writer->ports[port->number] = NULL;
	service_number_free(writer, port);
}
