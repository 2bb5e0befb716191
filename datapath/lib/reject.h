/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Rejections: the refused packet turns into the answer that its sender gets from the
 * address which it asked: a TCP reset (RFC 9293, 3.10.7.1), an ICMP port unreachable, or
 * what a router says. The answer goes straight back where the packet came from.
 */
#pragma once

#include "lib/csum.h"
#include "lib/ctx_skb.h"
#include "lib/parse.h"
#include "lib/protocol.h"

#define REJECT_QUOTE 504 /* bytes at most: the answer is shorter than any link's smallest MTU */
#define REJECT_LENGTH 512 /* with the header */
#define REJECT_HOPS 64

struct tcp_reset {
	__be16 sport;
	__be16 dport;
	__be32 seq;
	__be32 ack;
	__u8 offset;
	__u8 flags;
	__be16 window;
	__u16 check;
	__be16 urgent;
};
ABI_SIZE(struct tcp_reset, 20);

struct icmp_error {
	__u8 type;
	__u8 code;
	__u16 check;
	__be32 rest; /* mostly unused */
	__u8 quote[REJECT_QUOTE];
};
ABI_SIZE(struct icmp_error, REJECT_LENGTH);

/* The answer's transport part, which is made first, and its frame's head. */
struct rejection {
	union {
		struct tcp_reset tcp;
		struct icmp_error icmp;
	};
	union {
		struct iphdr ip4;
		struct ipv6hdr ip6;
	};
	__u32 length; /* of the transport part */
	__u32 proto;
};

MAP_PRIVATE(rejection, PERCPU_ARRAY, __u32, struct rejection, 1, 0);

/* Verifier: from 1 to REJECT_LENGTH, whatever the compiler makes of what is known already. */
static __always_inline __u32 reject_bound(__u32 length)
{
	length--;
	asm volatile("" : "+r"(length));
	return (length & (REJECT_LENGTH - 1)) + 1;
}

/* Sequence numbers that the other end has sent, SYN and FIN among them. */
static __always_inline __u32 tcp_length(const struct flow *flow, const __u8 *tcp)
{
	__u32 header = flow->l4 - ETH_HLEN + (tcp[12] >> 4) * 4;

	return (flow->length > header ? flow->length - header : 0) + !!(tcp[13] & TCP_SYN) +
	       !!(tcp[13] & TCP_FIN);
}

/* To a segment with ACK the reset is what that one expects next; else it says what it refuses. */
static __always_inline enum drop_reason reset_make(struct rejection *to, const struct flow *flow,
						   struct __sk_buff *skb)
{
	const __u8 *tcp = ctx_header(skb, flow->l4, sizeof(to->tcp));
	struct tcp_reset *reset = &to->tcp;
	__be32 seq, ack;

	if (!tcp)
		return DROP_SHORT_HEADER;
	seq = *(const __be32 *)(tcp + 4);
	ack = *(const __be32 *)(tcp + 8);
	reset->sport = flow->dport;
	reset->dport = flow->sport;
	if (tcp[13] & TCP_ACK) {
		reset->seq = ack;
		reset->ack = 0;
		reset->flags = TCP_RST;
	} else {
		reset->seq = 0;
		reset->ack = bpf_htonl(bpf_ntohl(seq) + tcp_length(flow, tcp));
		reset->flags = TCP_RST | TCP_ACK;
	}
	reset->offset = sizeof(*reset) / 4 << 4;
	reset->window = 0;
	reset->check = 0;
	reset->urgent = 0;
	to->length = sizeof(*reset);
	to->proto = IPPROTO_TCP;
	return DROP_NONE;
}

/* What routers say, in both families, and not what a host does. */
static __always_inline _Bool is_routers(enum drop_reason why)
{
	return why == DROP_HOPS || why == DROP_TOO_LONG || why == DROP_NO_ROUTE;
}

static __always_inline void error_kind(struct icmp_error *error, const struct flow *flow,
				       enum drop_reason why)
{
	_Bool v4 = flow->family == FLOW_IP4;

	error->type = v4 ? ICMP4_UNREACHABLE : ICMP6_UNREACHABLE;
	if (why == DROP_HOPS) {
		error->type = v4 ? ICMP4_TIME_EXCEEDED : ICMP6_TIME_EXCEEDED;
	} else if (why == DROP_TOO_LONG) {
		error->type = v4 ? ICMP4_UNREACHABLE : ICMP6_TOO_BIG;
		error->code = v4 ? 4 : 0;
		error->rest = bpf_htonl(flow->mtu);
	} else if (why != DROP_NO_ROUTE) {
		error->code = v4 ? 3 : 4; /* port */
	}
}

static __always_inline enum drop_reason error_make(struct rejection *to, const struct flow *flow,
						   struct __sk_buff *skb, enum drop_reason why)
{
	struct icmp_error *error = &to->icmp;
	__u32 quoted = flow->length;

	if (quoted > REJECT_QUOTE)
		quoted = REJECT_QUOTE;
	/* What is not overwritten counts as zero in the checksum. */
	__builtin_memset(error, 0, sizeof(*error));
	if (bpf_skb_load_bytes(skb, ETH_HLEN, error->quote, reject_bound(quoted)))
		return DROP_SHORT_HEADER;
	error_kind(error, flow, why);
	to->length = offsetof(struct icmp_error, quote) + quoted;
	to->proto = flow->family == FLOW_IP4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	return DROP_NONE;
}

/* Of the transport part, whose last word is filled up with zeros. */
static __always_inline __u64 reject_sum(const struct rejection *rejection)
{
	__u32 length = (reject_bound(rejection->length) + 3) & ~3U;

	return (__u32)bpf_csum_diff(NULL, 0, (__be32 *)&rejection->icmp, length, 0);
}

