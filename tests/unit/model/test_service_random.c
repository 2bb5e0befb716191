// SPDX-License-Identifier: Apache-2.0
/*
 * After any history of changes, what has been delivered is what somebody gets who sees
 * the same objects for the first time; and no frontend is two Services'.
 */
#include "lib/check_main.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/service_private.h"
#include "service_fixture.h"

#define HISTORIES 60
#define STEPS 120

enum { SERVICES = 6, SLICES = 8, PODS = 4, NODES = 3, SLOTS = SERVICES + SLICES + PODS + NODES };

/* What there is, by the seed that it is made of again; 0: nothing. */
struct history {
	struct service_world world;
	unsigned int seeds[SLOTS];
	char *told[SERVICES]; /* images as delivered last, NULL: gone */
};

static unsigned int state;

/* Below @limit. */
static unsigned int pick(unsigned int limit)
{
	state = state * 1664525 + 1013904223;
	return (state >> 8) % limit;
}

#define choose(...)                                                             \
	({                                                                      \
		static const char *const from[] = { __VA_ARGS__ };              \
		from[pick(sizeof(from) / sizeof(from[0]))];                     \
	})

static const char *const namespaces[SERVICES] = { "a", "a", "a", "b", "b", "b" };
static const char *const names[SERVICES] = { "x", "y", "z", "x", "y", "z" };

static struct object *random_service(unsigned int i)
{
	const char *ips = choose("10.96.0.1", "10.96.0.2", "10.96.0.3 fd00:96::1", "fd00:96::2",
				 "10.96.0.4", "192.168.0.1", "198.51.100.7", "");
	const char *ports = choose("http/tcp=80:30080", "http/tcp=80 dns/udp=53:30053", "/tcp=80",
				   "http/tcp=30080:30081", "a/tcp=80:30080 b/tcp=80");
	struct object *service = make_service(namespaces[i], names[i], ips, ports);

	if (pick(2))
		service_external_ips(service, choose("198.51.100.7", "198.51.100.8 2001:db8::7",
						     "10.96.0.2", "192.168.0.2", "10.1.0.1"));
	if (pick(2))
		service_balancer_ips(service, choose("198.51.100.7", "203.0.113.9 2001:db8::9",
						     "192.168.0.3", "10.1.0.2"));
	if (!pick(3))
		service->service->type = SERVICE_NODE_PORT;
	if (!pick(4))
		service_ranges(service, choose("", "192.168.0.0/16", "10.0.0.0/8 fd00::/8"));
	service->service->headless = !pick(10);
	service->service->external_local = pick(2);
	return service;
}

static struct object *random_slice(unsigned int i)
{
	bool is_v4 = pick(3);
	char name[16];
	struct object *slice;

	snprintf(name, sizeof(name), "slice-%u", i);
	slice = make_slice(choose("a", "b"), name, choose("x", "y", "z", "none", ""), is_v4,
			   choose("http/tcp=8080", "/tcp=80 dns/udp=53", "http/tcp=81 a/tcp=80"));
	for (unsigned int count = pick(4); count; count--)
		slice_add(slice, is_v4 ? choose("10.1.0.1 node=here for-zone=a", "10.1.0.2",
						"10.1.0.3 node=there for-zone=b", "10.1.0.1 gone",
						"10.1.0.4 serving terminating node=here",
						"10.96.0.2", "198.51.100.7 node=here",
						"198.51.100.8", "203.0.113.9") :
					 choose("fd00:1::1 node=here", "fd00:1::2 for-zone=a",
						"fd00:96::1", "2001:db8::9"));
	return slice;
}

static struct object *random_pod(unsigned int i)
{
	struct object *pod;
	char name[16];

	snprintf(name, sizeof(name), "pod-%u", i);
	pod = make_pod("a", name, "here", "",
		       choose("10.1.0.1", "10.1.0.2", "198.51.100.8", "10.96.0.2"), "");
	pod->pod.finished = !pick(4);
	return pod;
}

static struct object *random_node(unsigned int i)
{
	static const char *const node_names[NODES] = { "here", "there", "far" };
	struct object *node = make_node(node_names[i], choose("192.168.0.1", "192.168.0.2",
							      "192.168.0.3", "203.0.113.9",
							      "10.96.0.2"));

	label_node(node, choose("", "topology.kubernetes.io/zone=a",
				"topology.kubernetes.io/zone=b"));
	return node;
}

