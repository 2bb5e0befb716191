/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pods of this node, from reservation to the moment in which the datapath
 * has forgotten them. No I/O here.
 *
 * An endpoint is known by (container ID, interface name) and holds one slot of
 * the datapath's array. Slots are given least recently used first, with an
 * interface index that was not used lately, so that nothing old is mistaken for
 * something new. An endpoint that leaves is no longer found by its name, but
 * keeps slot and addresses until endpoints_forget().
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uthash.h>

#include "weir/maps.h"
#include "weir/types.h"

#define ENDPOINT_IFINDEX_FIRST 65536 /* above what the kernel gives by itself */
#define ENDPOINT_PORTS_MAX 256

enum pod_state {
	POD_RESERVED, /* addresses and number are taken, no link yet */
	POD_ATTACHING, /* programs attached, policy not in force */
	POD_READY,
	POD_LEAVING, /* cut off, not forgotten by the datapath yet */
};

struct host_port {
	uint8_t proto; /* IPPROTO_* */
	uint16_t host_port;
	uint16_t container_port;
	struct ip_addr host_ip; /* :: every address of the node */
};

struct pod_endpoint {
	char *key; /* containerID@ifname */
	char *container_id;
	char *ifname; /* inside the pod */
	char *network; /* CNI network name */
	char *namespace;
	char *pod;
	char *uid;
	enum pod_state state;
	uint32_t slot;
	uint32_t ifindex; /* of the host side */
	char host_ifname[IFNAMSIZ];
	uint8_t mac[6];
	uint8_t host_mac[6];
	unsigned int mtu;
	bool chained; /* another plugin owns the link */
	struct ip_addr ips[2]; /* :: none; the first is IPv4, the second IPv6 */
	struct host_port *ports;
	size_t port_count;
	int64_t since_ms; /* in this state */
	int64_t lost_ms; /* since when its link is not seen; 0: it is there */
	uint8_t guards[2]; /* enum datapath_guard of from_pod and to_pod, as last seen (patrol.h) */
	UT_hash_handle hh;
};

struct endpoint_slot {
	struct pod_endpoint *endpoint;
	uint32_t round; /* of the next interface index */
	bool queued;
	TAILQ_ENTRY(endpoint_slot) entry;
};

struct endpoint_table {
	struct pod_endpoint *by_key;
	struct endpoint_slot slots[ENDPOINT_SLOTS];
	TAILQ_HEAD(, endpoint_slot) idle; /* least recently used first */
	size_t count; /* occupied slots */
};

/* @seed spreads interface indexes, so that a restarted agent does not repeat the last ones. */
void endpoints_init(struct endpoint_table *table, uint32_t seed);
void endpoints_done(struct endpoint_table *table);

/* A new endpoint that is in no table yet; 0 or -ENOMEM. Absent texts are "". */
int pod_endpoint_new(struct pod_endpoint **ret, const char *container_id, const char *ifname,
		     const char *network, const char *namespace, const char *pod, const char *uid);
void pod_endpoint_free(struct pod_endpoint *ep);
void pod_endpoint_freep(struct pod_endpoint **ep);
const char *pod_state_name(enum pod_state state);

/*
 * Choose an interface index with a free slot, which @taken (may be NULL) does not
 * know either. 0 or -ENOSPC.
 */
int endpoints_choose(uint32_t *ret, struct endpoint_table *table, bool (*taken)(uint32_t ifindex));

/*
 * Put @ep, whose ifindex is set, into the table, which owns it from then on.
 * -EEXIST: its name is known; -EBUSY: its slot is taken.
 */
int endpoints_insert(struct endpoint_table *table, struct pod_endpoint *ep);

struct pod_endpoint *endpoints_find(const struct endpoint_table *table, const char *container_id,
				    const char *ifname);

/* The endpoint whose host side has this interface index, leaving ones included, or NULL. */
struct pod_endpoint *endpoints_at(const struct endpoint_table *table, uint32_t ifindex);

/* The endpoint that holds @addr, leaving ones included, or NULL. */
struct pod_endpoint *endpoints_find_addr(const struct endpoint_table *table,
					 const struct ip_addr *addr);

/* The endpoint other than @self that uses the host port @port, or NULL. */
struct pod_endpoint *endpoints_find_port(const struct endpoint_table *table,
					 const struct pod_endpoint *self,
					 const struct host_port *port);

/* From now on it is POD_LEAVING and found by its slot only. */
void endpoints_leave(struct endpoint_table *table, struct pod_endpoint *ep, int64_t now_ms);

/* Frees @ep and its slot. */
void endpoints_forget(struct endpoint_table *table, struct pod_endpoint *ep);

/* All endpoints in order of their slots; start with *@pos = 0; NULL at the end. */
struct pod_endpoint *endpoints_next(const struct endpoint_table *table, uint32_t *pos);
