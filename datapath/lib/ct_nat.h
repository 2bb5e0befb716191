/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The other addresses of a translated connection: in a flow, in an entry, and from one
 * to the other. Here they have one form for both families, v4-mapped.
 */
#pragma once

#include "lib/ct_table.h"

static __always_inline void flow_tuple(struct ct6_nat *ret, const struct flow *flow)
{
	ret->src = flow->src;
	ret->dst = flow->dst;
	ret->sport = flow->sport;
	ret->dport = flow->dport;
}

/* The flow is from now on that of the packet which this one becomes. */
static __always_inline void flow_become(struct flow *flow, const struct ct6_nat *to)
{
	flow->src = to->src;
	flow->dst = to->dst;
	flow->sport = to->sport;
	flow->dport = to->dport;
	flow->flags |= FLOW_TRANSLATED;
}

static __always_inline void flow_return(struct flow *flow, const struct ct6_nat *from)
{
	flow_become(flow, from);
	flow->flags &= ~FLOW_TRANSLATED;
}

/* The flow of an answer: the other way round of what its opener sent. */
static __always_inline void flow_answer(struct flow *flow, const struct ct6_nat *was)
{
	flow->src = was->dst;
	flow->dst = was->src;
	flow->sport = was->dport;
	flow->dport = was->sport;
	flow->flags |= FLOW_TRANSLATED;
}

/* What an entry is translated to or from, in the form of both families. */
static __always_inline void ct_nat_read(struct ct6_nat *ret, struct ct_hit hit)
{
	const struct ct6_nat *wide;
	const struct ct4_nat *nat;

	if (hit.wide) {
		wide = &((const struct ct6_value *)hit.entry)->nat;
		*ret = *wide;
		return;
	}
	nat = &((const struct ct4_value *)hit.entry)->nat;
	ip_addr_set_v4(&ret->src, nat->src);
	ip_addr_set_v4(&ret->dst, nat->dst);
	ret->sport = nat->sport;
	ret->dport = nat->dport;
	ret->generation = nat->generation;
}

static __always_inline void ct4_nat_set(struct ct4_nat *to, const struct ct6_nat *nat)
{
	to->src = nat->src.words[3];
	to->dst = nat->dst.words[3];
	to->sport = nat->sport;
	to->dport = nat->dport;
	to->generation = nat->generation;
}

/* The same for a value in a table. */
static __always_inline void ct_nat_write(struct ct_hit hit, const struct ct6_nat *nat)
{
	if (hit.wide)
		((struct ct6_value *)hit.entry)->nat = *nat;
	else
		ct4_nat_set(&((struct ct4_value *)hit.entry)->nat, nat);
}

static __always_inline _Bool nat_equal(const struct ct6_nat *a, const struct ct6_nat *b)
{
	return ip_addr_equal(&a->dst, &b->dst) && a->sport == b->sport && a->dport == b->dport &&
	       ip_addr_equal(&a->src, &b->src);
}

/* @hit is the second entry of the connection whose packets were @from. */
static __always_inline _Bool ct_was(struct ct_hit hit, const struct ct6_nat *from)
{
	struct ct6_nat was;

	if (!(hit.entry->flags & CT_TRANSLATED))
		return 0;
	ct_nat_read(&was, hit);
	return nat_equal(&was, from);
}

/* The connection is one that another node answers. */
static __always_inline _Bool ct_is_direct(const struct ct_entry *entry)
{
	return (entry->flags & (CT_SERVICE | CT_DIRECT)) == (CT_SERVICE | CT_DIRECT);
}

/* Who sent the packet that @key was made of answers a translated connection. */
static __always_inline _Bool ct_answers(struct ct_hit hit, const struct ct_key *key)
{
	return hit.entry && hit.entry->flags & CT_TRANSLATED && hit.entry->opener != key->sender;
}

/* Alive in either table. */
static __always_inline struct ct_hit ct_find_any(const struct ct_key *key, __u32 now)
{
	struct ct_hit hit = ct_find(key, now);

	return hit.entry ? hit : ct_find_new(key, now);
}
