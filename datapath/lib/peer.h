/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Peers: what an address is.
 */
#pragma once

#include "lib/endpoint.h"
#include "weir/peer.h"

MAP(peer4, HASH, __be32, struct peer, PEERS_MAX, BPF_F_NO_PREALLOC);
MAP(peer6, HASH, struct ip_addr, struct peer, PEERS_MAX, BPF_F_NO_PREALLOC);

/* NULL: world. */
static __always_inline const struct peer *peer_find(const struct ip_addr *addr)
{
	const struct peer *peer;

	if (ip_addr_is_v4(addr)) {
		peer = bpf_map_lookup_elem(&peer4, &addr->words[3]);
		BRANCH_APART(4);
	} else {
		peer = bpf_map_lookup_elem(&peer6, addr);
		BRANCH_APART(6);
	}
	return peer;
}

/* One of this node's own addresses. */
static __always_inline _Bool addr_is_host(const struct ip_addr *addr)
{
	const struct peer *peer = peer_find(addr);

	return peer && peer->kind == PEER_HOST;
}

/* The interface index of the local pod with this address, 0: it is none. */
static __always_inline __u32 peer_local_ifindex(const struct peer *peer)
{
	return peer && peer->kind == PEER_LOCAL_POD ? peer->ifindex : 0;
}

/* The endpoint behind @ifindex, if it is still the owner of @addr. */
static __always_inline const struct endpoint *peer_endpoint(__u32 ifindex,
							    const struct ip_addr *addr)
{
	const struct endpoint *ep = endpoint_find(ifindex);

	return ep && endpoint_owns(ep, addr) ? ep : NULL;
}
