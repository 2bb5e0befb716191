/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The parser's second stage: what transport protocol the packet has, behind extension headers
 * of IPv6, its ports, and what it means for its connection.
 */
#pragma once

#include "lib/ctx.h"
#include "lib/frag.h"
#include "lib/parse.h"
#include "lib/protocol.h"

#define EXTENSION_HEADERS_MAX 6

/* IPv6 extension headers have all the same first two bytes. */
struct ip6_extension {
	__u8 next;
	__u8 length; /* in 8 bytes, without the first 8 */
	__u8 routing_type;
	__u8 segments_left;
	__be32 fragment_id;
};

/* Like ctx_header(), but the header must lie inside the IP packet: padding is no header. */
static __always_inline void *parse_header(const struct flow *flow, ctx_t *ctx, __u32 len)
{
	if (flow->l4 + len > ETH_HLEN + flow->length)
		return NULL;
	return ctx_header(ctx, flow->l4, len);
}

/* Returns 1 when @flow->proto is the transport protocol, 0 to go on, or -reason. */
static __always_inline int parse_extension(struct flow *flow, ctx_t *ctx)
{
	struct ip6_extension ext;
	__u16 fragment;

	switch (flow->proto) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
	case IPPROTO_FRAGMENT:
		break;
	case IPPROTO_AH:
	case IPPROTO_MH:
	case 139: /* HIP */
	case 140: /* Shim6 */
		return -DROP_EXTENSION_HEADER;
	default:
		return 1;
	}
	/* Verifier: copied, not pulled, so that the loop has no paths to multiply. */
	if (flow->l4 + sizeof(ext) > ETH_HLEN + flow->length ||
	    ctx_load(ctx, ctx_bound(flow->l4), &ext, sizeof(ext)))
		return -DROP_SHORT_HEADER;
	if (flow->proto != IPPROTO_FRAGMENT) {
		/* With segments left the destination is not where the packet ends. */
		if (flow->proto == IPPROTO_ROUTING && ext.segments_left)
			return -DROP_EXTENSION_HEADER;
		flow->proto = ext.next;
		flow->l4 += (ext.length + 1) * 8;
	} else {
		fragment = (__u16)ext.routing_type << 8 | ext.segments_left;
		flow->fragment_id = ext.fragment_id;
		flow->proto = ext.next;
		flow->l4 += sizeof(ext);
		if (fragment & IP6_FRAG_OFFSET) {
			flow->flags |= fragment_flags((fragment & IP6_FRAG_OFFSET) / 8);
			return 1;
		}
		if (fragment & IP6_FRAG_MORE)
			flow->flags |= FLOW_FRAGMENT_FIRST;
	}
	/* A transport without ports has no header whose absence would show. */
	if (flow->l4 > ETH_HLEN + flow->length)
		return -DROP_SHORT_HEADER;
	return flow->l4 + 64 > CTX_OFFSET_MAX ? -DROP_EXTENSION_HEADER : 0;
}

/* Most packets have no extension header and need not ask. */
static __always_inline _Bool proto_is_transport(__u8 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP;
}

int parse_extensions(ctx_t *ctx, struct flow *flow);

SUBPROGRAM int parse_extensions(ctx_t *ctx, struct flow *flow)
{
	int i, r;

	if (!flow)
		return DROP_INTERNAL;
	for (i = 0; i < EXTENSION_HEADERS_MAX; i++) {
		r = parse_extension(flow, ctx);
		if (r)
			return r < 0 ? -r : DROP_NONE;
	}
	return DROP_EXTENSION_HEADER;
}

static __always_inline enum drop_reason parse_tcp(struct flow *flow, ctx_t *ctx)
{
	const __u8 *tcp = parse_header(flow, ctx, 20);
	__u8 flags;

	if (!tcp)
		return DROP_SHORT_HEADER;
	if ((tcp[12] >> 4) < 5)
		return DROP_BAD_HEADER;
	flow->ports = *(const __u32 *)tcp;
	flags = tcp[13];
	if (!(flags & (TCP_SYN | TCP_RST | TCP_FIN)))
		return DROP_NONE;

	flow->role = ROLE_ANSWER;
	if (flags & TCP_RST)
		flow->flags |= FLOW_RESET;
	else if (flags & TCP_FIN)
		flow->flags |= FLOW_FIN;
	else if (!(flags & TCP_ACK))
		flow->role = ROLE_OPEN;
	/* Both at once is nonsense that hosts answer differently. */
	return flags & TCP_SYN && flags & (TCP_RST | TCP_FIN) ? DROP_BAD_HEADER : DROP_NONE;
}

