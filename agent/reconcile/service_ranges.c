// SPDX-License-Identifier: Apache-2.0
/*
 * loadBalancerSourceRanges. A packet asks whether any prefix has its source, so what is new
 * is put beside the old, and that goes when the frontends are as they shall be: in between
 * either counts. When no frontend asks any more, packets on their way still may: then they
 * go after a grace period, as those of a service port that ends.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "reconcile/service_plan.h"

static int compare(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

static bool has(const struct prefix *items, size_t count, const struct prefix *prefix)
{
	return count && bsearch(prefix, items, count, sizeof(*items), compare);
}

static void sort(struct service_ranges *ranges)
{
	if (ranges->count)
		qsort(ranges->items, ranges->count, sizeof(*ranges->items), compare);
}

static int family_of(const struct prefix *prefix)
{
	return ip_addr_is_v4(&prefix->addr) ? 0 : 1;
}

struct range_key service_range_key(uint32_t number, const struct prefix *prefix)
{
	return (struct range_key){ .is_v4 = ip_addr_is_v4(&prefix->addr),
				   .bits = SERVICE_RANGE_BITS + prefix->bits,
				   .service = number,
				   .addr = prefix->addr };
}

/* Room for @more prefixes. */
static int reserve(struct service_ranges *ranges, size_t more)
{
	struct prefix *items;

	if (ranges->count + more <= ranges->room)
		return 0;
	items = reallocarray(ranges->items, ranges->count + more, sizeof(*items));
	if (!items)
		return -ENOMEM;
	ranges->items = items;
	ranges->room = ranges->count + more;
	return 0;
}

/* What the kernel keeps although it was told to delete it goes with the next agent. */
static void drop(struct service_writer *writer, uint32_t number, const struct prefix *prefix)
{
	const struct range_key key = service_range_key(number, prefix);
	char text[PREFIX_TEXT_MAX];
	int r = service_maps_delete_range(&writer->maps, &key);

	writer->epoch++;
	if (r < 0)
		log_debug_errno(r, "source range %s", prefix_text(text, prefix));
	writer->ranges_held[family_of(prefix)]--;
}

void service_ranges_clear(struct service_writer *writer, uint32_t number)
{
	struct service_ranges *ranges = &writer->ranges[number];

	for (size_t i = 0; i < ranges->count; i++)
		drop(writer, number, &ranges->items[i]);
	free(ranges->items);
	*ranges = (struct service_ranges){};
}

void service_ranges_idle(struct service_writer *writer, const struct rest_item *item)
{
	const struct service_ranges *ranges = &writer->ranges[item->first];

	/* Otherwise they are in use again, or were until lately. */
	if (ranges->idle_ms && ranges->idle_ms <= item->due_ms)
		service_ranges_clear(writer, item->first);
}

static bool is_missing(const struct plan *plan, const struct plan_port *pp, size_t i)
{
	const struct service_ranges *ranges = &plan->writer->ranges[pp->port->number];

	return !has(ranges->items, pp->range_mark, &pp->image->ranges[i]);
}

int plan_ranges(struct plan *plan)
{
	const struct service_writer *writer = plan->writer;
	uint32_t come[2] = {};
	int r = 0;

	for (size_t i = 0; i < plan->port_count && r >= 0; i++) {
		struct plan_port *pp = &plan->ports[i];
		struct service_ranges *ranges = &plan->writer->ranges[pp->port->number];

		pp->range_mark = ranges->count;
		for (size_t j = 0; j < pp->image->range_count; j++)
			come[!pp->image->is_v4] += is_missing(plan, pp, j);
		r = reserve(ranges, pp->image->range_count);
	}
	for (int family = 0; family < 2 && r >= 0; family++) {
		if (come[family] <= writer->maps.range_max[family] - writer->ranges_held[family])
			continue;
		plan->full = family ? MAP_SERVICE_RANGE6 : MAP_SERVICE_RANGE4;
		r = -ENOSPC;
	}
	return r;
}

