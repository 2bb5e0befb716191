/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Direct server return (docs/decisions/0012): what comes from outside to a service whose backend
 * is a pod of another node goes to that node as it is, for it to translate and to answer. It
 * has DIRECT_HOPS left then, and what has no more is never sent on in this way, so nothing goes
 * round. Everything that does not fit is left to the translation with this node's address.
 *
 * Such a connection is one entry among those that were not answered, because no answer is
 * seen here: it only keeps the backend while the set changes. Without it the connection's
 * place in the set leads to the same one.
 */
#pragma once

#include "lib/ctx.h"
#include "lib/parse_l4.h"
#include "lib/peer.h"
#include "lib/route.h"
#include "lib/service.h"

/* Neither who may not use the frontend, nor who cannot come from outside. */
static __always_inline _Bool direct_source(const struct flow *flow, const struct frontend *frontend)
{
	const struct peer *peer = peer_find(&flow->src);

	if (peer && (peer->kind == PEER_HOST || peer->kind == PEER_LOCAL_POD))
		return 0;
	return !(frontend->flags & FRONTEND_RANGES) ||
	       service_range_has(frontend->service, &flow->src);
}

static __always_inline _Bool addr_is_remote_pod(const struct ip_addr *addr)
{
	const struct peer *peer = peer_find(addr);

	return peer && peer->kind == PEER_REMOTE_POD;
}

/*
 * The backend at the connection's place, if it is a pod of another node. It is not counted yet.
 * Of @sc: what the packet becomes there (to, backend), and the service (pick).
 */
static __always_inline _Bool direct_choose(struct service_case *sc, const struct flow *flow)
{
	const struct frontend *frontend = frontend_find(&flow->dst, flow->dport, flow->proto);
	const struct service_port *port;
	__u64 ref;

	if (!frontend || (frontend->flags & (FRONTEND_EXTERNAL | FRONTEND_LOCAL)) != FRONTEND_EXTERNAL)
		return 0;
	port = service_find(frontend->service);
	/* Who has affinity to whom only this node knows. */
	if (!port || port->affinity_s || !direct_source(flow, frontend))
		return 0;
	sc->pick.service = frontend->service;
	sc->pick.place = flow_place(flow);
	ref = *(const volatile __u64 *)&port->sets[SERVICE_CLUSTER];
	return service_set_count(ref) && backend_at_place(&sc->pick, ref) &&
	       backend_address(sc, flow, sc->pick.backend) && addr_is_remote_pod(&sc->to.dst);
}

/* As service_course() says of other connections. */
static __always_inline _Bool direct_goes_on(const struct flow *flow, const struct ct_entry *entry,
					    const struct ct6_nat *to)
{
	if (flow->role == ROLE_OPEN && entry->flags & CT_CLOSING)
		return 0;
	if (!backend_is_current(entry->backend, to->generation))
		return proto_is_stream(flow->proto) && flow->role != ROLE_OPEN &&
		       addr_is_remote_pod(&to->dst);
	return proto_is_stream(flow->proto) || entry->generation == flow->generation ||
	       service_goes_on(flow, entry->backend);
}

int direct_find(struct flow *flow);

/* The packet's connection is one of these, or may become one: service_case() says to whom. */
SUBPROGRAM int direct_find(struct flow *flow)
{
	struct service_case *sc = service_case();
	struct ct_hit hit;

	if (!flow || !sc)
		return 0;
	ct_key_pack(&sc->client, flow);
	sc->pick.service = 0;
	hit = ct_find_new(&sc->client, flow->now);
	if (!hit.entry)
		return !ct_find(&sc->client, flow->now).entry && direct_choose(sc, flow);
	if (!ct_is_direct(hit.entry) || hit.entry->opener != sc->client.sender)
		return 0;
	ct_nat_read(&sc->to, hit);
	sc->backend = hit.entry->backend;
	return direct_goes_on(flow, hit.entry, &sc->to) || direct_choose(sc, flow);
}

