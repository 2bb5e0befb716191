/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Services for the outside, at the uplink: what comes in for no pod's own address may be for
 * a service, or be the answer of a backend elsewhere; and what goes out may be the answer of
 * a backend here. Everything else is the node's own and passes as it is.
 */
#pragma once

#include "lib/hold.h"
#include "lib/masquerade_leave.h"
#include "lib/route.h"
#include "weir/mark.h"

/* There is something at the uplink to look for: services, or connections that are masqueraded. */
static __always_inline _Bool node_translates(void)
{
	return services_exist() || masquerade_state() != MASQUERADE_NEVER;
}

/* It concerns no service: the stack's, without being counted. */
static __always_inline enum drop_reason leave_alone(struct flow *flow)
{
	flow->way = WAY_STACK;
	return DROP_NONE;
}

int arrive_parse(struct __sk_buff *skb, struct flow *flow);

/*
 * Stage: what came from the wire and is for no pod of this node. Its way is WAY_TRACK when
 * it may concern a service. Fragments for a service's address, or for the node's own, wait
 * for their first one; and what cannot be followed is refused where the whole address is a
 * service's, or can be nobody else's.
 */
SUBPROGRAM int arrive_parse(struct __sk_buff *skb, struct flow *flow)
{
	const struct frontend *whole;
	enum drop_reason why;

	if (!flow)
		return DROP_INTERNAL;
	/*
	 * What a switch floods is another node's, though the address may be many nodes'; and of
	 * a frame to everybody every node would make a connection.
	 */
	if (!flow->generation || skb->pkt_type != PKT_TYPE_HOST || !node_translates())
		return leave_alone(flow);
	flow->flags |= FLOW_FROM_WIRE;
	flow->way = WAY_TRACK;
	why = parse_l4_now(flow, skb);
	if (!why)
		return DROP_NONE;
	whole = frontend_find(&flow->dst, 0, 0);
	if (why == DROP_FRAGMENT_UNKNOWN && (whole || addr_is_host(&flow->dst)))
		why = parse_wait(flow, skb);
	if (!why || why == DROP_FRAGMENT_HELD || (whole && whole->flags & FRONTEND_WHOLE) ||
	    addr_is_unallocated(&flow->dst))
		return why;
	return leave_alone(flow);
}

int arrive_new(struct flow *flow, struct ct_key *key);

/* What comes from outside for no pod's own address, and is not known to be an answer. */
SUBPROGRAM int arrive_new(struct flow *flow, struct ct_key *key)
{
	enum drop_reason why;
	struct ct_hit hit = {};

	if (!flow || !key)
		return DROP_INTERNAL;
	/* What opens a connection answers none. */
	if (flow->role != ROLE_OPEN)
		hit = ct_seek_seen(flow, key);
	if (masquerade_is_answer(hit, key))
		return masquerade_enter(flow, key, service_case_was(hit), 0);
	if (!services_exist())
		return DROP_NONE;
	why = service_enter(flow, key);
	if (why)
		return why;
	if (flow->flags & FLOW_TRANSLATED)
		return ARRIVE_TRANSLATED;
	return flow->flags & FLOW_ANSWERS ? ARRIVE_RECEIVED : DROP_NONE;
}

int arrive_look(struct flow *flow, struct ct_key *key);

/*
 * The packet's connection by its @key: what comes from outside may be for a service, or
 * answer one that it has used, or be the answer to a connection that is masqueraded.
 * A drop reason, or enum arrive_step.
 */
SUBPROGRAM int arrive_look(struct flow *flow, struct ct_key *key)
{
	struct ct_hit hit;

	if (!flow || !key)
		return DROP_INTERNAL;
	ct_key_pack(key, flow);
	hit = ct_find(key, flow->now);
	if (flow->role != ROLE_OPEN && masquerade_is_answer(hit, key))
		return masquerade_enter(flow, key, service_case_was(hit), hit.entry->expires);
	if (track_fast(flow, key, hit))
		return DROP_NONE;
	flow->seen = hit.entry ? CT_SEEN_ANSWERED : CT_SEEN_NOT;
	return arrive_new(flow, key);
}

/*
 * Stage: as track(). Verifier: in steps, because policy, in the middle, is at the end of the
 * longest way of calls.
 */
