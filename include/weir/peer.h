/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Peers: what an address is, for policy and for delivery.
 *
 * Maps `peer4` (hash, key __be32) and `peer6` (hash, key struct ip_addr). An
 * address without an entry is "world": class 0, not ours. The kind is a fact
 * of the system and never comes from a label.
 *
 * A peer class is a set of pods that no selector of any policy tells apart; the
 * agent numbers them. Class 0 matches no selector.
 */
#pragma once

#include "weir/types.h"

enum peer_kind {
	PEER_WORLD = 0,
	PEER_LOCAL_POD = 1,
	PEER_REMOTE_POD = 2,
	PEER_HOST = 3, /* an address of this node */
	PEER_NODE = 4, /* an address of another node */
};

struct peer {
	__u32 class[2]; /* [generation & 1] */
	__u32 ifindex; /* PEER_LOCAL_POD: finds the endpoint; otherwise 0 */
	__u32 kind; /* enum peer_kind */
};
ABI_SIZE(struct peer, 16);
