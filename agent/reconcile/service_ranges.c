// SPDX-License-Identifier: Apache-2.0
/*
 * loadBalancerSourceRanges in the kernel. One that comes is there before the frontends that
 * ask for it, one that goes is deleted after those: in between both count.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "reconcile/service_private.h"

static int compare(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

static bool has(const struct prefix *ranges, size_t count, const struct prefix *range)
{
	return count && bsearch(range, ranges, count, sizeof(*ranges), compare);
}

int service_ranges_put(struct service_writer *writer, const struct service_number *port,
		       const struct service_image *image)
{
	int r = 0;

	for (size_t i = 0; i < image->range_count && r >= 0; i++)
		if (!has(port->ranges, port->range_count, &image->ranges[i]))
			r = service_maps_put_range(&writer->maps, port->number, &image->ranges[i]);
	return r;
}

void service_ranges_take_back(struct service_writer *writer, const struct service_number *port,
			      const struct service_image *image)
{
	for (size_t i = 0; i < image->range_count; i++)
		if (!has(port->ranges, port->range_count, &image->ranges[i]))
			service_maps_delete_range(&writer->maps, port->number, &image->ranges[i]);
}

void service_ranges_settle(struct service_writer *writer, struct service_number *port,
			   struct prefix *ranges, size_t count)
{
	for (size_t i = 0; i < port->range_count; i++)
		if (!has(ranges, count, &port->ranges[i]))
			service_maps_delete_range(&writer->maps, port->number, &port->ranges[i]);
	free(port->ranges);
	port->ranges = ranges;
	port->range_count = count;
}

/* Ranges of numbers that are no service port's; deleted when all were read. */
struct strays {
	struct service_writer *writer;
	struct stray {
		uint32_t number;
		struct prefix range;
	} *items;
	size_t count;
};

/* Grown at powers of two. NULL: out of memory. */
static void *room_for_one(void *items, size_t count, size_t size)
{
	return count & (count - 1) ? items : reallocarray(items, count * 2 ?: 1, size);
}

static int on_range(uint32_t number, const struct prefix *range, void *arg)
{
	struct strays *strays = arg;
	struct service_writer *writer = strays->writer;
	struct service_number *port = number < writer->maps.port_max ? writer->ports[number] : NULL;
	void *room = port ? room_for_one(port->ranges, port->range_count, sizeof(*range)) :
			    room_for_one(strays->items, strays->count, sizeof(struct stray));

	if (!room)
		return -ENOMEM;
	if (port) {
		port->ranges = room;
		port->ranges[port->range_count++] = *range;
	} else {
		strays->items = room;
		strays->items[strays->count++] = (struct stray){ number, *range };
	}
	return 0;
}

int service_ranges_readback(struct service_writer *writer)
{
	struct strays strays = { .writer = writer };
	int r = service_maps_each_range(&writer->maps, on_range, &strays);

	for (size_t i = 0; i < strays.count && !r; i++)
		r = service_maps_delete_range(&writer->maps, strays.items[i].number,
					      &strays.items[i].range);
	for (uint32_t number = 1; number < writer->maps.port_max && !r; number++) {
		struct service_number *port = writer->ports[number];

		if (port && port->range_count)
			qsort(port->ranges, port->range_count, sizeof(*port->ranges), compare);
	}
	free(strays.items);
	return r;
}
