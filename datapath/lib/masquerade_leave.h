/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Masquerade, where packets leave: those that from_pod has marked get an address of the
 * node. Their connection was tracked and judged where they left the pod; its entry says as
 * what they leave, and one look-up is all. The entry by which answers are told is looked
 * after once a second.
 */
#pragma once

#include "lib/masquerade_enter.h"
#include "lib/masquerade_port.h"

/* What the pod's own entry knows of its CT_OUTSIDE entry's end of life. */
static __always_inline __u32 *outside_expires(struct ct_hit own)
{
	return own.wide ? &((struct ct6_value *)own.entry)->nat.generation :
			  &((struct ct4_value *)own.entry)->nat.generation;
}

/* The pod's own connection of a packet that leaves. */
static __always_inline struct ct_hit masquerade_own(struct flow *flow, const struct ct_key *key)
{
	struct ct_hit own;

	/* It mostly is. */
	flow->seen = CT_SEEN_ANSWERED;
	own = ct_seek_seen(flow, key);
	if (own.entry && (!ct_is_masqueraded(own.entry->flags) || own.entry->opener != key->sender))
		own.entry = NULL;
	return own;
}

int masquerade_settle(struct __sk_buff *skb, struct flow *flow, const struct ct_key *key);

/* Both entries know of each other, and live equally long. The pod's own one has @key. */
SUBPROGRAM int masquerade_settle(struct __sk_buff *skb, struct flow *flow, const struct ct_key *key)
{
	struct service_case *sc = service_case();
	struct masquerade_walk walk = {};
	enum drop_reason why;
	struct ct_hit own;

	if (!flow || !key || !sc)
		return DROP_INTERNAL;
	own = masquerade_own(flow, key);
	if (!own.entry)
		return DROP_CT_INVALID;
	service_case_begin(sc, flow, key);
	sc->to = sc->from;
	walk.skb = skb;
	walk.flow = flow;
	walk.sc = sc;
	why = masquerade_choose(&walk, own.entry);
	if (why)
		return why;
	own = masquerade_own(flow, key);
	if (!own.entry)
		return DROP_CT_FULL;
	own.entry->backend = masquerade_pack(sc->search.number, (__u16)sc->search.port);
	*outside_expires(own) = own.entry->expires;
	outside_follow(&sc->other, own, flow->seen == CT_SEEN_ANSWERED, flow->now);
	return DROP_NONE;
}

int masquerade_leave(struct __sk_buff *skb, struct flow *flow);

/*
 * Stage: the pod's packet becomes the node's. What is of no connection that is masqueraded
 * has been translated by somebody else since it left the pod.
 */
SUBPROGRAM int masquerade_leave(struct __sk_buff *skb, struct flow *flow)
{
	const struct masquerade_source *source;
	enum drop_reason why;
	struct ct_hit own;
	struct ct_key key;

	if (!flow)
		return DROP_INTERNAL;
	ct_key_pack(&key, flow);
	own = masquerade_own(flow, &key);
	if (!own.entry)
		return DROP_NONE;
	source = masquerade_source_find(masquerade_source_of(own.entry->backend));
	if (!source || *outside_expires(own) != own.entry->expires) {
		why = masquerade_settle(skb, flow, &key);
		if (why)
			return why;
		own = masquerade_own(flow, &key);
		if (!own.entry)
			return DROP_CT_FULL;
		source = masquerade_source_find(masquerade_source_of(own.entry->backend));
		if (!source)
			return DROP_MASQUERADE_ADDRESS;
	}
	flow->src = source->addr;
	flow->sport = bpf_htons(masquerade_port_of(own.entry->backend));
	if (flow_is_icmp(flow))
		flow->dport = flow->sport;
	flow->flags |= FLOW_TRANSLATED;
	return translate(skb, flow);
}
