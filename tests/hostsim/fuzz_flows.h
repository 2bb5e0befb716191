/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which packets may pass, by what was sent before: connections and fragments of
 * one run of the fuzzer, and whether the datapath still remembers them. Whether
 * policy allows one is fuzz_world.h's answer.
 */
#pragma once

#include "hostsim/fuzz_world.h"

void flows_begin(void);

/* The datapath has an entry for the connection, either way. Asked before it sees the packet. */
bool flow_is_known(const struct tuple *tuple);

/*
 * Whether a packet may pass by policy of this moment: @packet as if it were an opening,
 * @known as flow_is_known() says.
 */
bool flow_allows(const struct opening *packet, bool known, enum reading_role role);

/* It did pass: what it began is remembered. */
void flow_passed(const struct opening *packet, bool known, enum reading_role role);

/* An error about a packet of @quote. */
bool flow_error_passes(const struct tuple *quote);

/* What a later fragment may be: what a first one of its datagram was. */
struct candidate {
	struct tuple tuple;
	/*
	 * Of the later one. An answer of ICMP has its connection, but while the first one is
	 * on its way that may be an opening of which nobody has been told.
	 */
	enum reading_role role;
};

/* The first fragment of a datagram was seen; later ones are what it was. */
void fragment_first(const struct reading *reading);
bool fragment_find(struct candidate *ret, const struct reading *reading, unsigned int nth);
