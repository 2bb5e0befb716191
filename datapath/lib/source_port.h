/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The source port of a translated connection, by which its answers are told from those of all
 * others that have the same backend. A flood of openings that nobody goes on with must not keep
 * all ports from those who mean it: where none is free, the connection that has waited longest
 * for its answer, of those that were met, loses its port to the new one. Answered connections
 * never do.
 */
#pragma once

#include "lib/drop.h"
#include "lib/service_entry.h"

#define SOURCE_PORT_FIRST 1024
#define SOURCE_PORT_TRIES 8

/* The connection of @hit, which has the source port of @sc->to, may lose it. */
static __always_inline _Bool source_port_is_loose(const struct flow *flow,
						  const struct service_case *sc, struct ct_hit hit)
{
	const struct ct_entry *entry = hit.entry;

	/* Of an entry of masquerade, which is both, its own port's choice says that. */
	return (entry->flags & CT_OUTSIDE) == CT_TRANSLATED &&
	       entry->opener == sc->other.sender && ct_is_loose(entry, flow);
}

int source_port_is_free(struct flow *flow, struct service_case *sc);

/* No other connection that lives is between these two ends; else it may be remembered. */
SUBPROGRAM int source_port_is_free(struct flow *flow, struct service_case *sc)
{
	struct ct_hit hit;
	__u32 left;

	if (!flow || !sc)
		return 0;
	service_other(sc, flow);
	hit = ct_seek(flow, &sc->other);
	if (!hit.entry || ct_was(hit, &sc->from))
		return 1;
	if (flow->role == ROLE_OPEN && hit.entry->flags & CT_CLOSING)
		return 1;
	left = hit.entry->expires - flow->now;
	if (flow->seen == CT_SEEN_NEW && left < sc->loose_left &&
	    source_port_is_loose(flow, sc, hit)) {
		sc->loose_left = left;
		sc->loose = sc->to.sport;
	}
	return 0;
}

/* The first entry of the connection that was @sc->lost, if it still leads to the source port. */
static __always_inline void source_port_forget(struct flow *flow, struct service_case *sc,
					       __u32 flags)
{
	struct ct_hit first;

	flow_become(flow, &sc->lost);
	ct_key_pack(&sc->loser, flow);
	flow_return(flow, &sc->from);
	if (flags & CT_BESIDE)
		ct_key_beside(&sc->loser);
	first = ct_find_new(&sc->loser, flow->now);
	if (!first.entry || !(first.entry->flags & CT_SERVICE))
		return;
	ct_nat_read(&sc->lost, first);
	if (nat_equal(&sc->lost, &sc->to))
		ct_delete_new(&sc->loser);
}

int source_port_take(struct flow *flow, struct service_case *sc);

/*
 * All ports that were tried are taken. The one to be had is free from now on: enum drop_reason.
 * Whoever of several CPUs makes the next entry has it (ct_open()).
 */
SUBPROGRAM int source_port_take(struct flow *flow, struct service_case *sc)
{
	struct ct_hit hit;
	__u32 flags;

	if (!flow || !sc || !sc->loose)
		return DROP_SERVICE_PORTS;
	sc->to.sport = sc->loose;
	service_other(sc, flow);
	flow->seen = CT_SEEN_NOWHERE;
	sc->taken = 1;
	hit = ct_find_new(&sc->other, flow->now);
	if (!hit.entry)
		return DROP_NONE;
	if (!source_port_is_loose(flow, sc, hit))
		return DROP_SERVICE_PORTS;
	ct_nat_read(&sc->lost, hit);
	flags = hit.entry->flags;
	ct_delete_new(&sc->other);
	source_port_forget(flow, sc, flags);
	count_length(flow->length, DROP_SERVICE_PORT_LOST, (enum policy_dir)flow->dir);
	return DROP_NONE;
}

int source_port_choose(struct flow *flow, struct service_case *sc, __u32 first, __u32 ports);

/* The source port is free, or becomes one of @ports ports from @first on that is. */
SUBPROGRAM int source_port_choose(struct flow *flow, struct service_case *sc, __u32 first,
				  __u32 ports)
{
	__u32 n = random_below(ports);
	int i;

	if (!flow || !sc)
		return DROP_INTERNAL;
	sc->loose = 0;
	sc->loose_left = ~0U;
	for (i = 0; i < SOURCE_PORT_TRIES; i++) {
		if (source_port_is_free(flow, sc))
			return DROP_NONE;
		sc->to.sport = bpf_htons((__u16)(first + n));
		n = n + 1 < ports ? n + 1 : 0;
	}
	return source_port_take(flow, sc);
}