/* The connection begins, or goes to another backend from now on. */
static __always_inline void direct_open(const struct flow *flow, struct service_case *sc)
{
	struct service_hit *hit = service_hit_find(sc->pick.service);

	if (hit)
		hit->connections++;
	sc->flags = CT_DIRECT | CT_BACKEND_POD;
	sc->expires = flow->now;
	sc->answered = 0;
	service_first_fill(sc, flow);
	sc->value.entry.expires = flow->now + ct_lifetime(&sc->value.entry, flow->proto);
	/* Where there is no room it goes by its place in the set. */
	ct_insert_new(&sc->client, &sc->value, BPF_ANY);
}

/* The entry of a packet that goes on. Only the opener's side is seen. */
static __always_inline void direct_book(const struct flow *flow, struct service_case *sc)
{
	struct ct_hit hit;

	/* What ends a connection begins none. */
	if (sc->pick.service && flow->role != ROLE_ANSWER)
		direct_open(flow, sc);
	hit = ct_find_new(&sc->client, flow->now);
	if (!hit.entry)
		return;
	if (!sc->pick.service && flow->role != ROLE_OPEN)
		hit.entry->flags |= CT_ANSWERED | (flow->flags & FLOW_FIN ? CT_CLOSING : 0);
	hit.entry->generation = flow->generation;
	ct_book(hit.entry, flow, sc->client.sender);
}

/*
 * Another node is next on this route, and not a router who would send the packet back; and it
 * gets it by the segment where its from_wire is.
 */
static __always_inline _Bool route_is_to_node(const struct bpf_fib_lookup *route, const ctx_t *ctx)
{
	const struct peer *peer;
	struct ip_addr hop;

	if (route->ifindex != ctx_ifindex(ctx))
		return 0;
	if (route->family == FAMILY_IP4)
		ip_addr_set_v4(&hop, route->ipv4_dst);
	else
		__builtin_memcpy(&hop, route->ipv6_dst, sizeof(hop));
	peer = peer_find(&hop);
	return peer && peer->kind == PEER_NODE;
}

/* The way to @backend, for a packet to somebody else. */
static __always_inline enum drop_reason direct_route(struct bpf_fib_lookup *route, ctx_t *ctx,
						     struct flow *flow,
						     const struct ip_addr *backend)
{
	struct ip_addr dst = flow->dst;
	enum drop_reason why;

	flow->dst = *backend;
	why = route_find(route, ctx, flow);
	flow->dst = dst;
	return why;
}

int direct_send(ctx_t *ctx, struct flow *flow);

/*
 * The packet leaves for what direct_find() has found, for itself or for the packet that it is
 * about: the action, 0: it cannot in this way, or -reason.
 */
SUBPROGRAM int direct_send(ctx_t *ctx, struct flow *flow)
{
	struct service_case *sc = service_case();
	struct bpf_fib_lookup route = {};
	enum drop_reason why;

	if (!flow || !sc)
		return 0;
	why = direct_route(&route, ctx, flow, &sc->to.dst);
	if (why == DROP_TOO_LONG)
		return -(int)why;
	if (why || !route_is_to_node(&route, ctx) || !ctx_may_leave(ctx, &route))
		return 0;
	why = followers(flow, ctx);
	if (flow->role != ROLE_ERROR)
		direct_book(flow, sc);
	why = why ?: hops_decrease(ctx, flow, flow->hops - DIRECT_HOPS);
	return why ? -(int)why : ctx_leave(ctx, &route);
}

/* It may be another node's to answer. */
static __always_inline _Bool direct_fits(const struct flow *flow)
{
	return config.direct && flow->flags & FLOW_FROM_WIRE && flow->way == WAY_TRACK &&
	       flow->hops > DIRECT_HOPS;
}

/* Stage: the same for a packet from outside. */
static __always_inline int direct_forward(ctx_t *ctx, struct flow *flow)
{
	return proto_is_transport(flow->proto) && direct_find(flow) ? direct_send(ctx, flow) : 0;
}
