/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a new connection to a service becomes: its backend, and where answers would not
 * come back here, or would meet those of another connection, another source.
 */
#pragma once

#include "lib/node_cidr.h"
#include "lib/peer.h"
#include "lib/service_entry.h"
#include "lib/service_pick.h"
#include "lib/source_port.h"
#include "weir/spread.h"

/* Another node may have sent it on as it came from outside (direct.h), for this one to answer. */
static __always_inline _Bool flow_was_sent_on(const struct flow *flow)
{
	return config.direct && flow->flags & FLOW_FROM_WIRE && flow->hops <= DIRECT_HOPS;
}

/* False: it is being changed at this moment. */
static __always_inline _Bool node_addr6(struct ip_addr *ret, const volatile struct node_state *node)
{
	__u32 turn = node->addr6_turn;

	ret->halves[0] = node->addr6.halves[0];
	ret->halves[1] = node->addr6.halves[1];
	return !(turn & 1) && turn == node->addr6_turn;
}

/* False: the node has no address of this family. */
static __always_inline _Bool node_addr(struct ip_addr *ret, _Bool v4)
{
	const struct node_state *node = node_find();

	if (!node)
		return 0;
	if (!v4)
		return node_addr6(ret, node) && !addr_is_none(ret);
	ip_addr_set_v4(ret, node->addr4);
	return node->addr4;
}

int flow_frontend(const struct flow *flow, struct frontend *ret, __be16 port, __u8 proto);

/*
 * The frontend that the packet asks, by port 0 and protocol 0 the address. 0: there is none. What
 * was sent on may be for a NodePort of another node, which has the same backends here.
 */
SUBPROGRAM int flow_frontend(const struct flow *flow, struct frontend *ret, __be16 port,
			     __u8 proto)
{
	const struct frontend *frontend;
	const struct peer *peer;
	struct ip_addr addr;

	if (!flow || !ret)
		return 0;
	peer = flow_was_sent_on(flow) ? peer_find(&flow->dst) : NULL;
	addr = flow->dst;
	if (peer && peer->kind == PEER_NODE)
		node_addr(&addr, flow->family == FLOW_IP4);
	frontend = frontend_find(&addr, port, proto);
	if (frontend)
		*ret = *frontend;
	return !!frontend;
}

/* The service has backends on this node. */
static __always_inline _Bool service_is_here(__u32 number)
{
	const struct service_port *port = service_find(number);

	return port && service_set_count(*(const volatile __u64 *)&port->sets[SERVICE_LOCAL]);
}

/*
 * From outside a traffic policy counts as it stands; but the pods of other nodes are the
 * cluster. Who sends on has chosen this node; which of its backends is left to it.
 */
static __always_inline enum service_set flow_set(const struct flow *flow,
						 const struct frontend *frontend)
{
	const struct peer *peer;

	if (flow_was_sent_on(flow) && service_is_here(frontend->service))
		return SERVICE_LOCAL;
	if (!(flow->flags & FLOW_FROM_WIRE) || !(frontend->flags & FRONTEND_LOCAL))
		return frontend_set(frontend);
	peer = peer_find(&flow->src);
	return peer && peer->kind == PEER_REMOTE_POD ? frontend_set(frontend) : SERVICE_LOCAL;
}

/* What comes from outside finds the same backend whenever, and at whatever node, it arrives. */
static __always_inline __u32 flow_place(const struct flow *flow)
{
	return flow->flags & FLOW_FROM_WIRE ?
		       spread_flow(&flow->src, flow->sport, &flow->dst, flow->dport, flow->proto) :
		       bpf_get_prandom_u32();
}

int backend_choose(struct service_pick *pick, struct flow *flow, const struct frontend *frontend);

/* The choice of service_pick.h, for the sender of the flow. */
SUBPROGRAM int backend_choose(struct service_pick *pick, struct flow *flow,
			      const struct frontend *frontend)
{
	enum service_answer answer;

	if (!pick || !flow || !frontend)
		return DROP_INTERNAL;
	pick->client = flow->src;
	pick->service = frontend->service;
	pick->set = flow_set(flow, frontend);
	pick->now = flow->now;
	pick->place = flow_place(flow);
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
	sc->here = peer && (peer->kind == PEER_LOCAL_POD || peer->kind == PEER_HOST);
	return 1;
}

static __always_inline void gateway_get(struct ip_addr *ret, const struct node_state *node,
					const struct flow *flow)
{
	if (flow->family == FLOW_IP4)
		ip_addr_set_v4(ret, node->gateway4);
	else
		*ret = node->gateway6;
}

