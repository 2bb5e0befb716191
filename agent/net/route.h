/* SPDX-License-Identifier: Apache-2.0 */
/* Routes, as rows of a dump and as what requests are made of. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "net/net.h"

struct net_route {
	struct prefix dst;
	struct ip_addr src; /* preferred source, :: none */
	struct ip_addr via; /* next hop, :: none */
	uint8_t type; /* RTN_* */
	uint8_t scope; /* RT_SCOPE_*; no matter in IPv6 */
	uint8_t protocol; /* RTPROT_* */
	uint32_t table;
	uint32_t ifindex; /* 0 none; that of the first next hop of several */
	uint32_t metric;
	bool dead; /* the kernel does not use it */
};

/* Adding replaces a route of the same destination and metric. 0 or the kernel's errno. */
int net_route_add(struct net *net, const struct net_route *route);
/* The same, but -EEXIST when there is one. */
int net_route_add_new(struct net *net, const struct net_route *route);
/* -ESRCH: no such route. */
int net_route_del(struct net *net, const struct net_route *route);

enum net_route_which {
	NET_ROUTES_DEFAULT,
	NET_ROUTES_OURS, /* to pods of this node */
	NET_ROUTES_NODES, /* to other nodes */
};

/* Routes of both families, IPv4 first; the array is the caller's. */
int net_routes(struct net_route **ret, size_t *count, struct net *net,
	       enum net_route_which which);