static __always_inline enum drop_reason parse_sctp(struct flow *flow, ctx_t *ctx)
{
	const __u8 *sctp = parse_header(flow, ctx, 16);
	__u8 chunk;

	if (!sctp)
		return DROP_SHORT_HEADER;
	flow->ports = *(const __u32 *)sctp;
	chunk = sctp[12];
	if (chunk == SCTP_INIT)
		flow->role = ROLE_OPEN;
	else if (chunk == SCTP_INIT_ACK || chunk == SCTP_SHUTDOWN_ACK)
		flow->role = ROLE_ANSWER;
	else if (chunk == SCTP_ABORT || chunk == SCTP_SHUTDOWN_COMPLETE) {
		flow->role = ROLE_ANSWER;
		flow->flags |= FLOW_RESET;
	}
	return DROP_NONE;
}

static __always_inline enum flow_role icmp_role(const struct flow *flow)
{
	__u8 type = flow->icmp_type;

	if (flow->family == FLOW_IP6) {
		if (type <= ICMP6_ERROR_MAX)
			return ROLE_ERROR;
		if (type == ICMP6_ECHO)
			return ROLE_OPEN;
		return type == ICMP6_ECHO_REPLY ? ROLE_ANSWER : ROLE_ALONE;
	}
	if (type == ICMP4_ECHO)
		return ROLE_OPEN;
	if (type == ICMP4_ECHO_REPLY)
		return ROLE_ANSWER;
	if (type == ICMP4_UNREACHABLE || type == ICMP4_SOURCE_QUENCH || type == ICMP4_REDIRECT ||
	    type == ICMP4_TIME_EXCEEDED || type == ICMP4_PARAMETER)
		return ROLE_ERROR;
	return ROLE_ALONE;
}

static __always_inline enum drop_reason parse_icmp(struct flow *flow, ctx_t *ctx)
{
	const __u8 *icmp = parse_header(flow, ctx, 8);

	if (!icmp)
		return DROP_SHORT_HEADER;
	flow->icmp_type = icmp[0];
	flow->role = icmp_role(flow);
	if (flow->role == ROLE_OPEN || flow->role == ROLE_ANSWER)
		flow->sport = flow->dport = *(const __be16 *)(icmp + 4);
	return DROP_NONE;
}

static __always_inline enum drop_reason parse_udp(struct flow *flow, ctx_t *ctx)
{
	const __u32 *udp = parse_header(flow, ctx, 8);

	if (!udp)
		return DROP_SHORT_HEADER;
	flow->ports = udp[0];
	return DROP_NONE;
}

static __always_inline enum drop_reason parse_transport(struct flow *flow, ctx_t *ctx)
{
	if (flow->proto == IPPROTO_TCP)
		return parse_tcp(flow, ctx);
	if (flow->proto == IPPROTO_UDP)
		return parse_udp(flow, ctx);
	flow->ports = 0;
	if (flow_is_icmp(flow))
		return parse_icmp(flow, ctx);
	if (flow->proto == IPPROTO_SCTP)
		return parse_sctp(flow, ctx);
	return DROP_NONE;
}

/* A later fragment: its first one has said what it is. */
static __always_inline enum drop_reason parse_later(struct flow *flow)
{
	enum drop_reason why = frag_recall(flow);

	flow->role = flow_is_icmp(flow) ? ROLE_ANSWER : ROLE_ANY;
	return why;
}

/*
 * Stage: protocol, ports and what the packet means for its connection. IP only. A fragment
 * that overtook its first one is DROP_FRAGMENT_UNKNOWN (hold.h: parse_l4).
 */
static __always_inline enum drop_reason parse_l4_now(struct flow *flow, ctx_t *ctx)
{
	enum drop_reason why = DROP_NONE;

	flow->icmp_type = 0;
	if (flow->family == FLOW_IP6 && !proto_is_transport(flow->proto))
		why = parse_extensions(ctx, flow);
	if (why)
		return why;
	if (flow->flags & FLOW_FRAGMENT_LATER)
		return parse_later(flow);
	why = parse_transport(flow, ctx);
	if (!why && (flow->flags & FLOW_FRAGMENT_FIRST))
		frag_record(flow);
	return why;
}
