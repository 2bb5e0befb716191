/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Services for the outside, at the uplink: what comes in for no pod's own address may be for
 * a service, or be the answer of a backend elsewhere; and what goes out may be the answer of
 * a backend here. Everything else is the node's own and passes as it is.
 */
#pragma once

#include "lib/hold.h"
#include "lib/masquerade_leave.h"
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
 * service's.
 */
SUBPROGRAM int arrive_parse(struct __sk_buff *skb, struct flow *flow)
{
	const struct frontend *whole;
	enum drop_reason why;

	if (!flow)
		return DROP_INTERNAL;
	/* What a switch floods is another node's, though the address may be many nodes'. */
	if (!flow->generation || skb->pkt_type == PKT_TYPE_OTHERHOST || !node_translates())
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

int arrive_new(struct flow *flow, struct ct_key *key, int answered);

/* What comes from outside for no pod's own address, and is not known to be an answer. */
SUBPROGRAM int arrive_new(struct flow *flow, struct ct_key *key, int answered)
{
	enum drop_reason why;
	struct ct_hit hit;
	_Bool answer;

	if (!flow || !key)
		return DROP_INTERNAL;
	hit = question_find(flow, key);
	/* Now: service_enter() may delete the entry. */
	answer = is_answer(hit, flow, key);
	if (masquerade_is_answer(hit, key))
		return masquerade_enter(flow, key, service_case_was(hit), 0);
	if (!services_exist())
		return leave_alone(flow);
	why = service_enter(flow, key, answered);
	if (why)
		return why;
	if (flow->flags & FLOW_TRANSLATED)
		return ARRIVE_TRANSLATED;
	if (!answer)
		return leave_alone(flow);
	return answered ? ARRIVE_RECEIVED_KNOWN : ARRIVE_RECEIVED;
}

int arrive_look(struct flow *flow, struct ct_key *key);

/*
 * The packet's connection by its @key: what comes from outside may be for a service, or
 * answer one that it has used, or be the answer to a connection that is masqueraded.
 * A drop reason, or enum arrive_rest.
 */
SUBPROGRAM int arrive_look(struct flow *flow, struct ct_key *key)
{
	struct ct_hit hit;

	if (!flow || !key)
		return DROP_INTERNAL;
	ct_key_pack(key, flow);
	hit = ct_find(key, flow->now);
	if (flow->flags & FLOW_FROM_WIRE && flow->role != ROLE_OPEN &&
	    masquerade_is_answer(hit, key))
		return masquerade_enter(flow, key, service_case_was(hit), hit.entry->expires);
	if (track_fast(flow, key, hit))
		return DROP_NONE;
	if (flow->flags & FLOW_FROM_WIRE)
		return arrive_new(flow, key, !!hit.entry);
	return hit.entry ? ARRIVE_RECEIVED_KNOWN : ARRIVE_RECEIVED;
}

int arrive_end(struct flow *flow, const struct ct_key *key, int rest);

/* The packet has passed. */
SUBPROGRAM int arrive_end(struct flow *flow, const struct ct_key *key, int rest)
{
	enum drop_reason why = DROP_NONE;

	if (!flow || !key)
		return DROP_INTERNAL;
	if (rest == ARRIVE_TRANSLATED)
		return service_commit(flow, key);
	if (flow->flags & FLOW_ANSWER)
		why = service_answer(flow, key);
	if (!why && flow->flags & FLOW_MASQUERADED)
		why = masquerade_entered(key, flow->now);
	return why;
}

/*
 * Stage: as track(). Verifier: in steps, because policy, in the middle, is at the end of the
 * longest way of calls.
 */
static __always_inline enum drop_reason arrive_track(struct flow *flow, struct __sk_buff *skb)
{
	enum drop_reason why;
	struct ct_key key;
	int rest;

	if (!flow_has_key(flow))
		return track_keyless(flow, skb);
	rest = arrive_look(flow, &key);
	if (rest >= 0)
		return (enum drop_reason)rest;
	if (rest == ARRIVE_TRANSLATED)
		ct_key_pack(&key, flow);
	why = track_slowly(flow, &key, rest != ARRIVE_RECEIVED && rest != ARRIVE_MASQUERADED);
	return why ?: (enum drop_reason)arrive_end(flow, &key, rest);
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
	if (skb->mark & WEIR_MARK_MASQUERADE)
		return masquerade_leave(skb, flow);
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