int plan_ranges_put(struct plan *plan, struct plan_port *pp)
{
	struct service_writer *writer = plan->writer;
	struct service_ranges *ranges = &writer->ranges[pp->port->number];

	for (size_t i = 0; i < pp->image->range_count; i++) {
		const struct prefix *prefix = &pp->image->ranges[i];
		const struct range_key key = service_range_key(pp->port->number, prefix);
		int r;

		if (!is_missing(plan, pp, i))
			continue;
		r = service_maps_put_range(&writer->maps, &key);
		if (r < 0) {
			plan->full = family_of(prefix) ? MAP_SERVICE_RANGE6 : MAP_SERVICE_RANGE4;
			return r;
		}
		writer->epoch++;
		writer->ranges_held[family_of(prefix)]++;
		ranges->items[ranges->count++] = *prefix;
	}
	return 0;
}

void plan_ranges_take_back(struct plan *plan, struct plan_port *pp)
{
	struct service_ranges *ranges = &plan->writer->ranges[pp->port->number];

	while (ranges->count > pp->range_mark)
		drop(plan->writer, pp->port->number, &ranges->items[--ranges->count]);
}

void plan_ranges_settle(struct plan *plan, struct plan_port *pp)
{
	struct service_ranges *ranges = &plan->writer->ranges[pp->port->number];
	const struct service_image *image = pp->image;
	size_t kept = 0;

	if (!ranges->count)
		return;
	if (!service_image_has_limits(image)) {
		if (ranges->idle_ms)
			return;
		ranges->idle_ms = plan->now_ms + SERVICE_GRACE_MS;
		rest_add(&plan->writer->rest, REST_RANGES, pp->port->number, 1, plan->now_ms);
		return;
	}
	ranges->idle_ms = 0;
	for (size_t i = 0; i < ranges->count; i++) {
		if (has(image->ranges, image->range_count, &ranges->items[i]))
			ranges->items[kept++] = ranges->items[i];
		else
			drop(plan->writer, pp->port->number, &ranges->items[i]);
	}
	ranges->count = kept;
	sort(ranges);
}

/* It lets in whom nobody has asked for: of no service port, or of several. */
static int is_nonsense(const struct range_key *key, void *arg)
{
	const struct service_writer *writer = arg;
	unsigned int width = key->is_v4 ? 32 : 128;

	return key->bits < SERVICE_RANGE_BITS || key->bits > SERVICE_RANGE_BITS + width ||
	       key->is_v4 != ip_addr_is_v4(&key->addr) || !key->service ||
	       key->service >= writer->maps.port_max || !writer->ports[key->service];
}

struct search {
	const struct service_writer *writer;
	struct range_key found;
};

static int find_nonsense(const struct range_key *key, void *arg)
{
	struct search *search = arg;

	search->found = *key;
	return is_nonsense(key, (void *)search->writer);
}

static int read_range(const struct range_key *key, void *arg)
{
	const struct prefix prefix = { .addr = key->addr,
				       .bits = (uint8_t)(key->bits - SERVICE_RANGE_BITS) };
	struct service_writer *writer = arg;
	struct service_ranges *ranges = &writer->ranges[key->service];
	int r = reserve(ranges, ranges->count == ranges->room ? ranges->count + 1 : 1);

	if (r < 0)
		return r;
	ranges->items[ranges->count++] = prefix;
	writer->ranges_held[family_of(&prefix)]++;
	return 0;
}

int service_ranges_readback(struct service_writer *writer)
{
	struct search search = { .writer = writer };
	int r;

	while ((r = service_maps_each_range(&writer->maps, find_nonsense, &search)) > 0) {
		r = service_maps_delete_range(&writer->maps, &search.found);
		if (r < 0)
			return r;
	}
	r = r ?: service_maps_each_range(&writer->maps, read_range, writer);
	for (uint32_t number = 1; number < writer->maps.port_max && r >= 0; number++)
		sort(&writer->ranges[number]);
	return r;
}

void service_ranges_done(struct service_writer *writer)
{
	for (uint32_t number = 0; writer->ranges && number < writer->maps.port_max; number++)
		free(writer->ranges[number].items);
	free(writer->ranges);
}
