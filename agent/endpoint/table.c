// SPDX-License-Identifier: Apache-2.0
#include "endpoint/table.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"

#define ROUNDS 16384 /* keeps indexes within 27 bits */

void endpoints_init(struct endpoint_table *table, uint32_t seed)
{
	uint32_t start = seed % ENDPOINT_SLOTS;
	struct endpoint_slot *slot;

	memset(table, 0, sizeof(*table));
	TAILQ_INIT(&table->idle);
	for (uint32_t i = 0; i < ENDPOINT_SLOTS; i++) {
		slot = &table->slots[(start + i) % ENDPOINT_SLOTS];
		slot->round = (seed / ENDPOINT_SLOTS) % ROUNDS;
		slot->queued = true;
		TAILQ_INSERT_TAIL(&table->idle, slot, entry);
	}
}

void endpoints_done(struct endpoint_table *table)
{
	HASH_CLEAR(hh, table->by_key);
	for (uint32_t i = 0; i < ENDPOINT_SLOTS; i++) {
		pod_endpoint_free(table->slots[i].endpoint);
		table->slots[i].endpoint = NULL;
	}
	table->count = 0;
}

int pod_endpoint_new(struct pod_endpoint **ret, const char *container_id, const char *ifname,
		     const char *network, const char *namespace, const char *pod, const char *uid)
{
	cleanup(pod_endpoint_freep) struct pod_endpoint *ep = NULL;

	ep = calloc(1, sizeof(*ep));
	if (!ep)
		return -ENOMEM;
	ep->container_id = strdup(container_id);
	ep->ifname = strdup(ifname);
	ep->network = strdup(network ?: "");
	ep->namespace = strdup(namespace ?: "");
	ep->pod = strdup(pod ?: "");
	ep->uid = strdup(uid ?: "");
	if (asprintf(&ep->key, "%s@%s", container_id, ifname) < 0)
		ep->key = NULL;
	if (!ep->container_id || !ep->ifname || !ep->network || !ep->namespace || !ep->pod ||
	    !ep->uid || !ep->key)
		return -ENOMEM;
	*ret = take_ptr(&ep);
	return 0;
}

void pod_endpoint_free(struct pod_endpoint *ep)
{
	if (!ep)
		return;
	free(ep->key);
	free(ep->container_id);
	free(ep->ifname);
	free(ep->network);
	free(ep->namespace);
	free(ep->pod);
	free(ep->uid);
	free(ep->ports);
	free(ep);
}

void pod_endpoint_freep(struct pod_endpoint **ep)
{
	pod_endpoint_free(*ep);
}

const char *pod_state_name(enum pod_state state)
{
	switch (state) {
	case POD_RESERVED:
		return "reserved";
	case POD_ATTACHING:
		return "attaching";
	case POD_READY:
		return "ready";
	case POD_LEAVING:
		return "leaving";
	}
	return "unknown";
}

static uint32_t slot_number(const struct endpoint_table *table, const struct endpoint_slot *slot)
{
	return (uint32_t)(slot - table->slots);
}

/* Occupied slots leave the queue lazily, when they come to its head. */
static struct endpoint_slot *idle_head(struct endpoint_table *table)
{
	struct endpoint_slot *slot;

	while ((slot = TAILQ_FIRST(&table->idle)) && slot->endpoint) {
		TAILQ_REMOVE(&table->idle, slot, entry);
		slot->queued = false;
	}
	return slot;
}

int endpoints_choose(uint32_t *ret, struct endpoint_table *table, bool (*taken)(uint32_t ifindex))
{
	struct endpoint_slot *slot;
	uint32_t ifindex;

	/* An index that a stranger uses costs one try; its slot goes to the end of the queue. */
	for (size_t tries = 0; tries < ENDPOINT_SLOTS; tries++) {
		slot = idle_head(table);
		if (!slot)
			return -ENOSPC;
		ifindex = ENDPOINT_IFINDEX_FIRST + slot->round * ENDPOINT_SLOTS +
			  slot_number(table, slot);
		slot->round = (slot->round + 1) % ROUNDS;
		if (!taken || !taken(ifindex)) {
			*ret = ifindex;
			return 0;
		}
		TAILQ_REMOVE(&table->idle, slot, entry);
		TAILQ_INSERT_TAIL(&table->idle, slot, entry);
	}
	return -ENOSPC;
}

