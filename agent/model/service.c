// SPDX-License-Identifier: Apache-2.0
/*
 * The public face of services*.c: who is to be resolved, and to whom that is told.
 * service_private.h says what the parts are.
 */
#include "model/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/service_private.h"

int services_new(struct services **ret, struct store *store)
{
	cleanup(services_freep) struct services *services = calloc(1, sizeof(*services));

	if (!services)
		return -ENOMEM;
	services->store = store;
	entries_init(services);
	claims_init(services);
	holders_init(services);
	targets_init(services);
	/* What is in the store already. */
	services->lost = true;
	if (services_settle(services) < 0)
		return -ENOMEM;
	store_follow(store, services_follow, services);
	*ret = take_ptr(&services);
	return 0;
}

void services_free(struct services *services)
{
	if (!services)
		return;
	store_follow(services->store, NULL, NULL);
	entries_done(services);
	claims_done(services);
	pool_done(&services->holders);
	targets_done(services);
	free(services->node);
	free(services->ips);
	free(services);
}

void services_freep(struct services **services)
{
	services_free(*services);
}

static bool same_node(const struct services *services, const struct service_node *node)
{
	return services->node && !strcmp(services->node, node->name) &&
	       services->ip_count == node->ip_count &&
	       (!node->ip_count ||
		!memcmp(services->ips, node->ips, node->ip_count * sizeof(*node->ips)));
}

int services_set_node(struct services *services, const struct service_node *node)
{
	cleanup(freep) struct ip_addr *ips = NULL;
	cleanup(freep) char *name = NULL;

	if (same_node(services, node))
		return 0;
	name = strdup(node->name);
	ips = calloc(node->ip_count + 1, sizeof(*ips));
	if (!name || !ips)
		return -ENOMEM;
	if (node->ip_count)
		memcpy(ips, node->ips, node->ip_count * sizeof(*ips));
	free(services->node);
	free(services->ips);
	services->node = take_ptr(&name);
	services->ips = take_ptr(&ips);
	services->ip_count = node->ip_count;
	services_read_zone(services);
	entries_mark_all(services);
	return 0;
}

struct delivery {
	struct services *services;
	struct arena arena; /* of the Service that is being delivered */
	int (*fn)(const struct service_images *images, void *arg);
	void *arg;
};

static void delivery_done(struct delivery *delivery)
{
	arena_done(&delivery->arena);
}

static int resolve(struct delivery *delivery, uint32_t number)
{
	struct service_images images;
	int r = service_resolve(&images, &delivery->arena, delivery->services, number);

	if (r >= 0)
		r = delivery->fn(&images, delivery->arg);
	arena_reset(&delivery->arena);
	return r;
}

/* A name that has no Service, and had none when it was last told, is nobody's business. */
static int deliver(struct delivery *delivery, uint32_t number)
{
	struct services *services = delivery->services;
	bool exists = entry_at(services, number)->service;
	int r = 0;

	entry_at(services, number)->dirty = false;
	if (exists || entry_at(services, number)->delivered)
		r = resolve(delivery, number);
	if (r < 0) {
		entry_mark(services, number);
		return r;
	}
	entry_at(services, number)->delivered = exists;
	entry_set_troubled(services, number, service_problems(services, number, NULL, NULL));
	entry_tidy(services, number);
	return 0;
}

static int compare_numbers(const void *a, const void *b, void *arg)
{
	return entry_compare(entry_at(arg, *(const uint32_t *)a),
			     entry_at(arg, *(const uint32_t *)b));
}

/* Empties the list of those to deliver into an array in the order of their names. 0 or -ENOMEM. */
static int take_dirty(struct services *services, struct id_list *list)
{
	for (uint32_t i = services->first_dirty; i; i = entry_at(services, i)->next_dirty)
		if (id_list_add(list, i) < 0)
			return -ENOMEM;
	services->first_dirty = 0;
	if (list->count)
		qsort_r(list->items, list->count, sizeof(*list->items), compare_numbers, services);
	return 0;
}

int services_each_change(struct services *services,
			 int (*fn)(const struct service_images *images, void *arg), void *arg)
{
	cleanup(delivery_done) struct delivery delivery = {
		.services = services,
		.fn = fn,
		.arg = arg,
	};
	cleanup(id_list_done) struct id_list list = {};
	int r = services_settle(services), first = 0;

	if (r >= 0)
		r = take_dirty(services, &list);
	if (r < 0)
		return r;
	for (size_t i = 0; i < list.count; i++) {
		r = deliver(&delivery, list.items[i]);
		if (r < 0 && !first)
			first = r;
	}
	return first;
}

int services_resolve(struct services *services, const char *namespace, const char *name,
		     int (*fn)(const struct service_images *images, void *arg), void *arg)
{
	cleanup(delivery_done) struct delivery delivery = {
		.services = services,
		.fn = fn,
		.arg = arg,
	};
	int r = services_settle(services);
	uint32_t number = entry_find(services, namespace, name);

	if (r < 0)
		return r;
	if (!number || !entry_at(services, number)->service)
		return -ENOENT;
	return resolve(&delivery, number);
}

struct teller {
	const struct services *services;
	void (*fn)(const char *text, void *arg);
	void *arg;
};

static int tell(const struct object *obj, void *arg)
{
	const struct teller *teller = arg;
	uint32_t number = entry_find(teller->services, obj->namespace, obj->name);

	if (number && entry_at(teller->services, number)->troubled)
		service_problems(teller->services, number, teller->fn, teller->arg);
	return 0;
}

void services_each_problem(const struct services *services,
			   void (*fn)(const char *text, void *arg), void *arg)
{
	struct teller teller = { .services = services, .fn = fn, .arg = arg };

	/* In the order of names, which the store knows. */
	if (services->troubled_count)
		store_each(services->store, OBJECT_SERVICE, tell, &teller);
}
