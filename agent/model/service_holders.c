// SPDX-License-Identifier: Apache-2.0
/*
 * Whose an address is that a Service wants as an external one, or that is an endpoint and a
 * ClusterIP. A Service that named a Node's, a Pod's or another Service's address would take its
 * traffic.
 *
 * Only such addresses are remembered. When one becomes such all Nodes, Pods and Services are looked
 * through, once for all addresses that have come since.
 */
#include <errno.h>
#include <string.h>

#include "model/service_private.h"

struct holder {
	struct pool_link link;
	struct ip_addr addr;
	const struct object *obj; /* the store's */
};

static uint32_t holders_hash(const void *item)
{
	const struct holder *holder = item;

	return pool_hash(0, &holder->addr, sizeof(holder->addr));
}

void holders_init(struct services *services)
{
	pool_init(&services->holders, sizeof(struct holder), holders_hash);
}

static const struct holder *holder_at(const struct services *services, uint32_t number)
{
	return pool_at(&services->holders, number);
}

static uint32_t first_at(const struct services *services, const struct ip_addr *addr)
{
	return pool_first(&services->holders, pool_hash(0, addr, sizeof(*addr)));
}

/* The number of the holder that is @obj, 0: it is none. */
static uint32_t find(const struct services *services, const struct ip_addr *addr,
		     const struct object *obj)
{
	for (uint32_t i = first_at(services, addr); i; i = pool_next(&services->holders, i)) {
		const struct holder *holder = holder_at(services, i);

		if (ip_addr_equal(&holder->addr, addr) && holder->obj == obj)
			return i;
	}
	return 0;
}

/* A pod of the host network has its node's addresses. */
static bool is_of_node(const struct object *obj)
{
	return obj->kind == OBJECT_NODE || (obj->kind == OBJECT_POD && obj->pod.host_network);
}

/* Without @obj among the holders of @addr fewer kinds of external addresses are refused. */
static bool decides(const struct services *services, const struct ip_addr *addr,
		    const struct object *obj)
{
	for (uint32_t i = first_at(services, addr); i; i = pool_next(&services->holders, i)) {
		const struct holder *holder = holder_at(services, i);

		if (ip_addr_equal(&holder->addr, addr) && holder->obj != obj &&
		    (is_of_node(obj) || !is_of_node(holder->obj)))
			return false;
	}
	return true;
}

/* Pods that have ended have given their addresses back. */
static const struct ip_addr *addresses(const struct object *obj, size_t *count)
{
	*count = 0;
	if (!obj)
		return NULL;
	if (obj->kind == OBJECT_NODE) {
		*count = obj->node.ip_count;
		return obj->node.ips;
	}
	if (obj->kind == OBJECT_POD) {
		*count = obj->pod.finished ? 0 : obj->pod.ip_count;
		return obj->pod.ips;
	}
	*count = obj->service->cluster_ip_count;
	return obj->service->cluster_ips;
}

/* Somebody asks whose @addr is. */
static bool is_asked_for(const struct services *services, const struct ip_addr *addr)
{
	return address_is_claimed(services, addr) || target_is_cluster_ip(services, addr);
}

static int add(struct services *services, const struct object *obj)
{
	size_t count;
	const struct ip_addr *ips = addresses(obj, &count);

	for (size_t i = 0; i < count; i++) {
		struct holder holder = { .addr = ips[i], .obj = obj };

		if (!is_asked_for(services, &ips[i]) || find(services, &ips[i], obj))
			continue;
		target_changed(services, &ips[i]);
		if (decides(services, &ips[i], obj))
			address_mark(services, &ips[i]);
		if (!pool_add(&services->holders, &holder))
			return -ENOMEM;
	}
	return 0;
}

/* Also of addresses that nobody asks for any more: the object is about to go. */
static void forget(struct services *services, const struct object *obj)
{
	size_t count;
	const struct ip_addr *ips = addresses(obj, &count);

	for (size_t i = 0; i < count; i++) {
		uint32_t number = find(services, &ips[i], obj);

		if (!number)
			continue;
		pool_remove(&services->holders, number);
		target_changed(services, &ips[i]);
		if (decides(services, &ips[i], obj))
			address_mark(services, &ips[i]);
	}
}

int holders_change(struct services *services, const struct object *old, const struct object *new)
{
	/* The new one first: who stays where it is does not change anything. */
	int r = add(services, new);

	if (services->holders.count)
		forget(services, old);
	return r;
}

static int look_at(const struct object *obj, void *arg)
{
	return add(arg, obj);
}

int holders_look(struct services *services)
{
	static const enum object_kind kinds[] = { OBJECT_NODE, OBJECT_POD, OBJECT_SERVICE };
	int r = 0;

	pool_clear(&services->holders);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && r >= 0; i++)
		r = store_each(services->store, kinds[i], look_at, services);
	services->look = r < 0;
	return r;
}

/* Nodes, then Pods, then Services, each by name: which one people are told of. */
static bool precedes(const struct object *a, const struct object *b)
{
	static const int rank[OBJECT_KIND_MAX] = { [OBJECT_POD] = 1, [OBJECT_SERVICE] = 2 };
	int r = rank[a->kind] - rank[b->kind];

	return (r ?: strcmp(a->namespace, b->namespace) ?: strcmp(a->name, b->name)) < 0;
}

const struct object *address_holder(const struct services *services, const struct ip_addr *addr,
				    enum frontend_kind kind)
{
	const struct object *first = NULL;

	for (uint32_t i = first_at(services, addr); i; i = pool_next(&services->holders, i)) {
		const struct holder *holder = holder_at(services, i);

		if (!ip_addr_equal(&holder->addr, addr) ||
		    (kind == FRONTEND_LOAD_BALANCER && is_of_node(holder->obj)))
			continue;
		if (!first || precedes(holder->obj, first))
			first = holder->obj;
	}
	return first;
}

bool address_is_own(const struct services *services, const struct ip_addr *addr)
{
	for (size_t i = 0; i < services->ip_count; i++)
		if (ip_addr_equal(&services->ips[i], addr))
			return true;
	return false;
}

bool address_is_hosts(const struct services *services, const struct ip_addr *addr)
{
	for (uint32_t i = first_at(services, addr); i; i = pool_next(&services->holders, i)) {
		const struct holder *holder = holder_at(services, i);

		if (ip_addr_equal(&holder->addr, addr) && holder->obj->kind != OBJECT_SERVICE)
			return true;
	}
	return address_is_own(services, addr);
}

bool address_is_held(const struct services *services, const struct ip_addr *addr,
		     enum frontend_kind kind)
{
	return (kind != FRONTEND_LOAD_BALANCER && address_is_own(services, addr)) ||
	       address_holder(services, addr, kind);
}
