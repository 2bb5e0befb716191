/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a packet does to the entry of its connection, and the entry to the packet.
 */
#pragma once

#include "lib/ct_table.h"
#include "lib/endpoint.h"

static __always_inline __u32 ct_lifetime(const struct ct_entry *entry, __u8 proto)
{
	_Bool answered = entry->flags & CT_ANSWERED;

	if (entry->flags & CT_CLOSING)
		return config.closing_s;
	switch (proto) {
	case IPPROTO_TCP:
		return answered ? config.tcp_live_s : config.tcp_open_s;
	case IPPROTO_UDP:
		return answered ? config.udp_live_s : config.udp_new_s;
	case IPPROTO_SCTP:
		return answered ? config.sctp_live_s : config.other_s;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return config.icmp_s;
	default:
		return config.other_s;
	}
}

/*
 * Book the packet. The entry is written in place; the lifetime only when it has
 * moved by more than a second, so that a busy flow does not bounce the cache line
 * for it. Counters may lose a packet when one end sends on two CPUs at once.
 */
static __always_inline void ct_book(struct ct_entry *entry, const struct flow *flow, __u8 sender)
{
	__u32 expires, moved;

	sender &= 1;
	entry->packets[sender]++;
	entry->bytes[sender] += flow->length;

	if (flow->flags & (FLOW_FIN | FLOW_RESET)) {
		if (flow->flags & FLOW_FIN)
			entry->fin[sender] = 1;
		if ((flow->flags & FLOW_RESET) || (entry->fin[CT_LOW] && entry->fin[CT_HIGH]))
			entry->flags |= CT_CLOSING;
	}
	expires = flow->now + ct_lifetime(entry, flow->proto) * config.hz;
	moved = expires - entry->expires;
	if (moved + config.hz > 2 * config.hz)
		entry->expires = expires;
}

/* What the entry knows about this packet: where it goes, and which way. */
static __always_inline void ct_place(struct flow *flow, const struct ct_key *key,
				     const struct ct_entry *entry)
{
	flow->to_ifindex = entry->ifindex[(key->sender & 1) ^ 1];
	if (entry->opener == key->sender) {
		if (ct_is_masqueraded(entry->flags))
			flow->flags |= FLOW_MASQUERADED;
		return;
	}
	flow->flags |= FLOW_ANSWER;
	if (entry->flags & CT_STACK_OPENED)
		flow->to_ifindex = 0;
}

/* The packet begins something that the entry does not cover. */
static __always_inline _Bool ct_reopens(const struct ct_entry *entry, const struct flow *flow,
					__u8 sender)
{
	if (flow->role != ROLE_OPEN)
		return 0;
	return entry->opener != sender || (entry->flags & CT_CLOSING);
}
