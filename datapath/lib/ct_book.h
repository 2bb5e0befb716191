/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a packet does to the entry of its connection, and the entry to the packet.
 */
#pragma once

#include "lib/ct_table.h"
#include "lib/endpoint.h"

_Static_assert((int)CT_ANSWERED == LIFETIME_LIVE && (int)CT_CLOSING == LIFETIME_CLOSING,
	       "the flags of an entry are its stage");

static const __u8 lifetime_kinds[256] = {
	[IPPROTO_TCP] = LIFETIME_TCP,
	[IPPROTO_UDP] = LIFETIME_UDP,
	[IPPROTO_SCTP] = LIFETIME_SCTP,
	[IPPROTO_ICMP] = LIFETIME_ICMP,
	[IPPROTO_ICMPV6] = LIFETIME_ICMP,
};

/* In jiffies. */
static __always_inline __u32 lifetime(__u32 kind, __u32 stage)
{
	return config.lifetime_s[kind & (LIFETIME_KINDS - 1)][stage & (LIFETIME_STAGES - 1)] *
	       config.hz;
}

/*
 * In jiffies. Verifier: by tables, because each branch here would double the paths behind
 * every place that books a packet.
 */
static __always_inline __u32 ct_lifetime(const struct ct_entry *entry, __u8 proto)
{
	return lifetime(lifetime_kinds[proto], entry->flags);
}

/*
 * The connection may lose its source port to a new one when there is no other. What its far end
 * still says comes to the new one then. With TCP that one refuses it by its number and resets
 * what is left there (RFC 9293, 3.5.1); with SCTP it has another verification tag. Nothing of
 * the kind is in a datagram or an echo, so it has to have been silent for as long as people wait
 * for an answer.
 */
#define DATAGRAM_SILENT_S 5

static __always_inline _Bool ct_is_loose(const struct ct_entry *entry, const struct flow *flow)
{
	__s32 waits = (__s32)(flow->now + ct_lifetime(entry, flow->proto) - entry->expires);

	return !(entry->flags & CT_ANSWERED) &&
	       (proto_is_stream(flow->proto) || waits >= (__s32)(DATAGRAM_SILENT_S * config.hz));
}

int ct_book_end(struct ct_entry *entry, __u32 flags, __u32 sender);

/* @sender has said FIN, or something that ends the connection at once: @flags of the flow. */
SUBPROGRAM int ct_book_end(struct ct_entry *entry, __u32 flags, __u32 sender)
{
	if (!entry)
		return 0;
	if (flags & FLOW_FIN)
		entry->fin[sender & 1] = 1;
	if (flags & FLOW_RESET || (entry->fin[CT_LOW] && entry->fin[CT_HIGH]))
		entry->flags |= CT_CLOSING;
	return 0;
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

	if (flow->flags & (FLOW_FIN | FLOW_RESET))
		ct_book_end(entry, flow->flags, sender);
	expires = flow->now + ct_lifetime(entry, flow->proto);
	moved = expires - entry->expires;
	if (moved + config.hz > 2 * config.hz)
		entry->expires = expires;
}

int ct_book_apart(struct ct_entry *entry, const struct flow *flow, __u32 sender);

/* Verifier: the same where many paths lead; one call more, so not for established connections. */
SUBPROGRAM int ct_book_apart(struct ct_entry *entry, const struct flow *flow, __u32 sender)
{
	if (entry && flow)
		ct_book(entry, flow, (__u8)sender);
	return 0;
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
