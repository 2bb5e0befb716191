/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Departure: what goes on to another node or to the outside under an address of this node
 * is sent out of the right interface here, because the stack takes no such packet from an
 * interface. What a router does is done here as well: it counts hops, and refuses what is
 * too long for the way (reject.h tells the sender).
 */
#pragma once

#include "lib/deliver.h"

/* The next hop may have an address of the other family. */
static __always_inline void hop_of(struct bpf_redir_neigh *ret, const struct bpf_fib_lookup *route)
{
	ret->nh_family = route->family;
	if (route->family == FAMILY_IP4)
		ret->ipv4_nh = route->ipv4_dst;
	else
		__builtin_memcpy(ret->ipv6_nh, route->ipv6_dst, sizeof(ret->ipv6_nh));
}

int depart(struct __sk_buff *skb, struct flow *flow);

/* Stage: the action with which the packet leaves, or -reason. */
SUBPROGRAM int depart(struct __sk_buff *skb, struct flow *flow)
{
	struct bpf_fib_lookup route = {};
	struct bpf_redir_neigh hop = {};
	enum drop_reason why;

	if (!flow)
		return -DROP_INTERNAL;
	why = route_find(&route, skb, flow);
	why = why ?: translate(skb, flow);
	why = why ?: hops_decrease(skb, flow);
	if (why)
		return -(int)why;
	hop_of(&hop, &route);
	return (int)bpf_redirect_neigh(route.ifindex, &hop, sizeof(hop), 0);
}
