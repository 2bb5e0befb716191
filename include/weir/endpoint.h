/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Endpoints: the pods of this node, as the datapath knows them.
 *
 * Map `endpoint`: array, indexed by `ifindex & (slots - 1)` of the host side of
 * the pod's veth, so that a packet finds its endpoint without hashing. The
 * agent gives out interface indexes whose slot is free; a slot whose ifindex
 * differs from the packet's belongs to somebody else and counts as no endpoint.
 *
 * Everything that policy decides per endpoint stands twice, once per parity of
 * the policy generation (state.h): the agent writes the idle half and turns the
 * generation, so that all endpoints and peers change in one write.
 */
#pragma once

#include "weir/types.h"

enum endpoint_flag {
	/* Its policy is in force. Without it nothing passes. */
	ENDPOINT_READY = 1 << 0,
	/* Another plugin owns the link (chained): L2 neighbours other than the gateway exist. */
	ENDPOINT_CHAINED = 1 << 1,
};

struct endpoint {
	__u32 ifindex; /* host side of the veth, 0: the slot is free */
	__u16 flags; /* enum endpoint_flag */
	__u16 mtu; /* bytes of IP packet that the pod's interface takes */
	__be32 addr4; /* 0: none */
	__u8 mac[6]; /* of the pod's interface */
	__u8 host_mac[6]; /* of the host side: the gateway, as the pod sees it */
	struct ip_addr addr6; /* ::  none */
	__u32 class[2]; /* [generation & 1]: peer class of its own addresses */
	__u32 ruleset[2][POLICY_DIR_MAX]; /* [generation & 1][enum policy_dir]; 0: everything allowed */
};
ABI_SIZE(struct endpoint, 64);
