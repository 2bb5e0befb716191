/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The parser: frame to struct flow, in two stages. This is the first, addresses; the second is
 * in parse_l4.h. Between them the caller checks the source address, so that a forged fragment
 * leaves no trace in map `frag`.
 */
#pragma once

#include "lib/ctx.h"
#include "lib/flow.h"

/* Of a fragment that begins @offset * 8 bytes after the first. */
static __always_inline __u8 fragment_flags(__u16 offset)
{
	if (!offset)
		return FLOW_FRAGMENT_FIRST;
	return offset == 1 ? FLOW_FRAGMENT_LATER | FLOW_FRAGMENT_SECOND : FLOW_FRAGMENT_LATER;
}

/* In 127.0.0.0/8. */
static __always_inline _Bool is_loopback4(__be32 addr)
{
	return (addr & bpf_htonl(0xff000000)) == bpf_htonl(0x7f000000);
}

static __always_inline enum drop_reason parse_ip4(struct flow *flow, ctx_t *ctx)
{
	const struct iphdr *ip = ctx_header(ctx, ETH_HLEN, sizeof(*ip));
	__u32 header, length;

	if (!ip)
		return DROP_SHORT_HEADER;
	header = ip->ihl * 4;
	length = bpf_ntohs(ip->tot_len);
	/* A segmented packet over 64 KiB ("BIG TCP") says 0. */
	if (!length && ctx_segment(ctx))
		length = ctx_length(ctx) - ETH_HLEN;
	if (ip->version != 4 || header < sizeof(*ip) || length < header)
		return DROP_BAD_HEADER;
	if (ETH_HLEN + length > ctx_length(ctx))
		return DROP_SHORT_HEADER;
	/*
	 * No link but loopback carries these (RFC 1122, 3.2.1.3 (g)). The kernel does not refuse
	 * them where host ports are served at 127.0.0.1: route_localnet.
	 */
	if (is_loopback4(ip->saddr) || is_loopback4(ip->daddr))
		return DROP_POD_FROM_WIRE;

	ip_addr_set_v4(&flow->src, ip->saddr);
	ip_addr_set_v4(&flow->dst, ip->daddr);
	flow->family = FLOW_IP4;
	flow->proto = ip->protocol;
	flow->hops = ip->ttl;
	flow->length = length;
	flow->l4 = ETH_HLEN + header;
	if (ip->frag_off & bpf_htons(IP_FRAG_OFFSET | IP_FRAG_MORE)) {
		flow->fragment_id = ip->id;
		flow->flags |= fragment_flags(bpf_ntohs(ip->frag_off) & IP_FRAG_OFFSET);
	}
	return DROP_NONE;
}

static __always_inline enum drop_reason parse_ip6(struct flow *flow, ctx_t *ctx)
{
	const struct ipv6hdr *ip = ctx_header(ctx, ETH_HLEN, sizeof(*ip));
	__u32 length;

	if (!ip)
		return DROP_SHORT_HEADER;
	length = sizeof(*ip) + bpf_ntohs(ip->payload_len);
	if (length == sizeof(*ip) && ctx_segment(ctx))
		length = ctx_length(ctx) - ETH_HLEN;
	if (ip->version != 6)
		return DROP_BAD_HEADER;
	if (ETH_HLEN + length > ctx_length(ctx))
		return DROP_SHORT_HEADER;

	__builtin_memcpy(&flow->src, &ip->saddr, sizeof(flow->src));
	__builtin_memcpy(&flow->dst, &ip->daddr, sizeof(flow->dst));
	/* IPv4 in disguise must not meet IPv4 entries of any table (RFC 4942, 2.2). */
	if (ip_addr_is_v4(&flow->src) || ip_addr_is_v4(&flow->dst))
		return DROP_BAD_HEADER;
	flow->family = FLOW_IP6;
	flow->proto = ip->nexthdr;
	flow->hops = ip->hop_limit;
	flow->length = length;
	flow->l4 = ETH_HLEN + sizeof(*ip);
	return DROP_NONE;
}

/* Stage: addresses. Anything but IP has family FLOW_ARP or FLOW_OTHER and goes on. */
static __always_inline enum drop_reason parse_l3(struct flow *flow, ctx_t *ctx)
{
	const struct ethhdr *eth = ctx_header(ctx, 0, sizeof(*eth));

	if (!eth)
		return DROP_SHORT_HEADER;
	if (ctx_is_tagged(ctx))
		return DROP_NONE;
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		return parse_ip4(flow, ctx);
	if (eth->h_proto == bpf_htons(ETH_P_IPV6))
		return parse_ip6(flow, ctx);
	if (eth->h_proto == bpf_htons(ETH_P_ARP))
		flow->family = FLOW_ARP;
	return DROP_NONE;
}
