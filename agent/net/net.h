/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's view of the node's network: links, addresses, routes, neighbours.
 * libnl stays behind this header. All calls act on the network namespace in
 * which net_new() ran, are synchronous and idempotent: what exists already is no
 * error, what is gone already neither.
 */
#pragma once

#include <event2/event.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

#define NET_ROUTE_PROTOCOL 119 /* rtm_protocol of routes to this node's pods */
#define NET_ROUTE_PROTOCOL_NODES 120 /* and of those to the pods of other nodes */
/* Metric of the latter: what somebody else routes there by default (0, in IPv6 1024) goes first. */
#define NET_ROUTE_METRIC_NODES 2048
#define NET_LINK_GROUP_DEAD 0x77656972 /* links that wait for their deletion */

struct net;

int net_new(struct net **ret);
void net_free(struct net *net);
void net_freep(struct net **net);

struct net_link {
	uint32_t ifindex;
	char name[IFNAMSIZ];
	uint8_t mac[MAC_BYTES];
	unsigned int mtu;
	bool up; /* IFF_UP */
	bool veth; /* one end of a pair */
};

/* 0, or -ENODEV. */
int net_link_get(struct net_link *ret, struct net *net, uint32_t ifindex);
int net_link_find(struct net_link *ret, struct net *net, const char *name);

/* Links whose name starts with @prefix; the array is the caller's. */
int net_links(struct net_link **ret, size_t *count, struct net *net, const char *prefix);

/* The device of the best default route of either family; -ENOENT without one. */
int net_uplink(struct net_link *ret, struct net *net);

/* IFF_UP. 0, or -ENODEV. */
int net_link_up(struct net *net, uint32_t ifindex);

/*
 * Quiet the host side of a pod's veth before it goes up: no link-local address of
 * its own (and so no neighbour discovery from it), no router advertisements taken
 * from the pod, no reverse path filter (the datapath has judged the source).
 */
int net_link_prepare(struct net *net, const char *name);

/*
 * Packets from and to 127.0.0.0/8 pass the link (route_localnet), for translations to a pod behind
 * it. from_pod must guard it by then: it lets none of the pod's pass (CVE-2020-8558). 0 or a
 * negative errno.
 */
int net_link_route_localnet(struct net *net, uint32_t ifindex);

/*
 * Delete links in one go: they are put into a group that is deleted with one
 * request, so that the kernel waits for one grace period and not for one each.
 */
int net_links_delete(struct net *net, const uint32_t *ifindexes, size_t count);

/* How the node reaches a pod. */
struct net_pod {
	uint32_t ifindex; /* host side */
	uint8_t mac[MAC_BYTES]; /* of the pod */
	struct ip_addr ips[2]; /* :: none */
	struct ip_addr gateways[2]; /* preferred source of the host, :: none; by family like @ips */
};

/*
 * Host routes and permanent neighbour entries. On failure nothing of it remains.
 * The link must be up: the kernel refuses routes through a link that is down
 * (-ENETDOWN), and drops those it has when the link goes down.
 */
int net_pod_add(struct net *net, const struct net_pod *pod);
int net_pod_del(struct net *net, const struct net_pod *pod);

/*
 * The node's side of a pod CIDR: its first address on `lo`, a blackhole route for
 * the rest (unknown pods must not leave by the default route), forwarding on.
 */
int net_cidr_add(struct net *net, const struct prefix *cidr);
/* The address stays without @gateway. */
int net_cidr_del(struct net *net, const struct prefix *cidr, bool gateway);

/* That first address. 0, or -EINVAL for a prefix without room. */
int net_cidr_gateway(struct ip_addr *ret, const struct prefix *cidr);

/* All that net_cidr_add() has set up, also for former agents; the array is the caller's. */
int net_cidrs(struct prefix **ret, size_t *count, struct net *net);

/*
 * Delete the clsact qdisc of a device, unless somebody has a filter there. One that
 * is gone, or a device that is gone, is no error.
 */
int net_clsact_remove(struct net *net, uint32_t ifindex);

/* A VXLAN device whose far ends are told with each packet ("external"). */
struct net_vxlan {
	const char *name;
	uint16_t port; /* UDP, host byte order */
	unsigned int mtu;
	uint8_t mac[MAC_BYTES];
};

/*
 * Makes the device, or changes it; one of another port is made anew. It stays down if it was.
 * -EEXIST: a device that is no VXLAN has the name.
 */
int net_vxlan_put(uint32_t *ifindex, struct net *net, const struct net_vxlan *vxlan);
/* 0, -ENODEV, or -EEXIST as above. */
int net_vxlan_find(uint32_t *ifindex, struct net *net, const char *name);
/* Removes it, if there is one. */
int net_vxlan_del(struct net *net, const char *name);

/* To the pods of another node. */
struct net_node_route {
	struct prefix cidr;
	struct ip_addr via; /* next hop, :: none: all of it is behind the link */
	struct ip_addr src; /* preferred source of the host, :: none */
	uint32_t ifindex;
};

/* All there are, IPv4 first; the array is the caller's. */
int net_node_routes(struct net_node_route **ret, size_t *count, struct net *net);
/* @known: it replaces the one of the same CIDR in net_node_routes(). -EEXIST: somebody else's. */
int net_node_route_put(struct net *net, const struct net_node_route *route, bool known);
int net_node_route_del(struct net *net, const struct net_node_route *route);

/* Removes every route of NET_ROUTE_PROTOCOL and NET_ROUTE_PROTOCOL_NODES. */
int net_routes_flush(struct net *net);

/* All addresses of this node's links; the array is the caller's. */
int net_addrs(struct ip_addr **ret, size_t *count, struct net *net);

/* The addresses behind a link, by one of its own addresses. */
struct net_subnet {
	struct prefix prefix;
	uint32_t ifindex;
};

/* Of all links that are up; the array is the caller's. */
int net_subnets(struct net_subnet **ret, size_t *count, struct net *net);

/*
 * The address of @family (AF_*) by which a link's first connections leave: the first of global
 * scope that is neither secondary nor temporary and that can be used. 0, -ENOENT, or another
 * negative errno.
 */
int net_link_addr(struct ip_addr *ret, struct net *net, uint32_t ifindex, int family);

/*
 * All of global scope that a link has and that can be used, but temporary ones; the array is
 * the caller's.
 */
int net_link_addrs(struct ip_addr **ret, size_t *count, struct net *net, uint32_t ifindex);

/*
 * Calls @changed from the event loop after links, addresses or default routes of
 * the node changed, once for a burst of changes. One watch for each @net; it ends
 * with net_free(), which must come before the end of @base.
 */
int net_watch(struct net *net, struct event_base *base, void (*changed)(void *arg), void *arg);
