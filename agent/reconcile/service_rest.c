// SPDX-License-Identifier: Apache-2.0
/* What no packet finds any more, but programs that run right now may still hold. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reconcile/service_private.h"

int rest_reserve(struct rest *rest, size_t count)
{
	size_t waiting = rest->end - rest->begin, room = rest->room ?: 64;
	struct rest_item *items;

	if (rest->room - rest->end >= count)
		return 0;
	if (rest->begin)
		memmove(rest->items, rest->items + rest->begin, waiting * sizeof(*items));
	rest->begin = 0;
	rest->end = waiting;
	while (room - waiting < count)
		room *= 2;
	if (room == rest->room)
		return 0;
	items = reallocarray(rest->items, room, sizeof(*items));
	if (!items)
		return -ENOMEM;
	rest->items = items;
	rest->room = room;
	return 0;
}

void rest_add(struct rest *rest, enum rest_kind kind, uint32_t first, uint32_t count,
	      int64_t now_ms)
{
	rest->items[rest->end++] =
		(struct rest_item){ now_ms + SERVICE_GRACE_MS, kind, first, count };
}

void rest_backend(struct service_writer *writer, uint32_t number, int64_t now_ms)
{
	const struct backend record = service_maps_backend(&writer->maps, number);

	service_maps_set_generation(&writer->maps, number, record.generation + 1);
	rest_add(&writer->rest, REST_LEAVING, number, 1, now_ms);
}

static void end_port(struct service_writer *writer, uint32_t number)
{
	for (enum service_set set = 0; set < SERVICE_SETS; set++)
		service_maps_turn(&writer->maps, number, set, 0);
	service_maps_set_affinity(&writer->maps, number, 0);
	service_ranges_clear(writer, number);
	runs_give(&writer->numbers, number, 0);
}

static void end_item(struct service_writer *writer, const struct rest_item *item, int64_t now_ms)
{
	switch (item->kind) {
	case REST_RUN:
		runs_give(&writer->slots, item->first, runs_order(item->count));
		break;
	case REST_PORT:
		end_port(writer, item->first);
		break;
	case REST_RANGES:
		service_ranges_idle(writer, item);
		break;
	case REST_LEAVING:
		service_maps_own(&writer->maps, item->first, 0);
		/* There is room: one has just left. */
		rest_reserve(&writer->rest, 1);
		rest_add(&writer->rest, REST_NOBODYS, item->first, 1, now_ms);
		break;
	case REST_NOBODYS:
		runs_give(&writer->backends, item->first, 0);
		break;
	}
}

int64_t service_writer_settle(struct service_writer *writer, int64_t now_ms)
{
	struct rest *rest = &writer->rest;
	struct rest_item item;

	while (!rest_is_empty(rest)) {
		item = rest->items[rest->begin];
		if (item.due_ms > now_ms)
			return item.due_ms - now_ms;
		rest->begin++;
		end_item(writer, &item, now_ms);
	}
	return -1;
}
