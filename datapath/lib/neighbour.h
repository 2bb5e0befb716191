/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Neighbours: what a pod may say about addresses on its link, and the answers to
 * its questions for the gateway, which are made here in place of the question.
 */
#pragma once

#include "lib/csum.h"
#include "lib/ctx_skb.h"
#include "lib/hold.h"
#include "lib/endpoint.h"

#define ARP_REQUEST bpf_htons(1)
#define ARP_REPLY bpf_htons(2)

struct arp_ip4 {
	__be16 hardware;
	__be16 protocol;
	__u8 hardware_len;
	__u8 protocol_len;
	__be16 operation;
	__u8 sender_mac[6];
	__u8 sender_ip[4];
	__u8 target_mac[6];
	__u8 target_ip[4];
} __attribute__((packed));
ABI_SIZE(struct arp_ip4, 28);

/* Frame of a neighbour advertisement with its one option. */
struct nd_advert {
	__u8 dst_mac[6];
	__u8 src_mac[6];
	__be16 h_proto;
	__be32 version;
	__be16 payload_len;
	__u8 next_header;
	__u8 hop_limit;
	struct ip_addr src;
	struct ip_addr dst;
	__u8 type;
	__u8 code;
	__u16 check;
	__be32 flags;
	struct ip_addr target;
	__u8 option;
	__u8 option_len; /* in 8 bytes */
	__u8 mac[6];
} __attribute__((packed));
ABI_SIZE(struct nd_advert, 86);

#define ND_ADVERT_FLAGS bpf_htonl(0xe0000000) /* router, solicited, override */
#define ND_ICMP_LEN 32

static __always_inline _Bool mac_equal(const __u8 *a, const __u8 *b)
{
	return *(const __u16 *)a == *(const __u16 *)b &&
	       *(const __u16 *)(a + 2) == *(const __u16 *)(b + 2) &&
	       *(const __u16 *)(a + 4) == *(const __u16 *)(b + 4);
}

static __always_inline __be32 arp_ip(const __u8 *ip)
{
	__be32 addr;

	__builtin_memcpy(&addr, ip, sizeof(addr));
	return addr;
}

/* Answer a request for the gateway: the question turns round. */
static __always_inline void arp_answer(struct ethhdr *eth, struct arp_ip4 *arp,
				       const struct endpoint *ep)
{
	__be32 asker = arp_ip(arp->sender_ip), gateway = arp_ip(arp->target_ip);

	__builtin_memcpy(eth->h_dest, ep->mac, 6);
	__builtin_memcpy(eth->h_source, ep->host_mac, 6);
	arp->operation = ARP_REPLY;
	__builtin_memcpy(arp->target_mac, ep->mac, 6);
	__builtin_memcpy(arp->target_ip, &asker, 4);
	__builtin_memcpy(arp->sender_mac, ep->host_mac, 6);
	__builtin_memcpy(arp->sender_ip, &gateway, 4);
}

/* ARP of a pod. */
int arp_guard(struct __sk_buff *skb, struct flow *flow);

SUBPROGRAM int arp_guard(struct __sk_buff *skb, struct flow *flow)
{
	const struct endpoint *ep = endpoint_find(skb->ifindex);
	struct arp_ip4 *arp;
	struct ethhdr *eth;
	__be32 sender;

	eth = ctx_header(skb, 0, sizeof(*eth) + sizeof(*arp));
	if (!flow || !ep)
		return DROP_INTERNAL;
	if (!eth)
		return DROP_SHORT_HEADER;
	arp = (struct arp_ip4 *)(eth + 1);
	if (arp->hardware != bpf_htons(1) || arp->protocol != bpf_htons(ETH_P_IP) ||
	    arp->hardware_len != 6 || arp->protocol_len != 4)
		return DROP_BAD_HEADER;

	sender = arp_ip(arp->sender_ip);
	if (!mac_equal(arp->sender_mac, ep->mac))
		return DROP_ARP_SPOOF;
	/* A probe has no sender address yet (RFC 5227). */
	if (sender != ep->addr4 && (sender || arp->operation != ARP_REQUEST))
		return DROP_ARP_SPOOF;

	if (arp->operation == ARP_REQUEST && sender && config.gateway4 &&
	    arp_ip(arp->target_ip) == config.gateway4) {
		arp_answer(eth, arp, ep);
		flow->way = WAY_BACK;
		return DROP_NONE;
	}
	flow->way = WAY_STACK;
	if (ep->flags & ENDPOINT_CHAINED || arp->operation == ARP_REPLY)
		return DROP_NONE;
	/* A pod of ours has no neighbour but the gateway; announcing itself does no harm. */
	return arp_ip(arp->target_ip) == ep->addr4 ? DROP_NONE : DROP_MULTICAST;
}

