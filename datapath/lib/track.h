/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The stage that every judged packet goes through: its connection, to a service or
 * not, and policy where that has no valid verdict yet.
 */
#pragma once

#include "lib/related.h"
#include "lib/service.h"

/* What a pod receives may be the answer of a service. */
static __always_inline enum drop_reason track_received(struct flow *flow, struct ct_key *key)
{
	return track_slowly(flow, key);
}

/* What service_enter() has translated: its connection to the backend. */
static __always_inline enum drop_reason track_translated(struct flow *flow, struct ct_key *key)
{
	enum drop_reason why;

	ct_key_pack(key, flow);
	why = track_slowly(flow, key);
	return why ?: (enum drop_reason)service_commit(flow);
}

/* What a pod sends may be for a service. */
static __always_inline enum drop_reason track_sent(struct flow *flow, struct ct_key *key)
{
	enum drop_reason why = service_enter(flow, key);

	if (why)
		return why;
	return flow->flags & FLOW_TRANSLATED ? track_translated(flow, key) :
					       track_received(flow, key);
}

/* The packet is of a connection, or may open one. */
static __always_inline _Bool flow_has_key(const struct flow *flow)
{
	return flow->way == WAY_TRACK && flow->role != ROLE_ERROR && flow->role != ROLE_ALONE;
}

/* Stage: one that is not. */
static __always_inline enum drop_reason track_keyless(struct flow *flow, struct __sk_buff *skb)
{
	if (flow->way != WAY_TRACK)
		return DROP_NONE;
	return flow->role == ROLE_ERROR ? track_related(skb, flow) : track_alone(flow);
}

/*
 * The packet's connection, which has @key. @slowly: a constant, what to do with packets of no
 * connection, or of one that has something left to ask.
 */
static __always_inline enum drop_reason
track_key(struct flow *flow, struct ct_key *key,
	  enum drop_reason (*slowly)(struct flow *flow, struct ct_key *key))
{
	struct ct_hit hit;

	ct_key_pack(key, flow);
	hit = ct_find(key, flow->now);
	if (track_fast(flow, key, hit))
		return DROP_NONE;
	flow->seen = hit.entry ? CT_SEEN_ANSWERED : CT_SEEN_NOT;
	return slowly(flow, key);
}

/* Stage: any packet. */
static __always_inline enum drop_reason
track(struct flow *flow, struct __sk_buff *skb,
      enum drop_reason (*slowly)(struct flow *flow, struct ct_key *key))
{
	struct ct_key key;

	return flow_has_key(flow) ? track_key(flow, &key, slowly) : track_keyless(flow, skb);
}
