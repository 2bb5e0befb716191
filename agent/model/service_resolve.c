// SPDX-License-Identifier: Apache-2.0
/* One Service: an image for each of its ports and families. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/service_private.h"

struct build {
	struct arena *arena;
	const struct services *services;
	uint32_t entry;
	const struct service *service;
};

static uint32_t flags_of(const struct service *service, enum frontend_kind kind)
{
	uint32_t flags = 0;

	if (kind == FRONTEND_CLUSTER_IP)
		return service->internal_local ? FRONTEND_LOCAL : 0;
	if (kind == FRONTEND_LOAD_BALANCER && service->has_ranges)
		flags |= FRONTEND_RANGES;
	return flags | FRONTEND_EXTERNAL | (service->external_local ? FRONTEND_LOCAL : 0);
}

/* Of another proxy's ClusterIP the other ports are not refused: it is like an external IP here. */
static enum frontend_kind kind_of(const struct service *service, const struct service_want *want)
{
	return service->foreign ? FRONTEND_EXTERNAL_IP : want->kind;
}

static void put_frontend(struct service_image *image, const struct build *build,
			 const struct service_want *want, const struct ip_addr *addr)
{
	enum frontend_kind kind = kind_of(build->service, want);

	image->frontends[image->frontend_count++] = (struct service_frontend){
		.addr = *addr,
		.port = want->port,
		.proto = want->proto,
		.kind = kind,
		.flags = flags_of(build->service, kind),
	};
}

static void put_node_port(struct service_image *image, const struct build *build,
			  const struct service_want *want)
{
	const struct services *services = build->services;

	for (size_t i = 0; i < services->ip_count; i++) {
		const struct ip_addr *addr = &services->ips[i];

		if (ip_addr_is_v4(addr) == image->is_v4 && !node_port_taken(services, addr, want))
			put_frontend(image, build, want, addr);
	}
}

/* An external IP that is the load balancer's address too: what limits the one limits the other. */
static void merge_frontend(struct service_image *image, const struct build *build,
			   const struct service_want *want)
{
	for (size_t i = 0; i < image->frontend_count; i++)
		if (image->frontends[i].port == want->port &&
		    ip_addr_equal(&image->frontends[i].addr, &want->addr))
			image->frontends[i].flags |= flags_of(build->service, want->kind);
}

static void put_want(struct service_image *image, const struct build *build,
		     const struct service_want *want)
{
	switch (want_judge(build->services, build->entry, want)) {
	case WANT_GRANTED:
		if (want->kind == FRONTEND_NODE_PORT)
			put_node_port(image, build, want);
		else
			put_frontend(image, build, want, &want->addr);
		break;
	case WANT_MERGED:
		merge_frontend(image, build, want);
		break;
	case WANT_HELD:
	case WANT_LOST:
	case WANT_REPEATED:
		break;
	}
}

static int compare_frontends(const void *a, const void *b)
{
	const struct service_frontend *left = a, *right = b;

	return memcmp(left->addr.bytes, right->addr.bytes, sizeof(left->addr.bytes)) ?:
	       (int)left->port - (int)right->port;
}

static int put_frontends(struct service_image *image, const struct build *build, size_t port)
{
	const struct service *service = build->service;
	size_t room = service->cluster_ip_count + service->external_ip_count +
		      service->balancer_ip_count + build->services->ip_count;
	struct want_walk walk = wants_of_port(service, port);
	struct service_want want;

	image->frontends = arena_alloc(build->arena, room * sizeof(*image->frontends));
	if (!image->frontends)
		return -ENOMEM;
	while (want_next(&walk, &want))
		if (ip_addr_is_v4(&want.addr) == image->is_v4)
			put_want(image, build, &want);
	qsort(image->frontends, image->frontend_count, sizeof(*image->frontends),
	      compare_frontends);
	return 0;
}

static bool covers_this_node(const struct service_image *image, const struct services *services)
{
	for (size_t i = 0; i < image->range_count; i++)
		for (size_t j = 0; j < services->ip_count; j++)
			if (prefix_contains(&image->ranges[i], &services->ips[j]))
				return true;
	return false;
}

/* What this node sends to a load balancer address may have that address as its source. */
static void let_node_in(struct service_image *image)
{
	for (size_t i = 0; i < image->frontend_count; i++) {
		struct service_frontend *frontend = &image->frontends[i];

		if (!(frontend->flags & FRONTEND_RANGES))
			continue;
		frontend->flags |= FRONTEND_RANGES_NODE;
		image->ranges[image->range_count++] = (struct prefix){
			.addr = frontend->addr,
			.bits = image->is_v4 ? 32 : 128,
		};
	}
}

