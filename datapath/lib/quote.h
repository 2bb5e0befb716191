/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The packet that an ICMP error quotes: read, and translated with the error around it.
 */
#pragma once

#include "lib/ct_nat.h"
#include "lib/ctx_skb.h"
#include "lib/parse_l4.h"
#include "lib/translate.h"

/* Addresses and offset of the quoted packet: the headers as far as RFC 792 promises them. */
static __always_inline enum drop_reason quote_parse_l3(struct flow *quote, const struct flow *flow,
						       struct __sk_buff *skb)
{
	__u32 offset = flow->l4 + 8;
	const struct ipv6hdr *ip6;
	const struct iphdr *ip4;

	quote->family = flow->family;
	if (flow->family == FLOW_IP4) {
		ip4 = ctx_header(skb, offset, sizeof(*ip4));
		if (!ip4 || ip4->version != 4 || ip4->ihl < 5)
			return DROP_ICMP_UNRELATED;
		/* Without its first fragment's ports a quote names no connection. */
		if (ip4->frag_off & bpf_htons(IP_FRAG_OFFSET))
			return DROP_ICMP_UNRELATED;
		ip_addr_set_v4(&quote->src, ip4->saddr);
		ip_addr_set_v4(&quote->dst, ip4->daddr);
		quote->proto = ip4->protocol;
		quote->l4 = offset + ip4->ihl * 4;
		return DROP_NONE;
	}
	ip6 = ctx_header(skb, offset, sizeof(*ip6));
	if (!ip6 || ip6->version != 6)
		return DROP_ICMP_UNRELATED;
	__builtin_memcpy(&quote->src, &ip6->saddr, sizeof(quote->src));
	__builtin_memcpy(&quote->dst, &ip6->daddr, sizeof(quote->dst));
	quote->proto = ip6->nexthdr;
	quote->l4 = offset + sizeof(*ip6);
	return DROP_NONE;
}

static __always_inline enum drop_reason quote_parse_l4(struct flow *quote, struct __sk_buff *skb)
{
	const struct ip6_extension *ext;
	const __be16 *ports;

	if (quote->family == FLOW_IP6 && quote->proto == IPPROTO_FRAGMENT) {
		ext = ctx_header(skb, quote->l4, sizeof(*ext));
		if (!ext || *(const __be16 *)&ext->routing_type & bpf_htons(IP6_FRAG_OFFSET))
			return DROP_ICMP_UNRELATED;
		quote->proto = ext->next;
		quote->l4 += sizeof(*ext);
	}
	quote->sport = 0;
	quote->dport = 0;
	if (quote->proto != IPPROTO_TCP && quote->proto != IPPROTO_UDP &&
	    quote->proto != IPPROTO_SCTP && !flow_is_icmp(quote))
		return DROP_NONE;
	ports = ctx_header(skb, quote->l4, 8);
	if (!ports)
		return DROP_ICMP_UNRELATED;
	quote->sport = flow_is_icmp(quote) ? ports[2] : ports[0];
	quote->dport = flow_is_icmp(quote) ? ports[2] : ports[1];
	return DROP_NONE;
}

/* Where the quoted transport keeps its checksum, if that much of it is quoted; 0: nowhere. */
static __always_inline __u32 quote_checksum(const struct flow *quote, const struct flow *flow)
{
	__u32 at = quote->l4;

	if (quote->proto == IPPROTO_TCP)
		at += TCP_CHECKSUM;
	else if (quote->proto == IPPROTO_UDP)
		at += UDP_CHECKSUM;
	else if (flow_is_icmp(quote))
		at += ICMP_CHECKSUM;
	else
		return 0;
	return at + 2 <= ETH_HLEN + flow->length ? at : 0;
}

/* What a field's new value changes a sum by. */
static __always_inline __u64 sum_change(__u32 before, __u32 now)
{
	return (__u64)(__u32)~before + now;
}

static __always_inline __u64 sum_change16(__u16 before, __u16 now)
{
	return (__u64)(__u16)~before + now;
}

/* Both addresses at @at, and what that changes their sum by. */
static __always_inline __u64 pair_write(void *at, const struct ip_addr *src,
					const struct ip_addr *dst, _Bool v4)
{
	__u32 *words = at;
	__u64 sum;

	if (v4) {
		sum = sum_change(words[0], src->words[3]) + sum_change(words[1], dst->words[3]);
		words[0] = src->words[3];
		words[1] = dst->words[3];
		return sum;
	}
	sum = csum_subtract(0, at, 2 * sizeof(*src));
	sum = csum_add(csum_add(sum, src, sizeof(*src)), dst, sizeof(*dst));
	__builtin_memcpy(at, src, sizeof(*src));
	__builtin_memcpy((char *)at + sizeof(*src), dst, sizeof(*dst));
	return sum;
}

