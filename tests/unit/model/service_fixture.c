// SPDX-License-Identifier: Apache-2.0
#include "service_fixture.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static struct buf said;

static const char *text_of(struct buf *buf)
{
	ck_assert(!buf->failed);
	return buf->length ? buf->data : "";
}

void world_start(struct service_world *world)
{
	*world = (struct service_world){};
	ck_assert_int_eq(store_new(&world->store), 0);
	ck_assert_int_eq(services_new(&world->services, world->store), 0);
	world_set_node(world, "here", "192.168.0.1 fd00:0:0:1::1");
}

void world_stop(struct service_world *world)
{
	services_free(world->services);
	store_free(world->store);
	buf_done(&said);
}

void world_put(struct service_world *world, struct object *obj)
{
	ck_assert_int_eq(store_put(world->store, obj), 0);
}

void world_drop(struct service_world *world, enum object_kind kind, const char *namespace,
		const char *name)
{
	ck_assert(store_delete(world->store, kind, namespace, name));
}

void world_set_node(struct service_world *world, const char *name, const char *ips)
{
	struct object *node = make_node(name, ips);
	struct service_node facts = {
		.name = name,
		.ips = node->node.ips,
		.ip_count = node->node.ip_count,
	};

	ck_assert_int_eq(services_set_node(world->services, &facts), 0);
	object_free(node);
}

static void put_socket(struct buf *buf, const struct ip_addr *addr, uint16_t port)
{
	char text[ADDR_TEXT_MAX];

	buf_printf(buf, ip_addr_is_v4(addr) ? "%s:%u" : "[%s]:%u", addr_text(text, addr), port);
}

static void put_frontends(struct buf *buf, const struct service_image *image)
{
	static const char *const kinds[] = { "cluster", "external", "balancer", "node" };

	for (size_t i = 0; i < image->frontend_count; i++) {
		const struct service_frontend *frontend = &image->frontends[i];

		ck_assert_uint_eq(frontend->proto, image->proto);
		ck_assert_uint_eq(ip_addr_is_v4(&frontend->addr), image->is_v4);
		ck_assert(!(frontend->flags & FRONTEND_WHOLE));
		ck_assert_int_eq(!(frontend->flags & FRONTEND_EXTERNAL),
				 frontend->kind == FRONTEND_CLUSTER_IP);
		buf_str(buf, i ? " " : "");
		put_socket(buf, &frontend->addr, frontend->port);
		buf_printf(buf, "(%s%s%s%s)", kinds[frontend->kind],
			   frontend->flags & FRONTEND_LOCAL ? ",local" : "",
			   frontend->flags & FRONTEND_RANGES ? ",ranges" : "",
			   frontend->flags & FRONTEND_RANGES_NODE ? ",self" : "");
	}
}

static void put_backends(struct buf *buf, const struct service_image *image)
{
	for (size_t i = 0; i < image->backend_count; i++) {
		const struct service_backend *backend = &image->backends[i];

		buf_str(buf, i ? " " : "");
		put_socket(buf, &backend->addr, backend->port);
		buf_printf(buf, "(%s%s%s)", backend->flags & BACKEND_IN_CLUSTER ? "cluster" : "",
			   backend->flags == (BACKEND_IN_CLUSTER | BACKEND_IN_LOCAL) ? "," : "",
			   backend->flags & BACKEND_IN_LOCAL ? "local" : "");
	}
}

static void put_empty(struct buf *buf, const struct service_image *image)
{
	static const char *const names[SERVICE_SETS] = { "cluster", "local" };
	uint8_t flags = 0;

	for (size_t i = 0; i < image->backend_count; i++)
		flags |= image->backends[i].flags;
	for (int set = 0; set < SERVICE_SETS; set++)
		if (!(flags & 1 << set))
			buf_printf(buf, "%s%s:%s", buf->length ? " " : "", names[set],
				   image->empty[set] == SERVICE_SILENT ? "silent" : "refuse");
}

