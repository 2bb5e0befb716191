// SPDX-License-Identifier: Apache-2.0
/* One service port, as the kernel holds it. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "reconcile/service_private.h"

void service_number_free(struct service_number *port)
{
	if (!port)
		return;
	free(port->port_name);
	free(port->backends);
	free(port->frontends);
	free(port);
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
	size_t kept = 0;

	for (size_t i = 0; i < port->frontend_count; i++)
		if (port->frontends[i] != entry)
			port->frontends[kept++] = port->frontends[i];
	port->frontend_count = kept;
}

void service_number_leave(struct service_writer *writer, struct service_number *port,
			  int64_t now_ms)
{
	for (size_t i = 0; i < port->frontend_count; i++) {
		port->frontends[i]->port = NULL;
		frontends_forget(&writer->frontends, port->frontends[i]);
	}
	for (size_t i = 0; i < port->backend_count; i++)
		rest_backend(writer, port->backends[i], now_ms);
	for (enum service_set set = 0; set < SERVICE_SETS; set++)
		if (port->runs[set].count)
			rest_add(&writer->rest, REST_RUN, port->runs[set].first,
				 port->runs[set].count, now_ms);
	rest_add(&writer->rest, REST_PORT, port->number, 1, now_ms);
	writer->ports[port->number] = NULL;
	service_number_free(port);
}
