/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Masquerade, where a connection begins: whether what the pod sends will leave the node from
 * an address of the node (weir/masquerade.h). The connection is judged by the pod's own
 * address before that, and its entry remembers the answer, so that nobody asks twice.
 * As what it leaves is chosen where it leaves (masquerade_leave.h).
 */
#pragma once

#include "lib/peer.h"
#include "weir/conntrack.h"
#include "weir/maps.h"

MAP(masquerade, ARRAY, __u32, struct masquerade_source, MASQUERADE_SOURCES_MAX, 0);
MAP(unmasqueraded4, LPM_TRIE, struct unmasqueraded4_key, __u32, UNMASQUERADED_MAX,
    BPF_F_NO_PREALLOC);
MAP(unmasqueraded6, LPM_TRIE, struct unmasqueraded6_key, __u32, UNMASQUERADED_MAX,
    BPF_F_NO_PREALLOC);

/* enum masquerade of the node. */
static __always_inline __u32 masquerade_state(void)
{
	const struct node_state *node = node_find();

	return node ? *(const volatile __u32 *)&node->masquerade : MASQUERADE_NEVER;
}

/* NULL: the node has the address no more. */
static __always_inline const struct masquerade_source *masquerade_source_find(__u32 number)
{
	const struct masquerade_source *source;

	source = bpf_map_lookup_elem(&masquerade, &number);
	return source && number && !addr_is_none(&source->addr) ? source : NULL;
}

static __always_inline _Bool addr_is_unmasqueraded(const struct ip_addr *addr)
{
	const __u32 *found;

	if (ip_addr_is_v4(addr)) {
		struct unmasqueraded4_key key = { .prefixlen = 32, .addr = addr->words[3] };

		found = bpf_map_lookup_elem(&unmasqueraded4, &key);
		BRANCH_APART(4);
	} else {
		struct unmasqueraded6_key key = { .prefixlen = 128 };

		__builtin_memcpy(key.addr, addr, sizeof(key.addr));
		found = bpf_map_lookup_elem(&unmasqueraded6, &key);
		BRANCH_APART(6);
	}
	return !!found;
}

/* There is a port, or an identifier, by which answers can be told. */
static __always_inline _Bool masquerade_is_possible(const struct flow *flow)
{
	return proto_has_ports(flow->proto) ||
	       (flow_is_icmp(flow) && (flow->role == ROLE_OPEN || flow->role == ROLE_ANSWER));
}

int masquerade_begin(struct flow *flow);

/* Stage of a connection that begins, @flow is its opener's: FLOW_MASQUERADED if it is. */
SUBPROGRAM int masquerade_begin(struct flow *flow)
{
	const struct peer *peer;

	if (!flow)
		return DROP_INTERNAL;
	if (masquerade_state() != MASQUERADE_ON || addr_is_multicast(&flow->dst))
		return DROP_NONE;
	peer = peer_find(&flow->dst);
	if ((peer && peer->kind != PEER_WORLD && peer->kind != PEER_NODE) ||
	    addr_is_unmasqueraded(&flow->dst))
		return DROP_NONE;
	if (!masquerade_is_possible(flow))
		return DROP_MASQUERADE_PROTOCOL;
	flow->flags |= FLOW_MASQUERADED;
	return DROP_NONE;
}

/* Only what a pod sends, and to nobody on this node. */
static __always_inline enum drop_reason masquerade_ask(struct flow *flow, __u32 to_ifindex)
{
	if (flow->dir != POLICY_EGRESS || !flow->from_ifindex || to_ifindex)
		return DROP_NONE;
	return masquerade_begin(flow);
}
