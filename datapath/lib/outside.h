/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Services for the outside, at the uplink: what comes in for no pod's own address may be for
 * a service, or be the answer of a backend elsewhere; and what goes out may be the answer of
 * a backend here. Everything else is the node's own and passes as it is.
 */
#pragma once

#include "lib/hold.h"
#include "lib/track.h"
#include "weir/mark.h"

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
 * service's.
 */
SUBPROGRAM int arrive_parse(struct __sk_buff *skb, struct flow *flow)
{
	const struct frontend *whole;
	enum drop_reason why;

	if (!flow)
		return DROP_INTERNAL;
	/* What a switch floods is another node's, though the address may be many nodes'. */
	if (!flow->generation || skb->pkt_type == PKT_TYPE_OTHERHOST || !services_exist())
		return leave_alone(flow);
	flow->flags |= FLOW_FROM_WIRE;
	flow->way = WAY_TRACK;
	why = parse_l4_now(flow, skb);
	if (!why)
		return DROP_NONE;
	whole = frontend_find(&flow->dst, 0, 0);
	if (why == DROP_FRAGMENT_UNKNOWN && (whole || addr_is_host(&flow->dst)))
		why = parse_wait(flow, skb);
	if (!why || why == DROP_FRAGMENT_HELD || (whole && whole->flags & FRONTEND_WHOLE))
		return why;
	return leave_alone(flow);
}

/* It is known, and somebody here answers it. */
static __always_inline _Bool is_answer(struct ct_hit hit, const struct flow *flow,
				       const struct ct_key *key)
{
	return hit.entry && hit.entry->flags & CT_TRANSLATED && hit.entry->opener != key->sender &&
	       flow->role != ROLE_OPEN;
}

/*
 * The connection that the packet may answer. In this order another CPU, which moves it to
 * the answered ones, hides it at no moment.
 */
static __always_inline struct ct_hit question_find(const struct flow *flow,
						    const struct ct_key *key)
{
	struct ct_hit hit = {};

	if (flow->role == ROLE_OPEN)
		return hit;
	hit = ct_find_new(key, flow->now);
	return hit.entry ? hit : ct_find(key, flow->now);
}

/* What comes from outside may be for a service, or answer one that it has used. */
static __always_inline enum drop_reason track_arrived(struct flow *flow, struct ct_key *key,
						      _Bool answered)
{
	enum drop_reason why;

	if (flow->flags & FLOW_FROM_WIRE) {
		why = service_enter(flow, key, answered);
		if (why)
			return why;
		if (flow->flags & FLOW_TRANSLATED)
			return track_translated(flow, key);
		if (!is_answer(question_find(flow, key), flow, key))
			return leave_alone(flow);
	}
	return track_received(flow, key, answered);
}

/*
 * Stage: what is for no pod's own address goes to a backend of this node, or on to somebody
 * else (WAY_OUT), unless it concerns no service. @why: of the stage before.
 */
static __always_inline enum drop_reason arrive_way(struct flow *flow, enum drop_reason why)
{
	if (!(flow->flags & FLOW_FROM_WIRE) || flow->way != WAY_TRACK)
		return why;
	if (flow->role == ROLE_ERROR ? why == DROP_ICMP_UNRELATED :
				       !why && !(flow->flags & FLOW_TRANSLATED))
		return leave_alone(flow);
	if (flow->flags & FLOW_ANSWER || (!flow->to_ifindex && !addr_is_host(&flow->dst)))
		flow->way = WAY_OUT;
	return why;
}

/* An answer of a pod was tracked where it left the pod, and the stack has routed it. */
static __always_inline enum drop_reason leave_track(struct flow *flow, struct ct_key *key,
						    struct ct_hit hit, _Bool tracked)
{
	struct ct_hit answered;

	if (tracked) {
		service_answer_become(flow, hit);
		return DROP_NONE;
	}
	answered = ct_find(key, flow->now);
	if (track_fast(flow, key, answered))
		return DROP_NONE;
	return track_received(flow, key, !!answered.entry);
}

/* Stage: what the node sends out. An answer of a service's backend becomes the service's. */
static __always_inline enum drop_reason service_leave(struct __sk_buff *skb, struct flow *flow)
{
	_Bool tracked = !!(skb->mark & WEIR_MARK_ANSWER);
	enum drop_reason why;
	struct ct_hit hit = {};
	struct ct_key key;

	why = parse_l4_now(flow, skb);
	if (why)
		return tracked ? why : DROP_NONE;
	if (flow->role == ROLE_ERROR) {
		why = track_related(skb, flow);
		return why == DROP_ICMP_UNRELATED ? DROP_NONE : why;
	}
	ct_key_pack(&key, flow);
	if (tracked)
		hit = ct_find(&key, flow->now);
	if (!hit.entry)
		hit = question_find(flow, &key);
	if (!is_answer(hit, flow, &key))
		return DROP_NONE;
	why = leave_track(flow, &key, hit, tracked);
	return why ?: translate(skb, flow);
}