static __always_inline enum drop_reason arrive_track(struct flow *flow, struct __sk_buff *skb)
{
	enum drop_reason why;
	struct ct_key key;
	int step;

	if (!flow_has_key(flow))
		return track_keyless(flow, skb);
	if (!(flow->flags & FLOW_FROM_WIRE))
		return track_key(flow, &key, track_received);
	step = arrive_look(flow, &key);
	if (step >= 0)
		return (enum drop_reason)step;
	if (step == ARRIVE_TRANSLATED)
		return track_translated(flow, &key);
	why = track_slowly(flow, &key);
	if (!why && step == ARRIVE_MASQUERADED)
		why = masquerade_entered(flow, &key);
	return why;
}

int service_goes_round(struct __sk_buff *skb, struct flow *flow);

/*
 * Nobody here answers the packet, and its address is a service's: would it leave by where it
 * came from? A router there would send it back, again and again, until its hops are used up.
 * To an address that is a service's alone, or can be, there is no other way.
 */
SUBPROGRAM int service_goes_round(struct __sk_buff *skb, struct flow *flow)
{
	struct bpf_fib_lookup route = {};
	const struct frontend *whole;

	if (!flow)
		return 0;
	whole = frontend_find(&flow->dst, 0, 0);
	if (!whole)
		return addr_is_unallocated(&flow->dst);
	if (whole->flags & FRONTEND_WHOLE)
		return 1;
	/* Another proxy may change where it goes. */
	if (frontend_find(&flow->dst, bpf_htons(FRONTEND_OTHERS_PORT), FRONTEND_OTHERS_PROTO))
		return 0;
	return !route_find(&route, skb, flow) && route.ifindex == skb->ifindex;
}

/* It concerns no connection to a service. For queries and errors no address was looked up. */
static __always_inline enum drop_reason arrive_rest(struct __sk_buff *skb, struct flow *flow)
{
	_Bool asked = flow->role != ROLE_ERROR && flow->role != ROLE_ALONE;

	if (flow->flags & FLOW_TO_HOST || (asked && !(flow->flags & FLOW_TO_SERVICE)) ||
	    !service_goes_round(skb, flow))
		return leave_alone(flow);
	return flow->role == ROLE_ERROR ? DROP_ICMP_UNRELATED : DROP_SERVICE_NO_PORT;
}

/*
 * Stage: what is for no pod's own address goes to a backend of this node, or on to somebody
 * else (WAY_OUT), unless it concerns no service. @why: of the stage before.
 */
static __always_inline enum drop_reason arrive_way(struct __sk_buff *skb, struct flow *flow,
						   enum drop_reason why)
{
	if (!(flow->flags & FLOW_FROM_WIRE) || flow->way != WAY_TRACK)
		return why;
	if (flow->role == ROLE_ERROR ? why == DROP_ICMP_UNRELATED :
				       !why && !(flow->flags & FLOW_TRANSLATED))
		return arrive_rest(skb, flow);
	if (flow->flags & FLOW_ANSWER || (!flow->to_ifindex && !addr_is_host(&flow->dst)))
		flow->way = WAY_OUT;
	return why;
}

/*
 * What this node's own sockets send is judged here; the fast path is for what its connection
 * was found for among the answered ones.
 */
static __always_inline enum drop_reason leave_track(struct flow *flow, struct ct_key *key,
						    struct ct_hit hit)
{
	if (flow->seen == CT_SEEN_ANSWERED && track_fast(flow, key, hit))
		return DROP_NONE;
	return track_received(flow, key);
}

/* Stage: what the node sends out. An answer of a service's backend becomes the service's. */
static __always_inline enum drop_reason service_leave(struct __sk_buff *skb, struct flow *flow)
{
	_Bool tracked = !!(skb->mark & WEIR_MARK_ANSWER);
	enum drop_reason why;
	struct ct_hit hit;
	struct ct_key key;

	why = parse_l4_now(flow, skb);
	if (why)
		return tracked ? why : DROP_NONE;
	if (flow->role == ROLE_ERROR) {
		why = track_related(skb, flow);
		return why == DROP_ICMP_UNRELATED ? DROP_NONE : why;
	}
	if (skb->mark & WEIR_MARK_MASQUERADE)
		return masquerade_leave(skb, flow);
	/* What opens a connection answers none. */
	if (flow->role == ROLE_OPEN)
		return DROP_NONE;
	ct_key_pack(&key, flow);
	/* An answer that was tracked where it left its pod is mostly of an answered one. */
	flow->seen = tracked ? CT_SEEN_ANSWERED : CT_SEEN_NOT;
	hit = ct_seek_seen(flow, &key);
	if (!ct_answers(hit, &key))
		return DROP_NONE;
	if (tracked)
		service_answer_become(flow, hit);
	else
		why = leave_track(flow, &key, hit);
	return why ?: translate(skb, flow);
}