/* A pod that is its own backend: only what comes from elsewhere does it answer to us. */
static __always_inline void hairpin(struct service_case *sc, const struct flow *flow)
{
	const struct node_state *node;

	if (!ip_addr_equal(&sc->to.dst, &flow->src))
		return;
	node = node_find();
	if (!node)
		return;
	gateway_get(&sc->to.src, node, flow);
}

/*
 * In a tunnel the node is the gateway of its pods, so that answers come by the tunnel as well.
 * False: the node has no address of this family.
 */
static __always_inline _Bool source_of_node(const struct flow *flow, struct service_case *sc)
{
	const struct node_state *node = node_find();

	if (!node)
		return 0;
	sc->to.sport = bpf_htons((__u16)(config.source_port + random_below(config.source_ports)));
	if (node->tunnels && addr_is_tunnelled(&sc->to.dst)) {
		gateway_get(&sc->to.src, node, flow);
		return 1;
	}
	return node_addr(&sc->to.src, flow->family == FLOW_IP4);
}

/*
 * What comes from outside and goes on to another node, or outside again, is this node's from
 * then on, so that answers come back here.
 */
static __always_inline enum drop_reason source_choose(struct flow *flow, struct service_case *sc)
{
	__u32 first = SOURCE_PORT_FIRST, ports = 65536 - SOURCE_PORT_FIRST;

	if (flow->flags & FLOW_FROM_WIRE && !sc->here) {
		if (!source_of_node(flow, sc))
			return DROP_NO_ROUTE;
		first = config.source_port;
		ports = config.source_ports;
	} else {
		hairpin(sc, flow);
	}
	return source_port_choose(flow, sc, first, ports);
}

/*
 * Nobody sends from a service's address: the answer would be a question to that service, and
 * two of them would talk to each other without end. Hosts that announce one may have other
 * ports of it.
 */
static __always_inline _Bool source_is_service(const struct flow *flow)
{
	const struct frontend *whole = frontend_find(&flow->src, 0, 0);

	if (!whole)
		return 0;
	return whole->flags & FRONTEND_WHOLE ||
	       frontend_find(&flow->src, flow->sport, flow->proto);
}

int source_check(const struct flow *flow, const struct frontend *frontend);

/* Stage: who may not use the frontend is not told so. */
SUBPROGRAM int source_check(const struct flow *flow, const struct frontend *frontend)
{
	const struct peer *peer;
	struct service_hit *hit;

	if (!flow || !frontend)
		return DROP_INTERNAL;
	if (frontend->flags & FRONTEND_RANGES && !service_range_has(frontend->service, &flow->src)) {
		hit = service_hit_find(frontend->service);
		if (hit)
			hit->silent++;
		return DROP_SERVICE_SOURCE;
	}
	if (!(flow->flags & FLOW_FROM_WIRE))
		return DROP_NONE;
	peer = peer_find(&flow->src);
	if (peer)
		return peer->kind == PEER_HOST ? DROP_POD_FROM_WIRE : DROP_NONE;
	return source_is_service(flow) ? DROP_SERVICE_SOURCE : DROP_NONE;
}

/* It is not the middle of a connection that nobody knows any more. */
static __always_inline _Bool service_begins(const struct flow *flow)
{
	return !proto_is_stream(flow->proto) || flow->role == ROLE_OPEN;
}

/*
 * Nor need it be: what came from outside may have come by another node before, or was
 * forgotten, and its backend can be told. If that is not here it has seen another source, and
 * the client is told at once; if it is, and does not know the connection, it says so itself.
 */
static __always_inline _Bool service_may_go_on(const struct flow *flow,
					       const struct frontend *frontend)
{
	return flow->flags & FLOW_FROM_WIRE && frontend->flags & FRONTEND_EXTERNAL;
}

/* The connection gets a backend of @sc->frontend, and the flow becomes one to it. */
static __always_inline enum drop_reason service_choose(struct flow *flow, struct service_case *sc)
{
	enum drop_reason why = source_check(flow, &sc->frontend);

	why = why ?: (enum drop_reason)backend_choose(&sc->pick, flow, &sc->frontend);
	if (why)
		return why;
	if (!backend_address(sc, flow, sc->pick.backend))
		return DROP_INTERNAL;
	if (!service_begins(flow) && !sc->here) {
		flow->flags |= FLOW_REJECTED;
		return DROP_SERVICE_BACKEND_GONE;
	}
	/* The service has its backend's own address: nothing to translate, or to remember. */
	if (nat_equal(&sc->to, &sc->from))
		return DROP_NONE;
	why = source_choose(flow, sc);
	if (why)
		return why;
	flow_become(flow, &sc->to);
	return DROP_NONE;
}
