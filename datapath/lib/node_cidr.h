/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * To which node's pods tunnels lead, and from which.
 */
#pragma once

#include "lib/endpoint.h"
#include "weir/node.h"

MAP(node_cidr4, LPM_TRIE, struct node_cidr4_key, struct node_cidr, NODE_CIDRS_MAX,
    BPF_F_NO_PREALLOC);
MAP(node_cidr6, LPM_TRIE, struct node_cidr6_key, struct node_cidr, NODE_CIDRS_MAX,
    BPF_F_NO_PREALLOC);

/* The tunnel device, 0: there are no tunnels. */
static __always_inline __u32 tunnels_find(void)
{
	const struct node_state *node = node_find();

	return node ? *(const volatile __u32 *)&node->tunnels : 0;
}

/* NULL: no tunnel leads there. */
static __always_inline const struct node_cidr *node_cidr_find(const struct ip_addr *addr)
{
	const struct node_cidr *found;

	if (ip_addr_is_v4(addr)) {
		struct node_cidr4_key key = { 32, addr->words[3] };

		found = bpf_map_lookup_elem(&node_cidr4, &key);
		BRANCH_APART(4);
	} else {
		struct node_cidr6_key key = { 128, *addr };

		found = bpf_map_lookup_elem(&node_cidr6, &key);
		BRANCH_APART(6);
	}
	return found;
}

/* Of a pod elsewhere, or of this node's own pod CIDR, whose packets no wire brings. */
static __always_inline _Bool addr_is_tunnelled(const struct ip_addr *addr)
{
	const struct node_cidr *cidr = node_cidr_find(addr);

	return cidr && cidr->pods;
}