static void put_ranges(struct buf *buf, const struct service_image *image)
{
	char text[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < image->range_count; i++)
		buf_printf(buf, "%s%s", i ? " " : "", prefix_text(text, &image->ranges[i]));
}

static void put_name(struct buf *buf, const struct service_image *image)
{
	buf_printf(buf, "%s/%s%u", image->port_name, ip_proto_name(image->proto),
		   image->is_v4 ? 4 : 6);
}

void buf_put_images(struct buf *buf, const struct service_images *images)
{
	buf_printf(buf, "health=%u/%zu", images->health_port, images->ready_local);
	for (size_t i = 0; i < images->count; i++) {
		struct buf empty = {};

		put_empty(&empty, &images->items[i]);
		buf_str(buf, "; ");
		put_name(buf, &images->items[i]);
		buf_printf(buf, " affinity=%u ", images->items[i].affinity_s);
		put_frontends(buf, &images->items[i]);
		buf_str(buf, " -> ");
		put_backends(buf, &images->items[i]);
		buf_printf(buf, " [%s] from ", text_of(&empty));
		put_ranges(buf, &images->items[i]);
		buf_done(&empty);
	}
}

struct question {
	const char *image;
	void (*put)(struct buf *buf, const struct service_image *image);
};

static int answer(const struct service_images *images, void *arg)
{
	const struct question *question = arg;

	for (size_t i = 0; i < images->count; i++) {
		struct buf name = {};
		bool found;

		put_name(&name, &images->items[i]);
		found = !strcmp(text_of(&name), question->image);
		buf_done(&name);
		if (!found)
			continue;
		question->put(&said, &images->items[i]);
		return 0;
	}
	buf_str(&said, "none");
	return 0;
}

static void resolve(struct service_world *world, const char *service,
		    int (*fn)(const struct service_images *images, void *arg), void *arg)
{
	cleanup(freep) char *namespace = strdup(service);
	char *slash = strchr(namespace, '/');

	*slash = '\0';
	buf_reset(&said);
	ck_assert_int_eq(services_resolve(world->services, namespace, slash + 1, fn, arg), 0);
}

const char *world_frontends(struct service_world *world, const char *service, const char *image)
{
	resolve(world, service, answer, &(struct question){ image, put_frontends });
	return text_of(&said);
}

const char *world_backends(struct service_world *world, const char *service, const char *image)
{
	resolve(world, service, answer, &(struct question){ image, put_backends });
	return text_of(&said);
}

const char *world_empty(struct service_world *world, const char *service, const char *image)
{
	resolve(world, service, answer, &(struct question){ image, put_empty });
	return text_of(&said);
}

const char *world_ranges(struct service_world *world, const char *service, const char *image)
{
	resolve(world, service, answer, &(struct question){ image, put_ranges });
	return text_of(&said);
}

static int put_all(const struct service_images *images, void *arg)
{
	buf_put_images(arg, images);
	return 0;
}

const char *world_images(struct service_world *world, const char *service)
{
	resolve(world, service, put_all, &said);
	return text_of(&said);
}

static int note_change(const struct service_images *images, void *arg)
{
	struct service_world *world = arg;
	bool there = store_get(world->store, OBJECT_SERVICE, images->namespace, images->name);

	buf_printf(&said, "%s%s/%s%s", said.length ? " " : "", images->namespace, images->name,
		   there ? "" : "(gone)");
	if (!there)
		ck_assert_uint_eq(images->count, 0);
	return 0;
}

const char *world_changes(struct service_world *world)
{
	buf_reset(&said);
	ck_assert_int_eq(services_each_change(world->services, note_change, world), 0);
	return text_of(&said);
}

static void note_problem(const char *text, void *arg)
{
	buf_printf(&said, "%s\n", text);
}

const char *world_problems(struct service_world *world)
{
	world_changes(world);
	buf_reset(&said);
	services_each_problem(world->services, note_problem, NULL);
	return text_of(&said);
}