/*
 * The header at @offset gets the addresses. @addresses and @all: what their sum and its
 * own change by.
 */
static __always_inline enum drop_reason head_write(__u64 *addresses, __u64 *all,
						   struct __sk_buff *skb, __u32 offset,
						   const struct ip_addr *src,
						   const struct ip_addr *dst)
{
	struct ipv6hdr *ip6;
	struct iphdr *ip4;
	__u16 before;

	if (ip_addr_is_v4(src)) {
		ip4 = ctx_header(skb, offset, sizeof(*ip4));
		if (!ip4)
			return DROP_SHORT_HEADER;
		before = ip4->check;
		*addresses = pair_write(&ip4->saddr, src, dst, 1);
		ip4->check = csum_fold((__u16)~before + *addresses);
		*all = *addresses + sum_change16(before, ip4->check);
		return DROP_NONE;
	}
	ip6 = ctx_header(skb, offset, sizeof(*ip6));
	if (!ip6)
		return DROP_SHORT_HEADER;
	*addresses = *all = pair_write(&ip6->saddr, src, dst, 0);
	return DROP_NONE;
}

/* The quoted ports, or the identifier of an echo. @change: what their sum changes by. */
static __always_inline enum drop_reason quote_write_ports(__u64 *change, struct __sk_buff *skb,
							  const struct flow *quote,
							  const struct ct6_nat *to)
{
	__u32 *ports, now = words_ports(to->sport, to->dport);
	__be16 *id;

	if (flow_is_icmp(quote)) {
		id = ctx_header(skb, quote->l4 + ICMP_ID, sizeof(*id));
		if (!id)
			return DROP_SHORT_HEADER;
		*change = sum_change16(*id, to->sport);
		*id = to->sport;
		return DROP_NONE;
	}
	ports = ctx_header(skb, quote->l4, sizeof(*ports));
	if (!ports)
		return DROP_SHORT_HEADER;
	*change = sum_change(*ports, now);
	*ports = now;
	return DROP_NONE;
}

/* The quoted ports and checksum. Adds to @all what they change the error's sum by. */
static __always_inline enum drop_reason quote_write_l4(__u64 *all, struct __sk_buff *skb,
						       const struct flow *quote, __u32 checksum_at,
						       __u64 addresses, const struct ct6_nat *to)
{
	__u16 *check, before, now;
	enum drop_reason why;
	__u64 change;

	why = quote_write_ports(&change, skb, quote, to);
	if (why)
		return why;
	*all += change;
	if (!checksum_at)
		return DROP_NONE;
	check = ctx_header(skb, checksum_at, sizeof(*check));
	if (!check)
		return DROP_SHORT_HEADER;
	before = *check;
	/* UDP without a checksum stays without one. */
	if (!before && quote->proto == IPPROTO_UDP)
		return DROP_NONE;
	/* Of ICMP alone the sum has no addresses in it. */
	if (quote->proto == IPPROTO_ICMP)
		addresses = 0;
	now = csum_fold((__u16)~before + addresses + change);
	*check = now;
	*all += sum_change16(before, now);
	return DROP_NONE;
}

static __always_inline enum drop_reason icmp_follow(struct __sk_buff *skb, const struct flow *flow,
						    __u64 sum)
{
	__u16 *check = ctx_header(skb, flow->l4 + 2, sizeof(*check));

	if (!check)
		return DROP_SHORT_HEADER;
	*check = csum_fold((__u16)~*check + (__u64)csum_fold32(sum));
	return DROP_NONE;
}

int quote_translate(struct __sk_buff *skb, struct flow *flow, const struct flow *quote,
		    const struct ct6_nat *to);

/*
 * The error of @flow quotes @quote, which shall be @to. It goes to whom that says to have
 * sent it, and comes from whom it was sent to, if that one says so itself: a router on
 * the way stays who it is.
 */
SUBPROGRAM int quote_translate(struct __sk_buff *skb, struct flow *flow, const struct flow *quote,
			       const struct ct6_nat *to)
{
	__u64 addresses, outer, sum, head;
	enum drop_reason why;

	if (!flow || !quote || !to)
		return DROP_INTERNAL;
	why = head_write(&addresses, &sum, skb, flow->l4 + 8, &to->src, &to->dst);
	why = why ?: quote_write_l4(&sum, skb, quote, quote_checksum(quote, flow), addresses, to);
	if (why)
		return why;
	if (ip_addr_equal(&flow->src, &quote->dst))
		flow->src = to->dst;
	flow->dst = to->src;
	why = head_write(&outer, &head, skb, ETH_HLEN, &flow->src, &flow->dst);
	if (why)
		return why;
	/* The sum of ICMPv6 has the addresses in it. */
	if (flow->family == FLOW_IP6)
		sum += outer;
	return icmp_follow(skb, flow, sum);
}
