// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/membarrier.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "reconcile/service_plan.h"

int service_writer_new(struct service_writer **ret, const struct service_maps *maps)
{
	cleanup(service_writer_freep) struct service_writer *writer = calloc(1, sizeof(*writer));
	int r;

	if (!writer) {
		service_maps_close(&(struct service_maps){ .shadow = maps->shadow });
		return -ENOMEM;
	}
	writer->maps = *maps;
	writer->port_slab = slab_of(sizeof(struct service_number));
	frontends_init(&writer->frontends);
	writer->ports = calloc(maps->port_max, sizeof(*writer->ports));
	writer->ranges = calloc(maps->port_max, sizeof(*writer->ranges));
	r = writer->ports && writer->ranges ? 0 : -ENOMEM;
	r = r ?: runs_init(&writer->numbers, maps->port_max);
	r = r ?: runs_init(&writer->backends, maps->backend_max);
	r = r ?: runs_init(&writer->slots, maps->slot_max);
	r = r ?: service_readback(writer, clock_ms());
	if (r < 0)
		return r;
	*ret = take_ptr(&writer);
	return 0;
}

static void owner_free(struct service_owner *owner)
{
	few_done(&owner->ports);
	free(owner->problem);
	free(owner);
}

static void free_owner_node(struct hash_node *node, void *arg)
{
	owner_free((struct service_owner *)node);
}

void service_writer_free(struct service_writer *writer)
{
	if (!writer)
		return;
	if (!rest_is_empty(&writer->rest))
		syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	/* Numbers that have to rest are free for the agent that comes next. */
	service_writer_settle(writer, INT64_MAX - SERVICE_GRACE_MS);
	hash_each(&writer->owners, free_owner_node, NULL);
	hash_done(&writer->owners);
	for (uint32_t number = 0; writer->ports && number < writer->maps.port_max; number++)
		service_number_free(writer, writer->ports[number]);
	slab_done(&writer->port_slab);
	service_ranges_done(writer);
	frontends_done(&writer->frontends);
	runs_done(&writer->numbers);
	runs_done(&writer->backends);
	runs_done(&writer->slots);
	service_maps_close(&writer->maps);
	free(writer->rest.items);
	free(writer->ports);
	free(writer);
}

void service_writer_freep(struct service_writer **writer)
{
	service_writer_free(*writer);
}

static uint32_t hash_names(const char *namespace, const char *name)
{
	return hash_bytes(hash_bytes(0, namespace, strlen(namespace) + 1), name, strlen(name));
}

static const char *owner_name(const struct service_owner *owner)
{
	return owner->key + owner->name_at;
}

void service_owner_text(char *ret, size_t size, const struct service_owner *owner)
{
	snprintf(ret, size, " of Service %s/%s", owner->key, owner_name(owner));
}

struct service_owner *service_find_owner(const struct service_writer *writer, const char *namespace,
					const char *name)
{
	struct hash_node *node = hash_chain(&writer->owners, hash_names(namespace, name));

	for (; node; node = node->next) {
		struct service_owner *owner = (struct service_owner *)node;

		if (!strcmp(owner->key, namespace) && !strcmp(owner_name(owner), name))
			return owner;
	}
	return NULL;
}

static struct service_owner *add_owner(struct service_writer *writer, const char *namespace,
				       const char *name)
{
	size_t name_at = strlen(namespace) + 1, name_size = strlen(name) + 1;
	struct service_owner *owner =
		calloc(1, offsetof(struct service_owner, key) + name_at + name_size);

	if (!owner)
		return NULL;
	owner->name_at = (uint32_t)name_at & INT32_MAX;
	memcpy(owner->key, namespace, name_at);
	memcpy(owner->key + name_at, name, name_size);
	if (hash_add(&writer->owners, &owner->node, hash_names(namespace, name)) < 0) {
		owner_free(owner);
		return NULL;
	}
	return owner;
}

