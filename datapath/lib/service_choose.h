/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The choice of a backend, and of a source port where the client's own would meet
 * another connection.
 */
#pragma once

#include "lib/peer.h"
#include "lib/service_entry.h"
#include "lib/service_table.h"

#define SOURCE_PORT_FIRST 1024
#define SOURCE_PORT_TRIES 8

/* Evenly below @end, but for what 2^32 leaves over. */
static __always_inline __u32 random_below(__u32 end)
{
	return (__u32)((__u64)bpf_get_prandom_u32() * end >> 32);
}

/* Of what every client here is: a pod of this node. */
static __always_inline enum service_set frontend_set(const struct frontend *frontend)
{
	return (frontend->flags & (FRONTEND_LOCAL | FRONTEND_EXTERNAL)) == FRONTEND_LOCAL ?
		       SERVICE_LOCAL : SERVICE_CLUSTER;
}

/* The backend that the client had, if it may have it again. 0: none. */
static __always_inline __u32 affinity_recall(const struct flow *flow,
					     const struct frontend *frontend,
					     __u32 timeout_s, enum service_set set)
{
	const struct affinity *last = affinity_find(&flow->src, frontend->service);
	const struct backend *record;

	if (!last || flow->now - last->used > timeout_s * config.hz)
		return 0;
	record = backend_find(last->backend);
	if (!record || record->service != frontend->service ||
	    record->generation != last->generation || !(record->flags & 1 << set))
		return 0;
	return last->backend;
}

/* Counted from the last new connection: each one begins anew. */
static __always_inline void affinity_remember(const struct service_case *sc,
					      const struct flow *flow, __u32 service)
{
	struct affinity affinity = {
		.backend = sc->backend,
		.generation = sc->to.generation,
		.used = flow->now,
	};

	affinity_put(&flow->src, service, &affinity);
}

/* The number of the chosen backend; 0 with a reason in @why. */
static __always_inline __u32 backend_choose(enum drop_reason *why, struct flow *flow,
					    const struct frontend *frontend,
					    const struct service_port *port)
{
	struct service_hit *hit = service_hit_find(frontend->service);
	enum service_set set = frontend_set(frontend);
	__u32 number = 0;
	__u64 ref;

	*why = DROP_INTERNAL;
	if (!hit)
		return 0;
	ref = *(const volatile __u64 *)&port->sets[set];
	if (service_set_count(ref)) {
		hit->connections++;
		if (port->affinity_s)
			number = affinity_recall(flow, frontend, port->affinity_s, set);
		return number ?: backend_at(service_set_first(ref) +
					    random_below(service_set_count(ref)));
	}
	if (service_set_first(ref) == SERVICE_SILENT) {
		hit->silent++;
		*why = DROP_SERVICE_NOT_LOCAL;
		return 0;
	}
	hit->refused++;
	flow->flags |= FLOW_REJECTED;
	*why = DROP_SERVICE_NO_ENDPOINT;
	return 0;
}

/* What the packet becomes when it goes to backend @number. False: the record is not usable. */
static __always_inline _Bool backend_address(struct service_case *sc, const struct flow *flow,
					     __u32 number)
{
	const struct backend *record = backend_find(number);
	const struct peer *peer;

	if (!record || !record->service ||
	    ip_addr_is_v4(&record->addr) != (flow->family == FLOW_IP4))
		return 0;
	/* First: what ends meanwhile shall be noticed. */
	sc->to.generation = *(const volatile __u32 *)&record->generation;
	sc->to.src = flow->src;
	sc->to.sport = flow->sport;
	sc->to.dst = record->addr;
	sc->to.dport = record->port;
	sc->backend = number;
	peer = peer_find(&record->addr);
	sc->flags = peer && (peer->kind == PEER_LOCAL_POD || peer->kind == PEER_REMOTE_POD) ?
			    CT_BACKEND_POD : 0;
	return 1;
}

/* A pod that is its own backend: only what comes from elsewhere does it answer to us. */
static __always_inline void hairpin(struct service_case *sc, const struct flow *flow)
{
	if (!ip_addr_equal(&sc->to.dst, &flow->src))
		return;
	if (flow->family == FLOW_IP4) {
		ip_addr_set_v4(&sc->to.src, config.gateway4);
		return;
	}
	sc->to.src.halves[0] = config.gateway6.halves[0];
	sc->to.src.halves[1] = config.gateway6.halves[1];
}

int service_port_is_free(struct flow *flow, struct service_case *sc);

/* No other connection that lives is between these two ends. */
SUBPROGRAM int service_port_is_free(struct flow *flow, struct service_case *sc)
{
	struct ct_hit hit;

	if (!flow || !sc)
		return 0;
	service_other(sc, flow);
	hit = ct_find_any(&sc->other, flow->now);
	if (!hit.entry || ct_was(hit, &sc->from))
		return 1;
	return flow->role == ROLE_OPEN && hit.entry->flags & CT_CLOSING;
}

static __always_inline _Bool source_port_choose(struct flow *flow, struct service_case *sc)
{
	int i;

	for (i = 0; i < SOURCE_PORT_TRIES; i++) {
		if (service_port_is_free(flow, sc))
			return 1;
		sc->to.sport = bpf_htons((__u16)(SOURCE_PORT_FIRST +
						 random_below(65536 - SOURCE_PORT_FIRST)));
	}
	return 0;
}

/* The connection gets a backend of @frontend, and the flow becomes one to it. */
static __always_inline enum drop_reason service_choose(struct flow *flow, struct service_case *sc,
						       const struct frontend *frontend)
{
	const struct service_port *port = service_find(frontend->service);
	enum drop_reason why;
	__u32 number;

	/* There is no table of ranges yet that a pod could be in. */
	if (frontend->flags & FRONTEND_RANGES)
		return DROP_SERVICE_SOURCE;
	if (!port)
		return DROP_INTERNAL;
	number = backend_choose(&why, flow, frontend, port);
	if (!number)
		return why;
	if (!backend_address(sc, flow, number))
		return DROP_INTERNAL;
	if (port->affinity_s)
		affinity_remember(sc, flow, frontend->service);
	hairpin(sc, flow);
	if (!source_port_choose(flow, sc))
		return DROP_SERVICE_PORTS;
	flow_become(flow, &sc->to);
	return DROP_NONE;
}
