/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ICMP errors belong to the connection of the packet that they quote. They pass
 * when that connection is known and they travel towards the quoted sender.
 */
#pragma once

#include "lib/conntrack.h"
#include "lib/parse.h"

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

/* Who may say this: towards the quoted sender; and a pod only about packets that it got. */
static __always_inline _Bool quote_fits(const struct flow *quote, const struct flow *flow)
{
	if (!ip_addr_equal(&quote->src, &flow->dst))
		return 0;
	return !flow->from_ifindex || ip_addr_equal(&quote->dst, &flow->src);
}

int track_related(struct __sk_buff *skb, struct flow *flow);

SUBPROGRAM int track_related(struct __sk_buff *skb, struct flow *flow)
{
	struct ct_entry *entry;
	enum drop_reason why;
	struct flow quote;
	struct ct_key key;

	if (!flow)
		return DROP_INTERNAL;
	why = quote_parse_l3(&quote, flow, skb);
	why = why ?: quote_parse_l4(&quote, skb);
	if (why || !quote_fits(&quote, flow))
		return DROP_ICMP_UNRELATED;

	ct_key_pack(&key, &quote);
	entry = ct_find(&key, flow->now).entry;
	if (!entry)
		entry = ct_find_new(&key, flow->now).entry;
	/* A verdict of another generation may be void: the flow's next packet renews it. */
	if (!entry || entry->generation != flow->generation)
		return DROP_ICMP_UNRELATED;
	flow->to_ifindex = entry->ifindex[key.sender & 1];
	/* Towards the quoted sender: if that one opened the connection, this is an answer. */
	if (entry->opener == key.sender)
		flow->flags |= FLOW_ANSWER;
	return DROP_NONE;
}
