/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * As what a masqueraded connection leaves: the address of the device, and a port by which
 * answers can be told. That is so when no other connection that is known, of whatever kind,
 * has the same two ends, and no socket of the node the same port. So two connections to
 * different destinations may have one port, and one pod's port is mapped to the same one
 * towards all of them as long as that is free.
 */
#pragma once

#include "lib/peer.h"
#include "lib/service_choose.h"

#define MASQUERADE_TRIES 64

static __always_inline enum masquerade_kind masquerade_kind(const struct flow *flow)
{
	if (flow->proto == IPPROTO_TCP)
		return MASQUERADE_TCP;
	if (flow->proto == IPPROTO_UDP)
		return MASQUERADE_UDP;
	return flow->proto == IPPROTO_SCTP ? MASQUERADE_SCTP : MASQUERADE_ECHO;
}

/* What the pod's packets become with the port that is tried; of an echo both ends have it. */
static __always_inline void masquerade_port_set(struct service_case *sc, struct flow *flow)
{
	sc->to.sport = bpf_htons((__u16)sc->search.port);
	if (flow_is_icmp(flow))
		sc->to.dport = sc->to.sport;
	service_other(sc, flow);
}

/* A socket of this node would get the answers. */
static __always_inline _Bool masquerade_has_socket(struct __sk_buff *skb, const struct flow *flow,
						   const struct ct6_nat *to)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sk = NULL;
	__u32 size;

	if (flow->family == FLOW_IP4) {
		tuple.ipv4.saddr = to->dst.words[3];
		tuple.ipv4.daddr = to->src.words[3];
		tuple.ipv4.sport = to->dport;
		tuple.ipv4.dport = to->sport;
		size = sizeof(tuple.ipv4);
	} else {
		__builtin_memcpy(tuple.ipv6.saddr, &to->dst, sizeof(to->dst));
		__builtin_memcpy(tuple.ipv6.daddr, &to->src, sizeof(to->src));
		tuple.ipv6.sport = to->dport;
		tuple.ipv6.dport = to->sport;
		size = sizeof(tuple.ipv6);
	}
	if (flow->proto == IPPROTO_TCP)
		sk = bpf_skc_lookup_tcp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	else if (flow->proto == IPPROTO_UDP)
		sk = bpf_sk_lookup_udp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return 0;
	bpf_sk_release(sk);
	return 1;
}

/* The connection's entry as the outside sees it; @own: the pod's. */
static __always_inline void outside_fill(struct service_case *sc, const struct flow *flow,
					 const struct ct_entry *own)
{
	_Bool high = sc->other.sender == CT_HIGH;
	__u32 pod = own->ifindex[own->opener & 1];

	sc->value.entry = (struct ct_entry){
		.expires = own->expires,
		.opener = sc->other.sender,
		.flags = CT_OUTSIDE,
		.ifindex = { high ? 0 : pod, high ? pod : 0 },
	};
	ct_nat_fill(&sc->value, flow, &sc->from);
}

/*
 * The entry is put where none is that lives: another CPU that has the same idea at the same
 * time goes on. One that has expired is in the way of BPF_NOEXIST.
 */
static __always_inline _Bool outside_claim(const struct service_case *sc, __u32 now)
{
	if (!ct_insert_new(&sc->other, &sc->value, BPF_NOEXIST))
		return 1;
	return !ct_find_new(&sc->other, now).entry && !ct_insert_new(&sc->other, &sc->value, BPF_ANY);
}

/* The key of a pod's own connection, of which @outside says what its packets were. */
static __always_inline void masquerade_own_key(struct ct_key *ret, struct flow *flow,
					       struct service_case *sc, struct ct_hit outside)
{
	struct ct6_nat was;

	ct_nat_read(&was, outside);
	flow_become(flow, &was);
	ct_key_pack(ret, flow);
	flow_return(flow, &sc->from);
}

/* Whoever has the port has not been answered: it may lose it when there is no other. */
static __always_inline void masquerade_note(struct service_case *sc, struct flow *flow,
					    struct ct_hit outside)
{
	__u32 left = outside.entry->expires - flow->now;
	const struct ct_entry *own;
	struct ct_key key;

	if (sc->search.oldest && left >= sc->search.left)
		return;
	masquerade_own_key(&key, flow, sc, outside);
	own = ct_find_any(&key, flow->now).entry;
	if (own && (own->packets[(own->opener & 1) ^ 1] || !ct_is_loose(own, flow)))
		return;
	sc->search.oldest = sc->search.port;
	sc->search.left = own ? left : 0;
}

int masquerade_port_try(struct __sk_buff *skb, struct flow *flow, struct service_case *sc);

/* 1: the connection has the port @sc->search.port, with an entry that says so. */
SUBPROGRAM int masquerade_port_try(struct __sk_buff *skb, struct flow *flow,
				   struct service_case *sc)
{
	struct ct_hit hit;

