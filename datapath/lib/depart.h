/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Departure: what goes on to another node or to the outside under an address of this node
 * is sent out of the right interface here, because the stack takes no such packet from an
 * interface. What a router does is done here as well: it counts hops, and refuses what is
 * too long for the way (reject.h tells the sender).
 */
#pragma once

#include "lib/deliver.h"

int depart(struct __sk_buff *skb, struct flow *flow);

/* Stage: the action with which the packet leaves, or -reason. */
SUBPROGRAM int depart(struct __sk_buff *skb, struct flow *flow)
{
	struct bpf_fib_lookup route = {};
	enum drop_reason why;

	if (!flow)
		return -DROP_INTERNAL;
	why = route_find(&route, skb, flow);
	why = why ?: translate(skb, flow);
	why = why ?: hops_decrease(skb, flow, 1);
	if (why)
		return -(int)why;
	return ctx_leave(skb, &route);
}