/* Turn the solicitation of @flow for @target into the gateway's advertisement. */
static __always_inline enum drop_reason nd_answer(struct flow *flow, struct __sk_buff *skb,
						  const struct endpoint *ep,
						  const struct ip_addr *target)
{
	struct nd_advert *advert;
	__u64 sum;

	if (flow->l4 != offsetof(struct nd_advert, type))
		return DROP_BAD_HEADER;
	if (skb->len != sizeof(*advert) && bpf_skb_change_tail(skb, sizeof(*advert), 0))
		return DROP_INTERNAL;
	advert = ctx_header(skb, 0, sizeof(*advert));
	if (!advert)
		return DROP_SHORT_HEADER;

	__builtin_memcpy(advert->dst_mac, ep->mac, 6);
	__builtin_memcpy(advert->src_mac, ep->host_mac, 6);
	advert->payload_len = bpf_htons(ND_ICMP_LEN);
	advert->next_header = IPPROTO_ICMPV6;
	advert->hop_limit = 255;
	__builtin_memcpy(&advert->src, target, sizeof(*target));
	__builtin_memcpy(&advert->dst, &flow->src, sizeof(*target));
	advert->type = ICMP6_NEIGHBOUR_ADVERT;
	advert->code = 0;
	advert->check = 0;
	advert->flags = ND_ADVERT_FLAGS;
	__builtin_memcpy(&advert->target, target, sizeof(*target));
	advert->option = 2; /* target link-layer address */
	advert->option_len = 1;
	__builtin_memcpy(advert->mac, ep->host_mac, 6);

	sum = bpf_htonl(ND_ICMP_LEN) + (__u64)bpf_htonl(IPPROTO_ICMPV6);
	sum = csum_add(sum, &advert->src, 2 * sizeof(struct ip_addr));
	sum = csum_add(sum, &advert->type, ND_ICMP_LEN);
	advert->check = csum_fold(sum);
	flow->way = WAY_BACK;
	return DROP_NONE;
}

static __always_inline _Bool nd_is_own(const struct endpoint *ep, const struct ip_addr *addr)
{
	return endpoint_owns(ep, addr) || addr_is_eui64(addr, ep->mac);
}

static __always_inline _Bool nd_is_gateway(const struct endpoint *ep, const struct ip_addr *addr)
{
	/* Member by member: without its volatile the compiler would know config already. */
	__u64 high = config.gateway6.halves[0], low = config.gateway6.halves[1];

	if (addr_is_eui64(addr, ep->host_mac))
		return 1;
	return (high | low) && addr->halves[0] == high && addr->halves[1] == low;
}

/* ICMPv6 types 133 to 137 of a pod. */
int nd_guard(struct __sk_buff *skb, struct flow *flow);

SUBPROGRAM int nd_guard(struct __sk_buff *skb, struct flow *flow)
{
	const struct endpoint *ep = endpoint_find(skb->ifindex);
	struct ip_addr target;
	const __u8 *nd;
	_Bool nobody;

	if (!flow || !ep)
		return DROP_INTERNAL;
	if (flow->icmp_type == ICMP6_ROUTER_ADVERT || flow->icmp_type == ICMP6_REDIRECT)
		return DROP_ROGUE_CONTROL;
	if (flow->hops != 255 || flow->flags & FLOW_FRAGMENT_FIRST)
		return DROP_BAD_HEADER;
	flow->way = WAY_STACK;
	if (flow->icmp_type == ICMP6_ROUTER_SOLICIT)
		return DROP_NONE;

	nd = parse_header(flow, skb, 24);
	if (!nd)
		return DROP_SHORT_HEADER;
	__builtin_memcpy(&target, nd + 8, sizeof(target));
	nobody = !(flow->src.halves[0] | flow->src.halves[1]);
	if (flow->icmp_type == ICMP6_NEIGHBOUR_SOLICIT && !nobody) {
		if (nd_is_gateway(ep, &target))
			return nd_answer(flow, skb, ep, &target);
		/* As in arp_guard(): nobody else is there to be asked for. */
		return ep->flags & ENDPOINT_CHAINED || nd_is_own(ep, &target) ? DROP_NONE
									      : DROP_MULTICAST;
	}
	/* An advertisement, or a probe before taking an address (RFC 4862): its own only. */
	return nd_is_own(ep, &target) ? DROP_NONE : DROP_ARP_SPOOF;
}