	if (!flow || !sc)
		return 0;
	masquerade_port_set(sc, flow);
	hit = ct_find_any(&sc->other, flow->now);
	if (!hit.entry)
		return !masquerade_has_socket(skb, flow, &sc->to) && outside_claim(sc, flow->now);
	if (!ct_is_outside(hit.entry->flags))
		return 0;
	if (ct_was(hit, &sc->from))
		return 1;
	masquerade_note(sc, flow, hit);
	return 0;
}

int masquerade_take_over(struct flow *flow, struct service_case *sc);

/* The port of the oldest connection without an answer, which begins anew with its next packet. */
SUBPROGRAM int masquerade_take_over(struct flow *flow, struct service_case *sc)
{
	struct ct_hit hit;
	struct ct_key key;

	if (!flow || !sc || !sc->search.oldest)
		return 0;
	sc->search.port = sc->search.oldest;
	masquerade_port_set(sc, flow);
	hit = ct_find_new(&sc->other, flow->now);
	if (!hit.entry || !ct_is_outside(hit.entry->flags))
		return 0;
	masquerade_own_key(&key, flow, sc, hit);
	ct_delete_new(&key);
	return !ct_insert_new(&sc->other, &sc->value, BPF_ANY);
}

struct masquerade_walk {
	struct __sk_buff *skb;
	struct flow *flow;
	struct service_case *sc;
	__u32 found;
};

/* Callback: the address of the device by which the packet leaves. */
static long masquerade_source_try(__u32 index, void *ctx)
{
	const struct masquerade_source *source = masquerade_source_find(index);
	struct masquerade_walk *walk = ctx;

	if (!source || source->ifindex != walk->skb->ifindex ||
	    ip_addr_is_v4(&source->addr) != (walk->flow->family == FLOW_IP4))
		return 0;
	walk->sc->to.src = source->addr;
	walk->sc->search.number = index;
	return 1;
}

static __always_inline struct masquerade_ports masquerade_ports(const struct flow *flow)
{
	return config.masquerade_ports[masquerade_kind(flow) & (MASQUERADE_KINDS - 1)];
}

/* Callback: 1, a port was found. */
static long masquerade_walk_try(__u32 index, void *ctx)
{
	struct masquerade_walk *walk = ctx;
	struct masquerade_ports ports = masquerade_ports(walk->flow);
	struct masquerade_search *search = &walk->sc->search;

	if (index)
		search->port = ports.first + (search->start + index * search->stride) % ports.count;
	walk->found = !!masquerade_port_try(walk->skb, walk->flow, walk->sc);
	return walk->found;
}

/* The same for each connection of a pod's port, so that others see one port for it. */
static __always_inline __u32 masquerade_preferred(const struct flow *flow)
{
	__u32 place = (__u32)(spread_end(0, &flow->src, flow->sport, flow->proto) >> 32);
	struct masquerade_ports ports = masquerade_ports(flow);

	return ports.first + place_below(place, ports.count);
}

/*
 * Where many are taken, steps of any length find a free one sooner than one after the other,
 * because those that are taken lie together. Where there are few all of them are tried.
 */
static __always_inline void masquerade_steps(struct masquerade_search *search,
					     const struct flow *flow)
{
	struct masquerade_ports ports = masquerade_ports(flow);

	search->start = random_below(ports.count);
	search->stride = ports.count < MASQUERADE_TRIES ? 1 : 1 + random_below(ports.count - 1);
}

/*
 * What the connection of @own has had, and may keep; otherwise the device's address, and
 * another port.
 */
static __always_inline enum drop_reason masquerade_choose(struct masquerade_walk *walk,
							  const struct ct_entry *own)
{
	const struct masquerade_source *source;
	struct service_case *sc = walk->sc;
	__u32 had = own->backend;

	sc->search.oldest = 0;
	sc->search.number = 0;
	source = masquerade_source_find(masquerade_source_of(had));
	if (source) {
		sc->to.src = source->addr;
		sc->search.number = masquerade_source_of(had);
	} else {
		bpf_loop(MASQUERADE_SOURCES_MAX, masquerade_source_try, walk, 0);
	}
	if (!sc->search.number)
		return DROP_MASQUERADE_ADDRESS;
	sc->search.port = masquerade_port_of(had) ?: masquerade_preferred(walk->flow);
	masquerade_port_set(sc, walk->flow);
	outside_fill(sc, walk->flow, own);
	masquerade_steps(&sc->search, walk->flow);
	bpf_loop(MASQUERADE_TRIES, masquerade_walk_try, walk, 0);
	return walk->found || masquerade_take_over(walk->flow, sc) ? DROP_NONE :
								     DROP_MASQUERADE_PORTS;
}
