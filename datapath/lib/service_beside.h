/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A direct connection to a backend whose own ends are those that one to a service has
 * become: its client uses one source port for both. Backend and answers could not tell
 * them apart, so the later one gets another source port, and two entries like those of a
 * service (CT_BESIDE in weir/conntrack.h).
 */
#pragma once

#include "lib/service_choose.h"
#include "lib/service_entry.h"

/*
 * Whether the direct packet is of such a connection, or may be: @entry, found by its own
 * ends, is a service's and goes on; or it is gone, and the connection beside it is not.
 */
static __always_inline _Bool service_may_be_beside(const struct flow *flow,
						   const struct ct_key *key,
						   const struct ct_entry *entry)
{
	if (!entry)
		return proto_has_ports(flow->proto) && flow->role != ROLE_OPEN;
	return entry->flags & CT_TRANSLATED && entry->opener == key->sender &&
	       !ct_reopens(entry, flow, key->sender);
}

/* What becomes of the connection whose first entry was found: it goes on as it is. */
static __always_inline _Bool beside_goes_on(struct flow *flow, struct service_case *sc)
{
	int second = service_second_find(flow, sc);

	if (second == SECOND_LIVES)
		return 1;
	return second != SECOND_FOREIGN && flow->role != ROLE_OPEN;
}

int service_beside(struct flow *flow, struct service_case *sc, int taken);

/* The direct packet gets the source port of its connection. @taken: it needs one. */
SUBPROGRAM int service_beside(struct flow *flow, struct service_case *sc, int taken)
{
	enum drop_reason why;
	struct ct_hit first;

	if (!flow || !sc)
		return DROP_INTERNAL;
	sc->flags = CT_BESIDE;
	ct_key_beside(&sc->client);
	first = ct_find_any(&sc->client, flow->now);
	if (first.entry) {
		ct_nat_read(&sc->to, first);
		if (beside_goes_on(flow, sc)) {
			flow_become(flow, &sc->to);
			return DROP_NONE;
		}
		service_forget(flow, sc);
	}
	if (!taken)
		return DROP_NONE;
	/* The middle of a connection that nobody knows has its own port at the other end. */
	if (flow->role == ROLE_ANSWER || (proto_is_stream(flow->proto) && flow->role != ROLE_OPEN))
		return DROP_CT_INVALID;
	sc->to = sc->from;
	sc->to.generation = 0;
	why = source_port_choose(flow, sc, SOURCE_PORT_FIRST, 65536 - SOURCE_PORT_FIRST);
	if (why)
		return why;
	flow_become(flow, &sc->to);
	return DROP_NONE;
}
