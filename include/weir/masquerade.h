/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Masquerade: what pods send to the outside leaves the node from an address of the node, and
 * from a port, or an echo identifier, that answers are told by.
 *
 * Maps `unmasqueraded4`, `unmasqueraded6` (LPM): destinations to which pods keep their
 * address. Addresses of the node and pods of the cluster that are peers (peer.h) need not be
 * there.
 */
#pragma once

#include "weir/types.h"

/* node_state.masquerade */
enum masquerade {
	MASQUERADE_NEVER = 0, /* no connection is masqueraded */
	MASQUERADE_ON,
	MASQUERADE_ENDS, /* those that are go on, new ones are not */
};

/* What has ports, each its own; node_config.masquerade_ports. */
enum masquerade_kind {
	MASQUERADE_TCP,
	MASQUERADE_UDP,
	MASQUERADE_SCTP,
	MASQUERADE_ECHO, /* identifiers of ICMP and ICMPv6 */
	MASQUERADE_KINDS,
};

/* Host byte order. */
struct masquerade_ports {
	__u16 first;
	__u16 count; /* at least 1 */
};
ABI_SIZE(struct masquerade_ports, 4);

/*
 * Map `masquerade`: array; addresses by number. A connection keeps its number, so an address
 * keeps it as long as it is the node's; then the element is cleared, and connections that
 * used it choose again. Number 0 is nobody's.
 */
struct masquerade_source {
	struct ip_addr addr; /* ::  the number is free */
	__u32 ifindex; /* what leaves by this device comes from it; 0: of no new connection */
	__u32 pad[3];
};
ABI_SIZE(struct masquerade_source, 32);

/* ct_entry.backend of a CT_MASQUERADED entry: number of the source, and port. */
static inline __attribute__((always_inline)) __u32 masquerade_pack(__u32 source, __u16 port)
{
	return source << 16 | port;
}

static inline __attribute__((always_inline)) __u32 masquerade_source_of(__u32 packed)
{
	return packed >> 16;
}

/* Host byte order. */
static inline __attribute__((always_inline)) __u16 masquerade_port_of(__u32 packed)
{
	return (__u16)packed;
}

struct unmasqueraded4_key {
	__u32 prefixlen;
	__be32 addr;
};
ABI_SIZE(struct unmasqueraded4_key, 8);

struct unmasqueraded6_key {
	__u32 prefixlen;
	__be32 addr[4]; /* in words, so that nothing lies between */
};
ABI_SIZE(struct unmasqueraded6_key, 20);
