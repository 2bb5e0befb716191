/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a new connection of a pod to a service becomes: its backend, and another source
 * port where the client's own would meet another connection.
 */
#pragma once

#include "lib/peer.h"
#include "lib/service_entry.h"
#include "lib/service_pick.h"

#define SOURCE_PORT_FIRST 1024
#define SOURCE_PORT_TRIES 8

/* The choice of service_pick.h, for the sender of the flow. */
static __always_inline enum drop_reason backend_choose(struct service_pick *pick, struct flow *flow,
						       const struct frontend *frontend)
{
	enum service_answer answer;

	pick->client = flow->src;
	pick->service = frontend->service;
	pick->set = frontend_set(frontend);
	pick->now = flow->now;
	answer = service_pick(pick);
	if (answer == SERVICE_FOUND)
		return DROP_NONE;
	if (answer == SERVICE_UNREACHABLE)
		return DROP_SERVICE_NOT_LOCAL;
	flow->flags |= FLOW_REJECTED;
	return DROP_SERVICE_NO_ENDPOINT;
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
	enum drop_reason why;

	/* There is no table of ranges yet that a pod could be in. */
	if (frontend->flags & FRONTEND_RANGES)
		return DROP_SERVICE_SOURCE;
	why = backend_choose(&sc->pick, flow, frontend);
	if (why)
		return why;
	if (!backend_address(sc, flow, sc->pick.backend))
		return DROP_INTERNAL;
	/* The service has its backend's own address: nothing to translate, or to remember. */
	if (nat_equal(&sc->to, &sc->from))
		return DROP_NONE;
	hairpin(sc, flow);
	if (!source_port_choose(flow, sc))
		return DROP_SERVICE_PORTS;
	flow_become(flow, &sc->to);
	return DROP_NONE;
}
