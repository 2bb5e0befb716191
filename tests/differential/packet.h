/* SPDX-License-Identifier: Apache-2.0 */
/* A question to the programs in the kernel: may this connection be opened, and where to? */
#pragma once

#include "world.h"

struct probe {
	struct ip_addr src, dst;
	uint8_t proto;
	uint16_t port; /* at the destination; host order */
	bool from_host; /* a socket of the node sends it */
	bool forwarded; /* the stack brings it to the pod, not the uplink's program */
	uint16_t source_port; /* host order; 0: always the same */
};

/* A connection's first packet, through the program that meets it. What it leaves is removed. */
bool probe_passes(const struct world *world, const struct probe *probe);

enum landing {
	LANDING_NOWHERE, /* dropped */
	LANDING_REFUSED, /* the client is sent a TCP reset, or an ICMP error: port unreachable */
	LANDING_THERE, /* goes on to the address and port that are said */
};

/* Where the first packet of a connection goes; what it leaves behind stays. */
enum landing probe_lands(struct ip_addr *addr, uint16_t *port, const struct world *world,
			 const struct probe *probe);
