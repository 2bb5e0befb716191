/* SPDX-License-Identifier: Apache-2.0 */
/* The datapath's entry of a connection, before and after a packet of it has passed. */
#pragma once

#include "hostsim/frame_read.h"
#include "weir/conntrack.h"

struct seen_entry {
	bool there; /* and alive */
	uint8_t sender; /* enum ct_end: whose packet it is */
	union {
		struct ct_entry entry;
		struct ct6_value value; /* as far as its family has one */
	};
};

/* Either way, in the table of answered connections or of new ones. */
void entry_look(struct seen_entry *ret, const struct tuple *tuple);

/*
 * The packet passed: there is an entry with a verdict of this moment, which has
 * counted the packet. @alone: no other packet passed meanwhile.
 */
void entry_has_booked(const struct seen_entry *before, const struct reading *packet, bool alone);