static void __attribute__((format(printf, 2, 3))) complain(struct service_owner *owner,
							    const char *fmt, ...)
{
	va_list ap;

	free(owner->problem);
	va_start(ap, fmt);
	if (vasprintf(&owner->problem, fmt, ap) < 0)
		owner->problem = NULL;
	va_end(ap);
}

static uint32_t size_of(const struct service_writer *writer, enum datapath_map map)
{
	switch (map) {
	case MAP_FRONTEND4:
		return writer->maps.frontend_max[0];
	case MAP_FRONTEND6:
		return writer->maps.frontend_max[1];
	case MAP_SERVICE_PORT:
		return writer->maps.port_max;
	case MAP_BACKEND:
		return writer->maps.backend_max;
	case MAP_SERVICE_RANGE4:
		return writer->maps.range_max[0];
	case MAP_SERVICE_RANGE6:
		return writer->maps.range_max[1];
	default:
		return writer->maps.slot_max;
	}
}

/* What rests, or may be nobody's, makes room soon. */
static bool has_room_soon(const struct service_writer *writer)
{
	return !rest_is_empty(&writer->rest) || !writer->synced;
}

/* Room that comes @soon is waited for once before it is a problem: others may take it. */
static int refuse(struct service_writer *writer, struct service_owner *owner, int r, bool soon,
		  enum datapath_map full)
{
	const char *stays = owner->ports.count ? "it stays as it was" : "it does not work";

	if (r == -ENOSPC && soon && !owner->put_off) {
		owner->put_off = true;
		return -EAGAIN;
	}
	if (r == -ENOSPC)
		complain(owner, "Service %s/%s: there is no room in table %s, which has %u "
			 "entries; %s", owner->key, owner_name(owner), datapath_map_name(full),
			 size_of(writer, full), stays);
	else
		complain(owner, "Service %s/%s: it cannot be written: %s; %s", owner->key,
			 owner_name(owner), strerror(-r), stays);
	return r == -ENOSPC && soon ? -EAGAIN : r;
}

/* All is as it shall be, but for Maglev tables perhaps. */
static int accept(struct service_writer *writer, struct service_owner *owner, bool tableless)
{
	owner->put_off = false;
	free(owner->problem);
	owner->problem = NULL;
	if (!owner->ports.count) {
		hash_remove(&writer->owners, &owner->node);
		owner_free(owner);
		return 0;
	}
	if (!tableless)
		return 0;
	complain(owner, "Service %s/%s: there is no room in table %s, which has %u entries, for a "
		 "Maglev table of %u; connections from outside go without", owner->key,
		 owner_name(owner), datapath_map_name(MAP_BACKEND_SLOT), writer->maps.slot_max,
		 writer->maps.maglev_size);
	return -ENOSPC;
}

int service_writer_apply(struct service_writer *writer, const struct service_images *images,
			 int64_t now_ms)
{
	struct service_owner *owner = service_find_owner(writer, images->namespace, images->name);
	struct plan plan = { .writer = writer, .now_ms = now_ms };
	bool soon;
	int r;

	if (!owner && !images->count)
		return 0;
	owner = owner ?: add_owner(writer, images->namespace, images->name);
	if (!owner)
		return -ENOMEM;
	plan.owner = owner;
	service_writer_settle(writer, now_ms);
	soon = has_room_soon(writer);
	plan.patient = soon && !owner->put_off;
	r = plan_make(&plan, images);
	r = r ?: plan_write(&plan);
	plan_done(&plan);
	if (r < 0)
		return refuse(writer, owner, r, soon, plan.full);
	return accept(writer, owner, plan.tableless);
}

bool service_writer_commit(struct service_writer *writer)
{
	uint32_t count = writer->frontends.ports[0] + writer->frontends.ports[1];
	bool added = writer->added;

	if (service_maps_count(&writer->maps) != count)
		service_maps_set_count(&writer->maps, count);
	writer->added = false;
	return added;
}