static __always_inline void head4_make(struct rejection *to, const struct flow *flow)
{
	struct iphdr *ip = &to->ip4;

	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 4;
	ip->ihl = 5;
	ip->tot_len = bpf_htons((__u16)(sizeof(*ip) + to->length));
	ip->frag_off = bpf_htons(0x4000); /* do not fragment */
	ip->ttl = REJECT_HOPS;
	ip->protocol = (__u8)to->proto;
	ip->saddr = flow->dst.words[3];
	ip->daddr = flow->src.words[3];
	ip->check = csum_fold(csum_add(0, ip, sizeof(*ip)));
}

static __always_inline void head6_make(struct rejection *to, const struct flow *flow)
{
	struct ipv6hdr *ip = &to->ip6;

	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 6;
	ip->payload_len = bpf_htons((__u16)to->length);
	ip->nexthdr = (__u8)to->proto;
	ip->hop_limit = REJECT_HOPS;
	__builtin_memcpy(&ip->saddr, &flow->dst, sizeof(flow->dst));
	__builtin_memcpy(&ip->daddr, &flow->src, sizeof(flow->src));
}

/* Header and checksums, when the transport part is made. */
static __always_inline void head_make(struct rejection *to, const struct flow *flow)
{
	__u64 sum = reject_sum(to);

	if (flow->family == FLOW_IP4)
		head4_make(to, flow);
	else
		head6_make(to, flow);
	if (to->proto != IPPROTO_ICMP) {
		sum = csum_add(sum, &flow->src, sizeof(flow->src));
		sum = csum_add(sum, &flow->dst, sizeof(flow->dst));
		/* A v4-mapped address has 0xffff before it, which is 0 in this sum. */
		sum += (__u64)bpf_htonl(to->length) + bpf_htonl(to->proto);
	}
	if (to->proto == IPPROTO_TCP)
		to->tcp.check = csum_fold(sum);
	else
		to->icmp.check = csum_fold(sum);
}

/*
 * A packet of a virtual device may have left its checksum to the device that sends it at last
 * (CHECKSUM_PARTIAL). No helper clears that, and the device would write over the answer: a reset
 * left with a wrong checksum, and over the size in "packet too big". But the kernel forgets it
 * where more is cut off than the place from which to sum (skb_postpull_rcsum()), when
 * the next byte goes. Nothing but the head of the frame is needed any more.
 */
static __always_inline long reject_cut(struct __sk_buff *skb, const struct flow *flow)
{
	__u32 cut = ctx_bound(flow->l4) + 1;

	return bpf_skb_change_tail(skb, ETH_HLEN + cut + 1 + sizeof(struct ipv6hdr), 0) ?:
	       bpf_skb_adjust_room(skb, -(__s32)cut, BPF_ADJ_ROOM_NET, 0) ?:
	       bpf_skb_adjust_room(skb, -1, BPF_ADJ_ROOM_NET, 0);
}

/* The frame of the question becomes that of the answer. */
static __always_inline enum drop_reason reject_write(struct __sk_buff *skb, const struct flow *flow,
						     const struct rejection *from)
{
	__u32 head = flow->family == FLOW_IP4 ? sizeof(from->ip4) : sizeof(from->ip6);
	__u32 length = from->length;
	__u8 mac[ETH_ALEN];
	struct ethhdr *eth;

	if (reject_cut(skb, flow) || bpf_skb_change_tail(skb, ETH_HLEN + head + length, 0))
		return DROP_INTERNAL;
	eth = ctx_header(skb, 0, sizeof(*eth));
	if (!eth)
		return DROP_SHORT_HEADER;
	__builtin_memcpy(mac, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, mac, ETH_ALEN);
	if (bpf_skb_store_bytes(skb, ETH_HLEN, &from->ip4, reject_bound(head), 0) ||
	    bpf_skb_store_bytes(skb, ETH_HLEN + head, &from->icmp, reject_bound(length), 0))
		return DROP_INTERNAL;
	return DROP_NONE;
}

static __always_inline _Bool may_be_answered(const struct flow *flow, enum drop_reason why)
{
	/* Nothing answers a reset or an error, or knows what a later fragment was of. */
	if (flow->flags & (FLOW_RESET | FLOW_FRAGMENT_LATER) || flow->role == ROLE_ERROR)
		return 0;
	if (is_routers(why))
		return 1;
	if (!(flow->flags & FLOW_REJECTED))
		return 0;
	return !(flow->proto == IPPROTO_TCP && flow->flags & FLOW_FRAGMENT_FIRST);
}

/* DROP_NONE: the packet, refused for @why, is an answer now for whoever sent it. */
int packet_reject(struct __sk_buff *skb, struct flow *flow, __u32 why);

SUBPROGRAM int packet_reject(struct __sk_buff *skb, struct flow *flow, __u32 why)
{
	struct rejection *answer;
	enum drop_reason failed;
	__u32 zero = 0;

	answer = bpf_map_lookup_elem(&rejection, &zero);
	if (!flow || !answer || !may_be_answered(flow, why))
		return DROP_INTERNAL;
	/* A router speaks of the packet as it came, which was to be translated. */
	failed = is_routers(why) ? parse_l3(flow, skb) : DROP_NONE;
	if (failed)
		return failed;
	failed = flow->proto == IPPROTO_TCP && !is_routers(why) ?
			 reset_make(answer, flow, skb) : error_make(answer, flow, skb, why);
	if (failed)
		return failed;
	head_make(answer, flow);
	failed = reject_write(skb, flow, answer);
	if (!failed && skb->pkt_type != PKT_TYPE_HOST && bpf_skb_change_type(skb, PKT_TYPE_HOST))
		failed = DROP_INTERNAL;
	return failed;
}
