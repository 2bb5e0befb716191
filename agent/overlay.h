/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tunnels to other nodes: one device, its programs, and the maps that say which node is where.
 * Without a routing mode that has tunnels nothing of it is there.
 */
#pragma once

#include "base/texts.h"
#include "model/node_routes.h"

#define OVERLAY_LINK "weir_vxlan"

struct agent;

/* Zero is the state of an agent without tunnels. */
struct overlay {
	uint32_t ifindex; /* of the tunnel device, 0: there is none */
	bool attached; /* with its programs */
};

/*
 * With tunnels the device of a former agent gets this one's programs; without, it goes. What
 * fails is tried again by overlay_update(). Packets in its tunnels notice nothing.
 */
void overlay_open(struct agent *agent);

/* Device and maps as @routes need them; what cannot be done is said in @problems. */
void overlay_update(struct agent *agent, const struct node_routes *routes, struct texts *problems);

/* The longest packet that goes to pods of other nodes, by uplink and tunnels. */
unsigned int overlay_mtu(const struct agent *agent);
