// SPDX-License-Identifier: Apache-2.0
/*
 * The store's changes: which Service each one is about.
 *
 * The store cannot be told that there was no memory, so then all is read again before
 * the next Service is resolved.
 */
#include <errno.h>
#include <string.h>

#include "model/service_private.h"

#define ZONE_LABEL "topology.kubernetes.io/zone"

static int set_service(struct services *services, uint32_t number, const struct object *new)
{
	struct service_entry *entry = entry_at(services, number);
	const struct object *old = entry->service;

	entry->service = new;
	entry_mark(services, number);
	if (old && new && claims_same(old->service, new->service))
		return 0;
	if (old)
		claims_remove(services, number, old->service);
	return new ? claims_add(services, number, new->service) : 0;
}

static int service_changed(struct services *services, const struct object *old,
			   const struct object *new)
{
	const struct object *any = new ? new : old;
	uint32_t number = entry_get(services, any->namespace, any->name);
	int r = number ? set_service(services, number, new) : -ENOMEM;
	int held = holders_change(services, old, new);

	return r < 0 ? r : held;
}

/* @old is gone from the Service that it named, @new belongs to the one that it names. */
static int slice_changed(struct services *services, const struct object *old,
			 const struct object *new)
{
	uint32_t number;

	number = old ? entry_find(services, old->namespace, old->slice->service) : 0;
	if (number) {
		entry_mark(services, number);
		entry_remove_slice(entry_at(services, number), old);
		targets_remove(services, old->slice);
	}
	if (!new || !new->slice->service[0])
		return 0;
	number = entry_get(services, new->namespace, new->slice->service);
	if (!number)
		return -ENOMEM;
	entry_mark(services, number);
	if (entry_add_slice(entry_at(services, number), new) < 0)
		return -ENOMEM;
	return targets_add(services, new->slice);
}

static const char *zone_of(const struct object *node)
{
	return node ? labels_get(&node->node.labels, ZONE_LABEL) : NULL;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* While the former object is still there. */
static void set_zone(struct services *services, const struct object *node)
{
	const char *zone = zone_of(node);

	if (!same_text(services->zone, zone))
		entries_mark_all(services);
	services->zone = zone;
}

static int object_changed(struct services *services, const struct object *old,
			  const struct object *new)
{
	const struct object *any = new ? new : old;

	switch (any->kind) {
	case OBJECT_SERVICE:
		return service_changed(services, old, new);
	case OBJECT_ENDPOINT_SLICE:
		return slice_changed(services, old, new);
	case OBJECT_NODE:
		if (services->node && !strcmp(any->name, services->node))
			set_zone(services, new);
		return holders_change(services, old, new);
	case OBJECT_POD:
		return holders_change(services, old, new);
	case OBJECT_NAMESPACE:
	case OBJECT_NETWORK_POLICY:
	case OBJECT_CLUSTER_NETWORK_POLICY:
	case OBJECT_ADMIN_NETWORK_POLICY:
	case OBJECT_BASELINE_ADMIN_NETWORK_POLICY:
	case OBJECT_SERVICE_CIDR:
	case OBJECT_KIND_MAX:
		break;
	}
	return 0;
}

void services_follow(const struct object *old, const struct object *new, void *arg)
{
	struct services *services = arg;

	if (object_changed(services, old, new) < 0)
		services->lost = true;
}

static int read_again(const struct object *obj, void *arg)
{
	struct services *services = arg;

	if (obj->kind == OBJECT_SERVICE)
		return service_changed(services, NULL, obj);
	return slice_changed(services, NULL, obj);
}

static int read_all(struct services *services)
{
	int r;

	claims_clear(services);
	pool_clear(&services->holders);
	targets_clear(services);
	entries_clear(services);
	entries_mark_all(services);
	r = store_each(services->store, OBJECT_SERVICE, read_again, services);
	if (r >= 0)
		r = store_each(services->store, OBJECT_ENDPOINT_SLICE, read_again, services);
	services->lost = r < 0;
	return r;
}

int services_settle(struct services *services)
{
	int r = services->lost ? read_all(services) : 0;

	if (r >= 0 && services->look)
		r = holders_look(services);
	if (r >= 0 && services->look_at_targets)
		targets_look(services);
	return r;
}

void services_read_zone(struct services *services)
{
	set_zone(services, services->node ? store_get(services->store, OBJECT_NODE, "",
						      services->node) : NULL);
}
