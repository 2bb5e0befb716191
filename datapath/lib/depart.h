/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Departure: what goes on to another node or to the outside under an address of this node
 * is sent out of the right interface here, because the stack takes no such packet from an
 * interface. What a router does is done here as well: it counts hops, and refuses what is
 * too long for the way (reject.h tells the sender).
 */
#pragma once

#include "lib/deliver.h"

/* Address families as the kernel numbers them, on every architecture. */
#define FAMILY_IP4 2
#define FAMILY_IP6 10

/* Bytes of the longest packet that goes out: of a segmented one each segment counts. */
static __always_inline __u32 packet_length(struct __sk_buff *skb, const struct flow *flow)
{
	if (!skb->gso_size)
		return flow->length;
	return flow->l4 - ETH_HLEN + segment_header(skb, flow) + skb->gso_size;
}

static __always_inline void route_ask(struct bpf_fib_lookup *ret, struct __sk_buff *skb,
				      const struct flow *flow)
{
	__u32 length = packet_length(skb, flow);

	ret->l4_protocol = flow->proto;
	ret->sport = flow->sport;
	ret->dport = flow->dport;
	ret->tot_len = length > 65535 ? 65535 : (__u16)length;
	ret->ifindex = skb->ifindex;
	if (flow->family == FLOW_IP4) {
		ret->family = FAMILY_IP4;
		ret->ipv4_src = flow->src.words[3];
		ret->ipv4_dst = flow->dst.words[3];
		return;
	}
	ret->family = FAMILY_IP6;
	__builtin_memcpy(ret->ipv6_src, &flow->src, sizeof(flow->src));
	__builtin_memcpy(ret->ipv6_dst, &flow->dst, sizeof(flow->dst));
}

/* The next hop may have an address of the other family. */
static __always_inline void hop_of(struct bpf_redir_neigh *ret, const struct bpf_fib_lookup *route)
{
	ret->nh_family = route->family;
	if (route->family == FAMILY_IP4)
		ret->ipv4_nh = route->ipv4_dst;
	else
		__builtin_memcpy(ret->ipv6_nh, route->ipv6_dst, sizeof(ret->ipv6_nh));
}

/* Stage before the packet is changed: may a router send it on? */
static __always_inline enum drop_reason route_find(struct bpf_fib_lookup *route,
						   struct __sk_buff *skb, struct flow *flow)
{
	long r;

	/* Options of IPv4 are the stack's business, and it takes no such packet. */
	if (flow->family == FLOW_IP4 && flow->l4 != ETH_HLEN + sizeof(struct iphdr))
		return DROP_NO_ROUTE;
	if (flow->hops <= 1)
		return DROP_HOPS;
	route_ask(route, skb, flow);
	r = bpf_fib_lookup(skb, route, sizeof(*route), 0);
	if (r == BPF_FIB_LKUP_RET_FRAG_NEEDED) {
		flow->mtu = route->mtu_result;
		return DROP_TOO_LONG;
	}
	/* Who the neighbour is can be found out. */
	return r == BPF_FIB_LKUP_RET_SUCCESS || r == BPF_FIB_LKUP_RET_NO_NEIGH ? DROP_NONE :
										 DROP_NO_ROUTE;
}

static __always_inline enum drop_reason hops_decrease(struct __sk_buff *skb, const struct flow *flow)
{
	void *ip = ctx_header(skb, ETH_HLEN, sizeof(struct iphdr));

	if (!ip)
		return DROP_SHORT_HEADER;
	if (flow->family == FLOW_IP4)
		ttl_decrease(ip);
	else
		((struct ipv6hdr *)ip)->hop_limit--;
	return DROP_NONE;
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
