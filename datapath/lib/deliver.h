/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Delivery: straight into the receiving pod's namespace when it is on this node.
 * What needs an answer of a router (TTL, size) and what goes elsewhere is left to
 * the kernel's stack, which routes it; such a packet comes back at to_pod.
 */
#pragma once

#include <linux/pkt_cls.h>

#include "lib/ctx_skb.h"
#include "lib/peer.h"
#include "lib/route.h"
#include "lib/translate.h"
#include "weir/mark.h"

/* Longer than the receiver takes: for a segmented packet each segment counts. */
static __always_inline _Bool is_too_long(struct __sk_buff *skb, const struct flow *flow,
					 const struct endpoint *to)
{
	if (flow->length <= to->mtu)
		return 0;
	if (!skb->gso_size)
		return 1;
	return flow->l4 - ETH_HLEN + segment_header(skb, flow) + skb->gso_size > to->mtu;
}

/*
 * What only a router can do: answer, take the packet apart, or care for the options of
 * IPv4 (source routes, above all, which the stack refuses).
 */
static __always_inline _Bool needs_router(struct __sk_buff *skb, const struct flow *flow,
					  const struct endpoint *to)
{
	if (flow->family == FLOW_IP4 && flow->l4 != ETH_HLEN + sizeof(struct iphdr))
		return 1;
	return flow->hops <= 1 || is_too_long(skb, flow, to);
}

static __always_inline const struct endpoint *receiver_find(const struct flow *flow)
{
	const struct endpoint *ep;

	if (!flow->to_ifindex)
		return NULL;
	ep = peer_endpoint(flow->to_ifindex, &flow->dst);
	if (ep)
		return ep;
	/* The pod was plugged in anew since the connection's entry was written. */
	return peer_endpoint(peer_local_ifindex(peer_find(&flow->dst)), &flow->dst);
}

/* Both addresses in words: they lie side by side, there and here. */
static __always_inline void macs_write(struct ethhdr *eth, const struct endpoint *to)
{
	_Static_assert(offsetof(struct endpoint, mac) % 4 == 0, "read in words");
	_Static_assert(offsetof(struct endpoint, host_mac) == offsetof(struct endpoint, mac) + 6,
		       "as in the frame");
	const __u32 *from = (const __u32 *)to->mac;
	__u32 *at = (__u32 *)eth;

	at[0] = from[0];
	at[1] = from[1];
	at[2] = from[2];
}

/* One hop less, and the frame is from the gateway to the pod. */
static __always_inline enum drop_reason
frame_rewrite(struct __sk_buff *skb, const struct flow *flow, const struct endpoint *to)
{
	struct ethhdr *eth = ctx_header(skb, 0, sizeof(*eth) + sizeof(struct iphdr));

	if (!eth)
		return DROP_SHORT_HEADER;
	if (flow->family == FLOW_IP4)
		ttl_decrease((struct iphdr *)(eth + 1), 1);
	else
		hop_limit_decrease(skb, (struct ipv6hdr *)(eth + 1), 1);
	macs_write(eth, to);
	return DROP_NONE;
}

/*
 * The endpoint that gets the packet at once, NULL: the stack gets it. An answer that a
 * router has to care for is translated where it arrives: the router's errors about it are
 * for the backend, who knows of no translation.
 */
static __always_inline enum drop_reason receiver_choose(const struct endpoint **ret,
							struct __sk_buff *skb, struct flow *flow)
{
	const struct endpoint *to = receiver_find(flow);

	*ret = NULL;
	if (to && !endpoint_is_ready(to))
		return DROP_NOT_READY;
	if (to && !needs_router(skb, flow, to)) {
		*ret = to;
		return DROP_NONE;
	}
	if (!(flow->flags & FLOW_ANSWER)) {
		if (flow->flags & FLOW_MASQUERADED)
			skb->mark |= WEIR_MARK_MASQUERADE | WEIR_MARK_ANSWER;
		return DROP_NONE;
	}
	/* To a masqueraded connection: see masquerade_to_stack(). */
	if (flow->flags & FLOW_MASQUERADED) {
		flow->flags &= ~FLOW_TRANSLATED;
		return to ? DROP_NONE : DROP_NO_ENDPOINT;
	}
	if (!to)
		skb->mark |= WEIR_MARK_ANSWER;
	/*
	 * From a pod the stack takes nothing with an address of the node: for a client outside
	 * it is translated where it leaves (to_wire).
	 */
	if (to || (flow->from_ifindex && !flow->to_ifindex))
		flow->flags &= ~FLOW_TRANSLATED;
	/* The client was a pod of this node. */
	return flow->flags & FLOW_TRANSLATED ? DROP_NO_ENDPOINT : DROP_NONE;
}

/* Stage: sets @action, what the kernel shall do with the packet. */
static __always_inline enum drop_reason deliver(int *action, struct __sk_buff *skb,
						struct flow *flow)
{
	const struct endpoint *to;
	enum drop_reason why;

	*action = TC_ACT_OK;
	if (flow->way == WAY_BACK) {
		*action = (int)bpf_redirect(skb->ifindex, 0);
		return DROP_NONE;
	}
	if (flow->way == WAY_STACK)
		return DROP_NONE;
	why = receiver_choose(&to, skb, flow);
	why = why ?: translate(skb, flow);
	if (why || !to)
		return why;

	why = frame_rewrite(skb, flow, to);
	if (why)
		return why;
	if (skb->pkt_type != PKT_TYPE_HOST && bpf_skb_change_type(skb, PKT_TYPE_HOST))
		return DROP_INTERNAL;
	*action = (int)bpf_redirect_peer(to->ifindex, 0);
	return DROP_NONE;
}