static struct object *make_slot(unsigned int slot, unsigned int seed)
{
	state = seed;
	if (slot < SERVICES)
		return random_service(slot);
	slot -= SERVICES;
	if (slot < SLICES)
		return random_slice(slot);
	slot -= SLICES;
	return slot < PODS ? random_pod(slot) : random_node(slot - PODS);
}

/* A slice of another namespace is another object: the former goes first. */
static void change(struct history *history, unsigned int slot, unsigned int seed)
{
	struct store *store = history->world.store;

	if (history->seeds[slot]) {
		struct object *old = make_slot(slot, history->seeds[slot]);
		struct object *new = seed ? make_slot(slot, seed) : NULL;

		if (!new || strcmp(old->namespace, new->namespace))
			ck_assert(store_delete(store, old->kind, old->namespace, old->name));
		object_free(old);
		object_free(new);
	}
	if (seed)
		world_put(&history->world, make_slot(slot, seed));
	history->seeds[slot] = seed;
}

static int note(const struct service_images *images, void *arg)
{
	char **told = arg;
	struct buf buf = {};

	for (int i = 0; i < SERVICES; i++) {
		if (strcmp(images->namespace, namespaces[i]) || strcmp(images->name, names[i]))
			continue;
		free(told[i]);
		buf_put_images(&buf, images);
		told[i] = buf_take(&buf);
		buf_done(&buf);
	}
	return 0;
}

struct frontends {
	struct service_frontend items[256];
	size_t count;
};

static int expect_unique(const struct service_images *images, void *arg)
{
	struct frontends *all = arg;

	for (size_t i = 0; i < images->count; i++)
		for (size_t j = 0; j < images->items[i].frontend_count; j++) {
			const struct service_frontend *new = &images->items[i].frontends[j];

			for (size_t k = 0; k < all->count; k++)
				ck_assert(!ip_addr_equal(&all->items[k].addr, &new->addr) ||
					  all->items[k].port != new->port ||
					  all->items[k].proto != new->proto);
			ck_assert_uint_lt(all->count, 256);
			all->items[all->count++] = *new;
		}
	return 0;
}

static void start_fresh(struct service_world *fresh, const struct history *history)
{
	world_start(fresh);
	for (unsigned int slot = SLOTS; slot--;)
		if (history->seeds[slot])
			world_put(fresh, make_slot(slot, history->seeds[slot]));
}

static void expect_same(struct history *history)
{
	cleanup(freep) char *problems = strdup(world_problems(&history->world));
	char *told[SERVICES] = {};
	struct frontends all = {};
	struct service_world fresh;
	unsigned int saved = state;

	start_fresh(&fresh, history);
	ck_assert_int_eq(services_each_change(fresh.services, note, told), 0);
	for (int i = 0; i < SERVICES; i++) {
		if (history->seeds[i])
			ck_assert_str_eq(history->told[i], told[i]);
		free(told[i]);
		if (history->seeds[i])
			services_resolve(fresh.services, namespaces[i], names[i], expect_unique,
					 &all);
	}
	ck_assert_str_eq(world_problems(&fresh), problems);
	world_stop(&fresh);
	state = saved;
}

static void deliver(struct history *history)
{
	ck_assert_int_eq(services_each_change(history->world.services, note, history->told), 0);
}

/* Worse than when there was no memory for a change: nothing of it is known. All is read again. */
static void lose(struct history *history, unsigned int slot, unsigned int seed)
{
	store_follow(history->world.store, NULL, NULL);
	change(history, slot, seed);
	store_follow(history->world.store, services_follow, history->world.services);
	history->world.services->lost = true;
	deliver(history);
}

START_TEST(what_is_delivered_is_what_a_newcomer_gets)
{
	unsigned int seed = (unsigned int)_i * 7919 + 1;
	struct history history = {};

	world_start(&history.world);
	for (int step = 0; step < STEPS; step++) {
		unsigned int slot, next;

		state = seed;
		slot = pick(SLOTS);
		next = pick(4) ? seed | 1 : 0;
		/* Nodes are not lost: that of this node lends its zone. */
		if (!pick(10) && slot < SERVICES + SLICES + PODS)
			lose(&history, slot, next);
		else
			change(&history, slot, next);
		seed = seed * 1103515245 + 12345;
		state = seed;
		if (pick(3))
			continue;
		deliver(&history);
		expect_same(&history);
	}
	for (int i = 0; i < SERVICES; i++)
		free(history.told[i]);
	world_stop(&history.world);
}
END_TEST

static const char histories[HISTORIES];

CHECK_MAIN("service random", CHECK_LOOP(what_is_delivered_is_what_a_newcomer_gets, histories))
