// SPDX-License-Identifier: Apache-2.0
/*
 * The endpoints of one service port and family: merged from its slices, and which of
 * them each set chooses from.
 *
 * Source: EndpointSlice API, KEP-1669 (terminating endpoints are the last resort),
 * KEP-2433 and KEP-4444 (hints), KEP-2086 (local set).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/service_private.h"

/* An endpoint as one slice shows it. */
struct view {
	struct service_backend backend;
	const struct slice_endpoint *endpoint;
	const struct object *slice;
};

struct views {
	struct view *items;
	size_t count;
};

enum topology {
	TOPOLOGY_ANY,
	TOPOLOGY_NODE,
	TOPOLOGY_ZONE,
};

static bool is_ready(const struct view *view)
{
	return view->backend.conditions & SLICE_READY;
}

/* Serves until it is gone: chosen where nobody is ready. */
static bool is_draining(const struct view *view)
{
	const uint8_t both = SLICE_SERVING | SLICE_TERMINATING;

	return (view->backend.conditions & both) == both;
}

static bool port_matches(const struct slice_port *port, const struct service_image *image)
{
	return port->proto == image->proto && port->port && !strcmp(port->name, image->port_name);
}

/* How many views the slice gives at most. */
static size_t count_views(const struct endpoint_slice *slice, const struct service_image *image)
{
	size_t ports = 0;

	if (slice->is_v4 != image->is_v4)
		return 0;
	for (size_t i = 0; i < slice->port_count; i++)
		ports += port_matches(&slice->ports[i], image);
	return ports * slice->endpoint_count;
}

static void view_port(struct views *views, const struct services *services,
		      const struct object *slice, uint16_t port)
{
	for (size_t i = 0; i < slice->slice->endpoint_count; i++) {
		const struct slice_endpoint *endpoint = &slice->slice->endpoints[i];
		const char *node = slice_node(slice->slice, endpoint);
		struct view *view = &views->items[views->count];

		if (ip_addr_is_v4(&endpoint->addr) != slice->slice->is_v4 ||
		    target_is_refused(services, &endpoint->addr))
			continue;
		view->backend = (struct service_backend){
			.addr = endpoint->addr,
			.port = port,
			.conditions = endpoint->conditions,
			.local = node && services->node && !strcmp(node, services->node),
			.node = node,
		};
		view->endpoint = endpoint;
		view->slice = slice;
		views->count++;
	}
}

/* By address and port; of the same, first whom to believe: the local view, then by slices. */
static int compare_views(const void *a, const void *b)
{
	const struct view *left = a, *right = b;
	const struct service_backend *x = &left->backend, *y = &right->backend;
	int r = memcmp(x->addr.bytes, y->addr.bytes, sizeof(x->addr.bytes));

	r = r ?: (int)x->port - (int)y->port ?: (int)y->local - (int)x->local;
	if (!r && left->slice != right->slice)
		r = strcmp(left->slice->name, right->slice->name);
	return r ?: (left->endpoint > right->endpoint) - (left->endpoint < right->endpoint);
}

static void keep_one_of_each(struct views *views)
{
	size_t kept = 0;

	for (size_t i = 0; i < views->count; i++) {
		const struct service_backend *last = kept ? &views->items[kept - 1].backend : NULL;
		const struct service_backend *next = &views->items[i].backend;

		if (last && ip_addr_equal(&last->addr, &next->addr) && last->port == next->port)
			continue;
		views->items[kept++] = views->items[i];
	}
	views->count = kept;
}

static int collect(struct views *views, struct arena *arena, const struct services *services,
		   const struct service_entry *entry, const struct service_image *image)
{
	const struct object *const *slices = entry_slices(entry);
	size_t room = 0;

	for (size_t i = 0; i < entry->slice_count; i++)
		room += count_views(slices[i]->slice, image);
	if (!room)
		return 0;
	views->items = arena_alloc(arena, room * sizeof(*views->items));
	if (!views->items)
		return -ENOMEM;
	for (size_t i = 0; i < entry->slice_count; i++) {
		const struct endpoint_slice *slice = slices[i]->slice;

		for (size_t j = 0; slice->is_v4 == image->is_v4 && j < slice->port_count; j++)
			if (port_matches(&slice->ports[j], image))
				view_port(views, services, slices[i], slice->ports[j].port);
	}
	qsort(views->items, views->count, sizeof(*views->items), compare_views);
	keep_one_of_each(views);
	return 0;
}

