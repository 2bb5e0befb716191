/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A frame as the RFCs read it, for checking what the datapath made of it: it
 * shares no code with the datapath's parser.
 */
#pragma once

#include "bpf/packet.h"

/* Who talks to whom. Addresses of IPv4 are v4-mapped; without ports they are 0. */
struct tuple {
	struct ip_addr src, dst;
	uint8_t proto;
	uint16_t sport, dport; /* host order; echo: the identifier in both */
};

enum reading_kind {
	READ_OTHER, /* no IP that can be followed */
	READ_ARP,
	READ_IP,
};

enum reading_part {
	PART_WHOLE,
	PART_FIRST, /* of a datagram */
	PART_LATER, /* no transport header */
};

/* What a packet can be to a connection, by itself. */
enum reading_role {
	ROLE_OPENS,
	ROLE_ANSWERS, /* what only exists within a known one */
	ROLE_MIDDLE, /* of TCP or SCTP: somebody has opened it */
	ROLE_EITHER, /* its beginning, or any other part */
	ROLE_QUERY, /* ICMP that belongs to none */
};

struct reading {
	enum reading_kind kind;
	enum reading_part part;
	bool v6;
	bool complete; /* the transport header is all there */
	struct tuple tuple;
	uint32_t id; /* of fragments */
	uint32_t length; /* of the IP packet */
	uint8_t hops;
	uint8_t icmp_type;
	uint8_t tcp_flags;
	uint8_t sctp_chunk; /* type of the first one */
	bool has_quote; /* an ICMP error, and names a connection */
	struct tuple quote;
};

/* @segmented: its length may be left out, as large offloaded packets do. */
void frame_read(struct reading *ret, const struct frame *frame, bool segmented);

bool tuple_equal(const struct tuple *a, const struct tuple *b);
struct tuple tuple_reverse(const struct tuple *tuple);

/* Of the datagram of @proto when it is a later fragment. */
enum reading_role reading_role(const struct reading *reading, uint8_t proto);

/* An ICMP error by its type: it is about another packet. */
bool reading_is_error(const struct reading *reading);
bool addr_is_group(const struct ip_addr *addr); /* multicast or broadcast */