static int compare_ranges(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

static void sort_ranges(struct service_image *image)
{
	size_t kept = 0;

	qsort(image->ranges, image->range_count, sizeof(*image->ranges), compare_ranges);
	for (size_t i = 0; i < image->range_count; i++)
		if (!kept || prefix_compare(&image->ranges[kept - 1], &image->ranges[i]))
			image->ranges[kept++] = image->ranges[i];
	image->range_count = kept;
}

bool service_image_has_limits(const struct service_image *image)
{
	for (size_t i = 0; i < image->frontend_count; i++)
		if (image->frontends[i].flags & FRONTEND_RANGES)
			return true;
	return false;
}

/* None of this family, though there are ranges: nobody of this family may. */
static int put_ranges(struct service_image *image, const struct build *build)
{
	const struct service *service = build->service;
	size_t room = service->range_count + image->frontend_count;

	if (!service_image_has_limits(image))
		return 0;
	image->ranges = arena_alloc(build->arena, room * sizeof(*image->ranges));
	if (!image->ranges)
		return -ENOMEM;
	for (size_t i = 0; i < service->range_count; i++)
		if (ip_addr_is_v4(&service->ranges[i].addr) == image->is_v4)
			image->ranges[image->range_count++] = service->ranges[i];
	if (covers_this_node(image, build->services))
		let_node_in(image);
	sort_ranges(image);
	return 0;
}

/* An image without frontends is left out: nothing can reach it. */
static int put_image(struct service_images *images, const struct build *build, size_t port,
		     bool is_v4)
{
	const struct service_entry *entry = entry_at(build->services, build->entry);
	struct service_image *image = &images->items[images->count];
	int r;

	*image = (struct service_image){
		.namespace = images->namespace,
		.name = images->name,
		.port_name = build->service->ports[port].name,
		.proto = build->service->ports[port].proto,
		.is_v4 = is_v4,
		.affinity_s = build->service->affinity_s,
	};
	r = put_frontends(image, build, port);
	if (r < 0 || !image->frontend_count)
		return r;
	images->count++;
	r = put_ranges(image, build);
	return r < 0 ? r : service_backends(image, build->arena, build->services, entry);
}

static int put_images(struct service_images *images, const struct build *build)
{
	const struct service *service = build->service;
	int r = 0;

	images->items = arena_alloc(build->arena, service->port_count * 2 * sizeof(*images->items));
	if (!images->items)
		return -ENOMEM;
	for (size_t port = 0; port < service->port_count; port++)
		for (int is_v4 = 1; is_v4 >= 0 && r >= 0; is_v4--)
			if (service_has_family(service, is_v4))
				r = put_image(images, build, port, is_v4);
	return r;
}

/* So that its ClusterIPs are known to be somebody's. */
static int put_others(struct service_images *images, const struct build *build)
{
	int r = 0;

	images->items = arena_alloc(build->arena, 2 * sizeof(*images->items));
	if (!images->items)
		return -ENOMEM;
	for (int is_v4 = 1; is_v4 >= 0 && r >= 0; is_v4--) {
		struct service_image *image = &images->items[images->count];

		*image = (struct service_image){
			.namespace = images->namespace,
			.name = images->name,
			.port_name = "",
			.proto = FRONTEND_OTHERS_PROTO,
			.is_v4 = is_v4,
		};
		r = put_frontends(image, build, 0);
		images->count += image->frontend_count != 0;
	}
	return r;
}

static int compare_addrs(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct ip_addr));
}

static int count_ready_local(struct service_images *images, struct arena *arena)
{
	struct ip_addr *addrs;
	size_t room = 0, count = 0;

	for (size_t i = 0; i < images->count; i++)
		room += images->items[i].backend_count;
	addrs = arena_alloc(arena, (room + 1) * sizeof(*addrs));
	if (!addrs)
		return -ENOMEM;
	for (size_t i = 0; i < images->count; i++)
		for (size_t j = 0; j < images->items[i].backend_count; j++) {
			const struct service_backend *backend = &images->items[i].backends[j];

			if (backend->local && (backend->conditions & SLICE_READY))
				addrs[count++] = backend->addr;
		}
	qsort(addrs, count, sizeof(*addrs), compare_addrs);
	for (size_t i = 0; i < count; i++)
		images->ready_local += !i || !ip_addr_equal(&addrs[i - 1], &addrs[i]);
	return 0;
}

int service_resolve(struct service_images *ret, struct arena *arena,
		    const struct services *services, uint32_t number)
{
	const struct service_entry *entry = entry_at(services, number);
	struct service_images images = { .namespace = entry->key, .name = entry_name(entry) };
	struct build build = { .arena = arena, .services = services, .entry = number };
	int r;

	*ret = images;
	if (!entry->service)
		return 0;
	build.service = entry->service->service;
	if (service_is_others(build.service)) {
		r = put_others(&images, &build);
		*ret = r < 0 ? *ret : images;
		return r;
	}
	if (!service_is_served(build.service))
		return 0;
	r = put_images(&images, &build);
	if (r >= 0)
		r = count_ready_local(&images, arena);
	if (r < 0)
		return r;
	if (build.service->type == SERVICE_LOAD_BALANCER && build.service->external_local)
		images.health_port = build.service->health_port;
	*ret = images;
	return 0;
}
