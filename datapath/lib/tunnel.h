/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tunnels to other nodes: one device for all, and the far end of each packet's is told here.
 * Who came in by which tunnel is checked, because identities are by address.
 */
#pragma once

#include "lib/ctx_skb.h"
#include "lib/node_cidr.h"
#include "weir/mark.h"

#define TUNNEL_TTL 64

/* The far end that the packet came from; false: it came by no tunnel of ours. */
static __always_inline _Bool tunnel_origin(struct ip_addr *ret, struct __sk_buff *skb)
{
	struct bpf_tunnel_key key = {};
	int i;

	if (!bpf_skb_get_tunnel_key(skb, &key, sizeof(key), 0)) {
		ip_addr_set_v4(ret, bpf_htonl(key.remote_ipv4));
		return key.tunnel_id == config.tunnel_id;
	}
	if (bpf_skb_get_tunnel_key(skb, &key, sizeof(key), BPF_F_TUNINFO_IPV6))
		return 0;
	UNROLL
	for (i = 0; i < 4; i++)
		ret->words[i] = key.remote_ipv6[i];
	return key.tunnel_id == config.tunnel_id;
}

/* Stage: a node speaks in its tunnel for its own pods and for itself. */
static __always_inline enum drop_reason tunnel_source(const struct flow *flow,
						      struct __sk_buff *skb)
{
	const struct node_cidr *cidr = node_cidr_find(&flow->src);
	struct ip_addr origin;

	/* Of this node's own pods there is no node, which is not one without an address. */
	if (!tunnel_origin(&origin, skb) || !cidr || addr_is_none(&cidr->node))
		return DROP_TUNNEL_SOURCE;
	return ip_addr_equal(&cidr->node, &origin) ? DROP_NONE : DROP_TUNNEL_SOURCE;
}

/* This node's own end is the address by which others know it. */
static __always_inline long tunnel_choose4(struct __sk_buff *skb, struct bpf_tunnel_key *key,
					   const struct node_cidr *cidr,
					   const struct node_state *node)
{
	key->remote_ipv4 = bpf_ntohl(cidr->node.words[3]);
	key->local_ipv4 = bpf_ntohl(node->addr4);
	return bpf_skb_set_tunnel_key(skb, key, sizeof(*key), config.tunnel_flags4);
}

static __always_inline long tunnel_choose6(struct __sk_buff *skb, struct bpf_tunnel_key *key,
					   const struct node_cidr *cidr,
					   const struct node_state *node)
{
	int i;

	UNROLL
	for (i = 0; i < 4; i++) {
		key->remote_ipv6[i] = cidr->node.words[i];
		key->local_ipv6[i] = node->addr6.words[i];
	}
	return bpf_skb_set_tunnel_key(skb, key, sizeof(*key),
				      config.tunnel_flags6 | BPF_F_TUNINFO_IPV6);
}

/* Stage: where the tunnel device shall send the packet. */
static __always_inline enum drop_reason tunnel_enter(struct __sk_buff *skb, const struct flow *flow)
{
	static const __u8 to[6] = TUNNEL_DEVICE_MAC, from[6] = TUNNEL_SOURCE_MAC;
	const struct node_cidr *cidr = node_cidr_find(&flow->dst);
	struct bpf_tunnel_key key = { .tunnel_id = config.tunnel_id, .tunnel_ttl = TUNNEL_TTL };
	const struct node_state *node = node_find();
	struct ethhdr *eth;
	long r;

	if (!cidr || !node || addr_is_none(&cidr->node))
		return DROP_NO_TUNNEL;
	eth = ctx_header(skb, 0, sizeof(*eth));
	if (!eth)
		return DROP_SHORT_HEADER;
	/* From here on it is the node's own: to_wire must not take it for a packet of a pod. */
	skb->mark &= ~(WEIR_MARK_ANSWER | WEIR_MARK_MASQUERADE);
	__builtin_memcpy(eth->h_dest, to, sizeof(to));
	__builtin_memcpy(eth->h_source, from, sizeof(from));
	r = ip_addr_is_v4(&cidr->node) ? tunnel_choose4(skb, &key, cidr, node) :
					 tunnel_choose6(skb, &key, cidr, node);
	return r ? DROP_INTERNAL : DROP_NONE;
}
