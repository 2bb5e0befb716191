/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Fragments that overtake their first one: kept until it comes. When it has been
 * judged and passes, they arrive once more at the interface where they were kept
 * and go all the way through the programs like any packet, now with its record
 * to speak for them (docs/decisions/0005). Nothing here is on the path of
 * packets that are no fragments.
 */
#pragma once

#include "lib/ctx_skb.h"
#include "lib/endpoint.h"
#include "lib/parse_l4.h"

#define HELD_PER_DATAGRAM 48 /* 64 KiB in packets of 1500 bytes */
#define HELD_SECONDS 5

MAP(held, LRU_HASH, struct held_key, struct held, HELD_MAX, 0);

enum held_scratch_use {
	SCRATCH_HOLD, /* the fragment that is about to be kept */
	SCRATCH_FIRST, /* the first one, while its packet carries the others */
	SCRATCH_MAX,
};

MAP_PRIVATE(held_scratch, PERCPU_ARRAY, __u32, struct held, SCRATCH_MAX, 0);

/* The addresses are those of the packet: its flow may be translated already. */
static __always_inline long held_key_pack(struct held_key *key, const struct flow *flow,
					  const struct __sk_buff *skb)
{
	__be32 ip4[2];
	long r;

	frag_key_pack(&key->frag, flow);
	key->egress = !!(flow->flags & FLOW_AT_EGRESS);
	key->index = 0;
	if (flow->family == FLOW_IP6)
		return bpf_skb_load_bytes(skb, ETH_HLEN + offsetof(struct ipv6hdr, saddr),
					  &key->frag.src, 2 * sizeof(key->frag.src));
	r = bpf_skb_load_bytes(skb, ETH_HLEN + offsetof(struct iphdr, saddr), ip4, sizeof(ip4));
	if (!r) {
		ip_addr_set_v4(&key->frag.src, ip4[0]);
		ip_addr_set_v4(&key->frag.dst, ip4[1]);
	}
	return r;
}

static __always_inline _Bool held_is_over(const struct held *held, __u32 now)
{
	return (__s32)(now - held->expires) > 0;
}

/*
 * The packet as it is, for later. NULL: it is longer than what is kept.
 *
 * Verifier: a function, for registers that hold its length. Older compilers would keep it
 * in a half of a stack slot, of which the verifier remembers nothing.
 */
static __noinline struct held *packet_save(struct __sk_buff *skb, __u32 use)
{
	struct held *held = bpf_map_lookup_elem(&held_scratch, &use);
	__u32 len = skb->len;

	if (!held || len - 1 >= HELD_BYTES || bpf_skb_load_bytes(skb, 0, held->data, len))
		return NULL;
	held->length = len;
	return held;
}

/* The packet becomes what was saved. Returns 0 or a negative errno. */
static __always_inline long packet_restore(struct __sk_buff *skb, const struct held *held)
{
	__u32 len = *(const volatile __u32 *)&held->length;

	if (len - 1 >= HELD_BYTES)
		return -1;
	if (skb->len != len && bpf_skb_change_tail(skb, len, 0))
		return -1;
	return bpf_skb_store_bytes(skb, 0, held->data, len, BPF_F_RECOMPUTE_CSUM);
}

struct held_walk {
	struct held_key key;
	struct __sk_buff *skb;
	__u32 now;
	__u32 found; /* a place is free: held_key.index says which */
};

/* Callback for each place of the datagram; 1 ends the walk. */
static long held_place(__u32 index, void *ctx)
{
	struct held_walk *walk = ctx;
	const struct held *other;

	walk->key.index = index;
	other = bpf_map_lookup_elem(&held, &walk->key);
	walk->found = !other || held_is_over(other, walk->now);
	return walk->found;
}

/* Keeps the fragment. DROP_NONE: its first one came in this moment, it may go on. */
int frag_hold(struct __sk_buff *skb, struct flow *flow);

SUBPROGRAM int frag_hold(struct __sk_buff *skb, struct flow *flow)
{
	struct held_walk walk = {};
	struct held *held_now;
	enum drop_reason why;

	if (!flow)
		return DROP_INTERNAL;
	held_now = packet_save(skb, SCRATCH_HOLD);
	if (!held_now)
		return DROP_FRAGMENT_UNKNOWN;
	held_now->expires = flow->now + HELD_SECONDS * config.hz;
	if (held_key_pack(&walk.key, flow, skb))
		return DROP_INTERNAL;
	walk.now = flow->now;
	bpf_loop(HELD_PER_DATAGRAM, held_place, &walk, 0);
	if (!walk.found || bpf_map_update_elem(&held, &walk.key, held_now, BPF_ANY))
		return DROP_FRAGMENT_UNKNOWN;
	/* On another CPU the first one may have looked for it in vain just now. */
	why = frag_recall(flow);
	if (why == DROP_FRAGMENT_UNKNOWN)
		return DROP_FRAGMENT_HELD;
	bpf_map_delete_elem(&held, &walk.key);
	return why;
}

/* A later fragment whose first one has not come waits: DROP_FRAGMENT_HELD. */
static __always_inline enum drop_reason parse_wait(struct flow *flow, struct __sk_buff *skb)
{
	enum drop_reason why = frag_hold(skb, flow);

	flow->role = flow_is_icmp(flow) ? ROLE_ANSWER : ROLE_ANY;
	return why;
}

/* Stage: protocol, ports and what the packet means for its connection. IP only. */
static __always_inline enum drop_reason parse_l4(struct flow *flow, struct __sk_buff *skb)
{
	enum drop_reason why = parse_l4_now(flow, skb);

	return why == DROP_FRAGMENT_UNKNOWN ? parse_wait(flow, skb) : why;
}

/* Callback: the packet becomes what this place holds, and a copy of it arrives. */
static long held_emit(__u32 index, void *ctx)
{
	struct held_walk *walk = ctx;
	struct __sk_buff *skb = walk->skb;
	const struct held *other;

	walk->key.index = index;
	other = bpf_map_lookup_elem(&held, &walk->key);
	if (!other)
		return 1;
	if (!held_is_over(other, walk->now) && !packet_restore(skb, other))
		bpf_clone_redirect(skb, skb->ifindex, walk->key.egress ? 0 : BPF_F_INGRESS);
	bpf_map_delete_elem(&held, &walk->key);
	return 0;
}

/* The first fragment of @flow passes: so shall those that wait for it. */
int frag_release(struct __sk_buff *skb, struct flow *flow);

SUBPROGRAM int frag_release(struct __sk_buff *skb, struct flow *flow)
{
	struct held_walk walk = {};
	const struct held *first;

	if (!flow)
		return DROP_INTERNAL;
	if (held_key_pack(&walk.key, flow, skb))
		return DROP_INTERNAL;
	if (!bpf_map_lookup_elem(&held, &walk.key))
		return DROP_NONE;
	first = packet_save(skb, SCRATCH_FIRST);
	if (!first)
		return DROP_NONE;
	walk.skb = skb;
	walk.now = flow->now;
	bpf_loop(HELD_PER_DATAGRAM, held_emit, &walk, 0);
	return packet_restore(skb, first) ? DROP_INTERNAL : DROP_NONE;
}

/* Stage: those who wait for this packet follow it. Before the packet is changed. */
static __always_inline enum drop_reason followers(struct flow *flow, struct __sk_buff *skb)
{
	return flow->flags & FLOW_FRAGMENT_FIRST ? frag_release(skb, flow) : DROP_NONE;
}
