/* SPDX-License-Identifier: Apache-2.0 */
/* One question to the programs in the kernel: may this connection be opened? */
#pragma once

#include "world.h"

struct probe {
	struct ip_addr src, dst;
	uint8_t proto;
	uint16_t port; /* at the destination; host order */
	bool from_host; /* a socket of the node sends it */
	bool forwarded; /* the stack brings it to the pod, not the uplink's program */
};

/* The first packet of a connection goes through the program that meets it. What it leaves is removed. */
bool probe_passes(const struct world *world, const struct probe *probe);