/* Of the hints from @first on. */
static bool hints_contain(const struct view *view, size_t first, size_t count, const char *name)
{
	for (size_t i = first; name && i < first + count; i++)
		if (!strcmp(slice_hint(view->slice->slice, view->endpoint, i), name))
			return true;
	return false;
}

static bool fits(const struct services *services, const struct view *view, enum topology topology)
{
	const struct slice_endpoint *endpoint = view->endpoint;

	switch (topology) {
	case TOPOLOGY_ANY:
		return true;
	case TOPOLOGY_NODE:
		return hints_contain(view, endpoint->zone_count, endpoint->node_count,
				     services->node);
	case TOPOLOGY_ZONE:
		return hints_contain(view, 0, endpoint->zone_count, services->zone);
	}
	return false;
}

/* Every ready endpoint has such hints, and one fits. */
static bool is_usable(const struct services *services, const struct views *views,
		      enum topology topology)
{
	bool fit = false;

	for (size_t i = 0; i < views->count; i++) {
		const struct view *view = &views->items[i];
		size_t hints = topology == TOPOLOGY_NODE ? view->endpoint->node_count :
							   view->endpoint->zone_count;

		if (!is_ready(view))
			continue;
		if (!hints)
			return false;
		fit |= fits(services, view, topology);
	}
	return fit;
}

static enum topology topology_of(const struct services *services, const struct views *views)
{
	if (is_usable(services, views, TOPOLOGY_NODE))
		return TOPOLOGY_NODE;
	return is_usable(services, views, TOPOLOGY_ZONE) ? TOPOLOGY_ZONE : TOPOLOGY_ANY;
}

static bool any_ready(const struct views *views, bool local_only)
{
	for (size_t i = 0; i < views->count; i++)
		if (is_ready(&views->items[i]) && (views->items[i].backend.local || !local_only))
			return true;
	return false;
}

/* The sets fall back to draining endpoints each on its own. */
static void choose(const struct services *services, const struct views *views)
{
	enum topology topology = topology_of(services, views);
	bool ready = any_ready(views, false), local_ready = any_ready(views, true);

	for (size_t i = 0; i < views->count; i++) {
		const struct view *view = &views->items[i];
		struct service_backend *backend = &views->items[i].backend;
		bool draining = is_draining(view);

		if (ready ? is_ready(view) && fits(services, view, topology) : draining)
			backend->flags |= BACKEND_IN_CLUSTER;
		if (backend->local && (local_ready ? is_ready(view) : draining))
			backend->flags |= BACKEND_IN_LOCAL;
	}
}

/* Those that may still have connections are listed, in whatever set they are. */
static bool is_alive(const struct view *view)
{
	return view->backend.conditions & (SLICE_READY | SLICE_SERVING);
}

static int list(struct service_image *image, struct arena *arena, const struct views *views)
{
	if (!views->count)
		return 0;
	image->backends = arena_alloc(arena, views->count * sizeof(*image->backends));
	if (!image->backends)
		return -ENOMEM;
	for (size_t i = 0; i < views->count; i++)
		if (is_alive(&views->items[i]))
			image->backends[image->backend_count++] = views->items[i].backend;
	return 0;
}

static void judge_empty(struct service_image *image)
{
	uint8_t flags = 0;

	for (size_t i = 0; i < image->backend_count; i++)
		flags |= image->backends[i].flags;
	/* The cluster set is empty only when nothing is usable anywhere. */
	if (!(flags & BACKEND_IN_LOCAL) && (flags & BACKEND_IN_CLUSTER))
		image->empty[SERVICE_LOCAL] = SERVICE_SILENT;
}

int service_backends(struct service_image *image, struct arena *arena,
		     const struct services *services, const struct service_entry *entry)
{
	struct views views = {};
	int r = collect(&views, arena, services, entry, image);

	if (r < 0)
		return r;
	choose(services, &views);
	r = list(image, arena, &views);
	if (r < 0)
		return r;
	judge_empty(image);
	return 0;
}