int endpoints_insert(struct endpoint_table *table, struct pod_endpoint *ep)
{
	struct endpoint_slot *slot = &table->slots[ep->ifindex & (ENDPOINT_SLOTS - 1)];
	struct pod_endpoint *same;

	HASH_FIND_STR(table->by_key, ep->key, same);
	if (same)
		return -EEXIST;
	if (slot->endpoint)
		return -EBUSY;
	slot->endpoint = ep;
	ep->slot = slot_number(table, slot);
	HASH_ADD_KEYPTR(hh, table->by_key, ep->key, strlen(ep->key), ep);
	table->count++;
	return 0;
}

struct pod_endpoint *endpoints_find(const struct endpoint_table *table, const char *container_id,
				    const char *ifname)
{
	cleanup(freep) char *key = NULL;
	struct pod_endpoint *ep;

	if (asprintf(&key, "%s@%s", container_id, ifname) < 0) {
		key = NULL;
		return NULL;
	}
	HASH_FIND_STR(table->by_key, key, ep);
	return ep;
}

struct pod_endpoint *endpoints_at(const struct endpoint_table *table, uint32_t ifindex)
{
	struct pod_endpoint *ep = table->slots[ifindex & (ENDPOINT_SLOTS - 1)].endpoint;

	return ep && ep->ifindex == ifindex ? ep : NULL;
}

struct pod_endpoint *endpoints_find_addr(const struct endpoint_table *table,
					 const struct ip_addr *addr)
{
	struct pod_endpoint *ep;

	for (uint32_t pos = 0; (ep = endpoints_next(table, &pos));)
		for (int i = 0; i < 2; i++)
			if (ip_addr_equal(&ep->ips[i], addr))
				return ep;
	return NULL;
}

static bool ports_collide(const struct host_port *a, const struct host_port *b)
{
	static const struct ip_addr any;

	if (a->proto != b->proto || a->host_port != b->host_port)
		return false;
	return ip_addr_equal(&a->host_ip, &b->host_ip) || ip_addr_equal(&a->host_ip, &any) ||
	       ip_addr_equal(&b->host_ip, &any);
}

struct pod_endpoint *endpoints_find_port(const struct endpoint_table *table,
					 const struct pod_endpoint *self,
					 const struct host_port *port)
{
	struct pod_endpoint *ep;

	for (uint32_t pos = 0; (ep = endpoints_next(table, &pos));) {
		if (ep == self || ep->state == POD_LEAVING)
			continue;
		for (size_t i = 0; i < ep->port_count; i++)
			if (ports_collide(&ep->ports[i], port))
				return ep;
	}
	return NULL;
}

void endpoints_leave(struct endpoint_table *table, struct pod_endpoint *ep, int64_t now_ms)
{
	if (ep->state != POD_LEAVING)
		HASH_DEL(table->by_key, ep);
	ep->state = POD_LEAVING;
	ep->since_ms = now_ms;
}

void endpoints_forget(struct endpoint_table *table, struct pod_endpoint *ep)
{
	struct endpoint_slot *slot = &table->slots[ep->slot];

	if (ep->state != POD_LEAVING)
		HASH_DEL(table->by_key, ep);
	slot->endpoint = NULL;
	if (slot->queued)
		TAILQ_REMOVE(&table->idle, slot, entry);
	TAILQ_INSERT_TAIL(&table->idle, slot, entry);
	slot->queued = true;
	table->count--;
	pod_endpoint_free(ep);
}

struct pod_endpoint *endpoints_next(const struct endpoint_table *table, uint32_t *pos)
{
	while (*pos < ENDPOINT_SLOTS) {
		struct pod_endpoint *ep = table->slots[(*pos)++].endpoint;

		if (ep)
			return ep;
	}
	return NULL;
}
