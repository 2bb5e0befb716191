/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node's own network as policy sees it: its addresses, and the devices to the outside. The
 * first of these is what others know the node by (nodeaddr.h).
 */
#pragma once

#include "agent.h"

/* Read addresses and uplink, and follow their changes. 0 or a negative errno. */
int uplink_watch(struct agent *agent);

/* The programs of the wire on the uplinks that are there. */
int uplink_attach(struct agent *agent);

bool uplink_is(const struct agent *agent, uint32_t ifindex);

/* The fast path of the first uplink that lacks what was wanted; if none does, of the first one. */
const struct uplink_xdp *uplink_xdp(const struct agent *agent);

/* The smallest, in bytes; 0: there is no uplink. */
unsigned int uplink_mtu(const struct agent *agent);
