/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Translation: the packet gets the addresses and ports that its flow has, with all
 * checksums. What differs is found out from the packet itself.
 */
#pragma once

#include "lib/crc32c.h"
#include "lib/csum.h"
#include "lib/ctx.h"
#include "lib/flow.h"

#define ICMP_CHECKSUM 2
#define ICMP_ID 4
#define UDP_CHECKSUM 6
#define SCTP_CHECKSUM 8
#define TCP_CHECKSUM 16

/* The new addresses, and what they change the sum of their words by. */
static __always_inline enum drop_reason addresses_write(__u64 *sum, ctx_t *ctx,
							const struct flow *flow)
{
	struct ipv6hdr *ip6;
	struct iphdr *ip4;

	if (flow->family == FLOW_IP4) {
		ip4 = ctx_header(ctx, ETH_HLEN, sizeof(*ip4));
		if (!ip4)
			return DROP_SHORT_HEADER;
		*sum = (__u64)(__u32)~ip4->saddr + (__u32)~ip4->daddr + flow->src.words[3] +
		       flow->dst.words[3];
		ip4->check = csum_fold((__u16)~ip4->check + *sum);
		ip4->saddr = flow->src.words[3];
		ip4->daddr = flow->dst.words[3];
		return DROP_NONE;
	}
	ip6 = ctx_header(ctx, ETH_HLEN, sizeof(*ip6));
	if (!ip6)
		return DROP_SHORT_HEADER;
	*sum = csum_subtract(0, &ip6->saddr, 2 * sizeof(struct ip_addr));
	*sum = csum_add(*sum, &flow->src, sizeof(struct ip_addr));
	*sum = csum_add(*sum, &flow->dst, sizeof(struct ip_addr));
	__builtin_memcpy(&ip6->saddr, &flow->src, sizeof(struct ip_addr));
	__builtin_memcpy(&ip6->daddr, &flow->dst, sizeof(struct ip_addr));
	return DROP_NONE;
}

/*
 * The checksum of TCP or UDP at @at. Of IPv6 the kernel has to be told, because there no
 * checksum of the header makes up for the addresses (since 6.16; before it did not ask).
 */
static __always_inline long checksum_follow(ctx_t *ctx, const struct flow *flow, __u32 at,
					    __u32 sum)
{
	__u64 flags = BPF_F_PSEUDO_HDR | (flow->proto == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0);
	long r = -1;

	if (flow->family == FLOW_IP6)
		r = ctx_csum(ctx, at, 0, sum, flags | WEIR_CSUM_IPV6);
	return r ? ctx_csum(ctx, at, 0, sum, flags) : 0;
}

/* A checksum of 0 is not there yet: the device will fill it in. */
static __always_inline enum drop_reason sctp_ports_write(ctx_t *ctx, const struct flow *flow)
{
	__u32 *sctp = ctx_header(ctx, flow->l4, 12), checksum, word;

	if (!sctp)
		return DROP_SHORT_HEADER;
	word = sctp[0] ^ flow->ports;
	checksum = sctp[2];
	if (!word)
		return DROP_NONE;
	if (checksum && flow->flags & FLOW_FRAGMENT_FIRST)
		return DROP_SERVICE_CHECKSUM;
	if (checksum)
		checksum ^= crc32c_word(crc32c_difference(
			crc32c_word(word), ETH_HLEN + flow->length - flow->l4));
	sctp[0] = flow->ports;
	sctp[2] = checksum;
	return DROP_NONE;
}

static __always_inline enum drop_reason ports_write(ctx_t *ctx, const struct flow *flow, __u32 at)
{
	__u64 flags = sizeof(__u32) | (flow->proto == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0);
	__u32 *ports = ctx_header(ctx, flow->l4, sizeof(*ports)), before;

	if (!ports)
		return DROP_SHORT_HEADER;
	before = *ports;
	if (before == flow->ports)
		return DROP_NONE;
	*ports = flow->ports;
	return ctx_csum(ctx, at, before, flow->ports, flags) ? DROP_INTERNAL : DROP_NONE;
}

/* Of an echo the identifier is what ports are to others. @sum: what the addresses change. */
static __always_inline enum drop_reason echo_write(ctx_t *ctx, const struct flow *flow, __u32 sum)
{
	__u32 at = ctx_bound(flow->l4) + ICMP_CHECKSUM;
	__be16 *id, before;

	/* The sum of ICMPv6 has the addresses in it. */
	if (flow->family == FLOW_IP6 && checksum_follow(ctx, flow, at, sum))
		return DROP_INTERNAL;
	id = ctx_header(ctx, flow->l4 + ICMP_ID, sizeof(*id));
	if (!id)
		return DROP_SHORT_HEADER;
	before = *id;
	*id = flow->sport;
	return ctx_csum(ctx, at, before, flow->sport, sizeof(before)) ? DROP_INTERNAL : DROP_NONE;
}

/* The packet becomes what @flow says. A later fragment has addresses only. */
int packet_translate(ctx_t *ctx, struct flow *flow);

SUBPROGRAM int packet_translate(ctx_t *ctx, struct flow *flow)
{
	enum drop_reason why;
	__u64 sum = 0;
	__u32 at;

	if (!flow)
		return DROP_INTERNAL;
	why = addresses_write(&sum, ctx, flow);
	if (why || flow->flags & FLOW_FRAGMENT_LATER)
		return why;
	if (flow->proto == IPPROTO_SCTP)
		return sctp_ports_write(ctx, flow);
	if (flow_is_icmp(flow))
		return echo_write(ctx, flow, csum_fold32(sum));
	if (flow->proto != IPPROTO_TCP && flow->proto != IPPROTO_UDP)
		return DROP_NONE;
	at = ctx_bound(flow->l4) + (flow->proto == IPPROTO_TCP ? TCP_CHECKSUM : UDP_CHECKSUM);
	if (checksum_follow(ctx, flow, at, csum_fold32(sum)))
		return DROP_INTERNAL;
	return ports_write(ctx, flow, at);
}

/* Stage: nearly no packet is translated. */
static __always_inline enum drop_reason translate(ctx_t *ctx, struct flow *flow)
{
	return flow->flags & FLOW_TRANSLATED ? packet_translate(ctx, flow) : DROP_NONE;
}
