/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Nodes at the far end of a tunnel.
 *
 * Maps `node_cidr4` and `node_cidr6`: LPM tries. A prefix is a pod CIDR whose packets go in a
 * tunnel, or an address of such a node; the value says which node that is. What the maps do
 * not have is reached, and comes, without a tunnel.
 */
#pragma once

#include "weir/types.h"

struct node_cidr4_key {
	__u32 prefixlen;
	__be32 addr;
};
ABI_SIZE(struct node_cidr4_key, 8);

struct node_cidr6_key {
	__u32 prefixlen;
	struct ip_addr addr;
} __attribute__((packed, aligned(4)));
ABI_SIZE(struct node_cidr6_key, 20);

struct node_cidr {
	/* The node as tunnels know it; :: for pod CIDRs of this node, which no tunnel has. */
	struct ip_addr node;
	__u32 pods; /* 1: a pod CIDR; what is from there comes in a tunnel only. 0: a node's address */
	__u32 pad;
} __attribute__((aligned(8)));
ABI_SIZE(struct node_cidr, 24);

/*
 * MAC addresses of all tunnel devices, and of what comes out of them: locally administered. They
 * differ because the kernel drops what comes from its own device's address.
 */
#define TUNNEL_DEVICE_MAC { 0x0e, 0x77, 0x65, 0x69, 0x72, 0x01 }
#define TUNNEL_SOURCE_MAC { 0x0e, 0x77, 0x65, 0x69, 0x72, 0x02 }
