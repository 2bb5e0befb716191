/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Masquerade, where answers come in: they become the pod's again, are booked on its own
 * connection, and go straight into the pod. Of the connection's two entries the one that
 * the answer finds, CT_OUTSIDE, lives as long as the pod's own.
 */
#pragma once

#include "lib/deliver.h"
#include "lib/track.h"

/* @hit, found by the packet's key, is a masqueraded connection's, and the packet its answer. */
static __always_inline _Bool masquerade_is_answer(struct ct_hit hit, const struct ct_key *key)
{
	return hit.entry && ct_is_outside(hit.entry->flags) && hit.entry->opener != key->sender;
}

/* The entry @outside lives as long as the pod's own, @own, and is where that one is. */
static __always_inline void outside_follow(const struct ct_key *outside, struct ct_hit own,
					   _Bool answered, __u32 now)
{
	struct ct_hit hit = ct_find(outside, now);

	if (hit.entry) {
		hit.entry->expires = own.entry->expires;
		return;
	}
	hit = ct_find_new(outside, now);
	if (!hit.entry)
		return;
	hit.entry->expires = own.entry->expires;
	if (answered)
		ct_promote(outside, hit);
}

/* What is left of tracking a packet that has arrived, when its look-up has said no drop reason. */
enum arrive_step {
	ARRIVE_RECEIVED = -1, /* of no service, or the answer to one */
	ARRIVE_TRANSLATED = -2, /* for a service */
	ARRIVE_MASQUERADED = -3, /* the answer to a masqueraded connection */
};

/* What the packets of @hit were, for masquerade_enter(). NULL: never. */
static __always_inline struct service_case *service_case_was(struct ct_hit hit)
{
	struct service_case *sc = service_case();

	if (sc)
		ct_nat_read(&sc->from, hit);
	return sc;
}

int masquerade_enter(struct flow *flow, struct ct_key *key, struct service_case *sc,
		     __u32 expires);

/*
 * The answer becomes the pod's, and @key that of the pod's own entry. @sc->from: what the
 * pod's packets were; @expires: of the entry that was found, 0 when that is not among the
 * answered ones. A drop reason, or ARRIVE_MASQUERADED.
 */
SUBPROGRAM int masquerade_enter(struct flow *flow, struct ct_key *key, struct service_case *sc,
				__u32 expires)
{
	struct ct_hit own;

	if (!flow || !key || !sc)
		return DROP_INTERNAL;
	sc->other = *key;
	flow_answer(flow, &sc->from);
	flow->flags = (flow->flags & ~FLOW_FROM_WIRE) | FLOW_MASQUERADED;
	ct_key_pack(key, flow);
	own = ct_find(key, flow->now);
	if (track_fast(flow, key, own)) {
		if (own.entry->expires != expires)
			outside_follow(&sc->other, own, 1, flow->now);
		return DROP_NONE;
	}
	/* Nobody here speaks with the sender any more: it may open nothing by this. */
	flow->seen = own.entry ? CT_SEEN_ANSWERED : CT_SEEN_NOT;
	own = ct_seek_seen(flow, key);
	if (!own.entry)
		return DROP_CT_INVALID;
	/* To what tracks it now that would be for a service. */
	flow->flags &= ~FLOW_TRANSLATED;
	return ARRIVE_MASQUERADED;
}

int masquerade_entered(struct flow *flow, const struct ct_key *key);

/* The answer has passed: the other entry follows the pod's own, which has @key. */
SUBPROGRAM int masquerade_entered(struct flow *flow, const struct ct_key *key)
{
	struct service_case *sc = service_case();
	struct ct_hit own;

	if (!flow || !key || !sc)
		return DROP_INTERNAL;
	flow->flags |= FLOW_TRANSLATED;
	own = ct_seek_seen(flow, key);
	if (own.entry)
		outside_follow(&sc->other, own, flow->seen == CT_SEEN_ANSWERED, flow->now);
	return DROP_NONE;
}

int masquerade_to_stack(struct __sk_buff *skb);

/*
 * The answer needs a router before it gets to the pod: the stack gets it as one to the pod's
 * own address, from whom the pod has asked in the end. It comes back at to_pod, which cares
 * for services, and the router's errors are masqueraded where they leave.
 */
SUBPROGRAM int masquerade_to_stack(struct __sk_buff *skb)
{
	enum drop_reason why;
	struct ct6_nat was;
	struct flow flow;
	struct ct_key key;
	struct ct_hit hit;

	flow_begin(&flow, POLICY_INGRESS);
	why = parse_l3(&flow, skb);
	why = why ?: parse_l4_now(&flow, skb);
	if (why)
		return why;
	ct_key_pack(&key, &flow);
	hit = ct_find_any(&key, flow.now);
	if (!masquerade_is_answer(hit, &key))
		return DROP_CT_INVALID;
	ct_nat_read(&was, hit);
	flow_answer(&flow, &was);
	return translate(skb, &flow);
}
