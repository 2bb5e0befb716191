/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Node state and endpoints: who lives behind an interface.
 */
#pragma once

#include "lib/flow.h"
#include "weir/endpoint.h"
#include "weir/maps.h"
#include "weir/state.h"

CONFIG struct node_config config = {
	.endpoint_slots = ENDPOINT_SLOTS,
	.hz = 250,
	.source_port = 10000,
	.source_ports = 20000,
	.masquerade_ports = {
		[MASQUERADE_TCP] = { 10000, 20000 },
		[MASQUERADE_UDP] = { 10000, 20000 },
		[MASQUERADE_SCTP] = { 10000, 20000 },
		[MASQUERADE_ECHO] = { 10000, 20000 },
	},
	.lifetime_s = {
		[LIFETIME_OTHER] = LIFETIMES(60, 60, 60),
		[LIFETIME_TCP] = LIFETIMES(60, 7200, 10),
		[LIFETIME_UDP] = LIFETIMES(30, 180, 180),
		[LIFETIME_SCTP] = LIFETIMES(60, 7200, 10),
		[LIFETIME_ICMP] = LIFETIMES(30, 30, 30),
	},
};

MAP(state, ARRAY, __u32, struct node_state, 1, BPF_F_MMAPABLE);
MAP(endpoint, ARRAY, __u32, struct endpoint, ENDPOINT_SLOTS, 0);

static __always_inline const struct node_state *node_find(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&state, &zero);
}

/* Start of every program: what must be the same for all stages of a packet. */
static __always_inline void flow_begin(struct flow *flow, enum policy_dir dir)
{
	const struct node_state *node;

	flow->family = FLOW_OTHER;
	flow->way = WAY_TRACK;
	flow->flags = 0;
	flow->role = ROLE_ANY;
	flow->proto = 0;
	flow->dir = dir;
	flow->seen = 0;
	flow->from_ifindex = 0;
	flow->to_ifindex = 0;
	flow->now = (__u32)bpf_jiffies64();
	node = node_find();
	flow->generation = node ? *(const volatile __u32 *)&node->generation : 0;
}

/* NULL: the interface is no endpoint's. */
static __always_inline const struct endpoint *endpoint_find(__u32 ifindex)
{
	__u32 slot = ifindex & (config.endpoint_slots - 1);
	const struct endpoint *ep;

	ep = bpf_map_lookup_elem(&endpoint, &slot);
	return ep && ifindex && ep->ifindex == ifindex ? ep : NULL;
}

static __always_inline _Bool endpoint_is_ready(const struct endpoint *ep)
{
	return ep->flags & ENDPOINT_READY;
}

/* One of the pod's own addresses, link-local ones excepted. */
static __always_inline _Bool endpoint_owns(const struct endpoint *ep, const struct ip_addr *addr)
{
	if (ip_addr_is_v4(addr))
		return ep->addr4 && addr->words[3] == ep->addr4;
	return ip_addr_equal(addr, &ep->addr6) && (addr->halves[0] | addr->halves[1]);
}

/* The link-local address that an interface with @mac gives itself (RFC 4291, EUI-64). */
static __always_inline _Bool addr_is_eui64(const struct ip_addr *addr, const __u8 *mac)
{
	const __u8 *a = addr->bytes;

	return addr->words[0] == bpf_htonl(0xfe800000) && addr->words[1] == 0 &&
	       a[8] == (mac[0] ^ 2) && a[9] == mac[1] && a[10] == mac[2] && a[11] == 0xff &&
	       a[12] == 0xfe && a[13] == mac[3] && a[14] == mac[4] && a[15] == mac[5];
}

/* The pod's policy is an empty set of rules in this direction: nothing restricts it. */
static __always_inline _Bool endpoint_is_open(const struct endpoint *ep, __u32 generation,
					      enum policy_dir dir)
{
	return ep->ruleset[generation & 1][dir] == 0;
}
