/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a router asks and does: is there a way, is the packet short enough for it, and one
 * hop less.
 */
#pragma once

#include "lib/ctx.h"
#include "lib/flow.h"

/* Address families as the kernel numbers them, on every architecture. */
#define FAMILY_IP4 2
#define FAMILY_IP6 10

/* Bytes of transport header that each segment will repeat. */
static __always_inline __u32 segment_header(ctx_t *ctx, const struct flow *flow)
{
	const __u8 *tcp;

	if (flow->proto != IPPROTO_TCP)
		return 8;
	tcp = ctx_header(ctx, flow->l4, 20);
	return tcp ? (tcp[12] >> 4) * 4 : 60;
}

/* Bytes of the longest packet that goes out: of a segmented one each segment counts. */
static __always_inline __u32 packet_length(ctx_t *ctx, const struct flow *flow)
{
	if (!ctx_segment(ctx))
		return flow->length;
	return flow->l4 - ETH_HLEN + segment_header(ctx, flow) + ctx_segment(ctx);
}

static __always_inline void route_ask(struct bpf_fib_lookup *ret, ctx_t *ctx,
				      const struct flow *flow)
{
	__u32 length = packet_length(ctx, flow);

	ret->l4_protocol = flow->proto;
	ret->sport = flow->sport;
	ret->dport = flow->dport;
	ret->tot_len = length > 65535 ? 65535 : (__u16)length;
	ret->ifindex = ctx_ifindex(ctx);
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

/* RFC 1624 for one hop less: the TTL is the high byte of its word. */
static __always_inline void ttl_decrease(struct iphdr *ip)
{
	__u32 check = ip->check + bpf_htons(0x0100);

	ip->check = (__u16)(check + (check >= 0xffff));
	ip->ttl--;
}

/* Stage before the packet is changed: may a router send it on? */
static __always_inline enum drop_reason route_find(struct bpf_fib_lookup *route, ctx_t *ctx,
						   struct flow *flow)
{
	long r;

	/* Options of IPv4 are the stack's business, and it takes no such packet. */
	if (flow->family == FLOW_IP4 && flow->l4 != ETH_HLEN + sizeof(struct iphdr))
		return DROP_NO_ROUTE;
	if (flow->hops <= 1)
		return DROP_HOPS;
	route_ask(route, ctx, flow);
	r = bpf_fib_lookup(ctx, route, sizeof(*route), 0);
	if (r == BPF_FIB_LKUP_RET_FRAG_NEEDED) {
		flow->mtu = route->mtu_result;
		return DROP_TOO_LONG;
	}
	/* Who the neighbour is can be found out. */
	return r == BPF_FIB_LKUP_RET_SUCCESS || r == BPF_FIB_LKUP_RET_NO_NEIGH ? DROP_NONE :
										 DROP_NO_ROUTE;
}

static __always_inline enum drop_reason hops_decrease(ctx_t *ctx, const struct flow *flow)
{
	void *ip = ctx_header(ctx, ETH_HLEN, sizeof(struct iphdr));

	if (!ip)
		return DROP_SHORT_HEADER;
	if (flow->family == FLOW_IP4)
		ttl_decrease(ip);
	else
		((struct ipv6hdr *)ip)->hop_limit--;
	return DROP_NONE;
}
