/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ICMP errors belong to the connection of the packet that they quote. They pass
 * when that connection is known and they travel towards the quoted sender. Where that
 * one sent something else, or to somebody else, for the packet was translated since,
 * the error says what it sent.
 */
#pragma once

#include "lib/conntrack.h"
#include "lib/quote.h"

/* Who may say this: towards the quoted sender; and a pod only about packets that it got. */
static __always_inline _Bool quote_fits(const struct flow *quote, const struct flow *flow)
{
	if (!ip_addr_equal(&quote->src, &flow->dst))
		return 0;
	return !flow->from_ifindex || ip_addr_equal(&quote->dst, &flow->src);
}

/* A verdict of another generation may be void: the flow's next packet renews it. */
static __always_inline _Bool related_is_judged(const struct flow *flow, struct ct_hit hit)
{
	return hit.entry && hit.entry->generation == flow->generation;
}

/* The entry of what the quoted packet becomes by @nat, and its key; @quote is what it was then. */
static __always_inline struct ct_hit related_find(struct ct_key *key, const struct flow *flow,
						  struct flow *quote, const struct ct6_nat *nat)
{
	struct ct6_nat quoted;

	flow_tuple(&quoted, quote);
	/* Its key is the same either way round. */
	flow_become(quote, nat);
	ct_key_pack(key, quote);
	flow_become(quote, &quoted);
	return ct_find_any(key, flow->now);
}

/*
 * The quoted packet is as the client of a service knows it. Towards the client it was
 * translated where its backend lives, and came by the stack; from the client it is about
 * an answer, and goes to the backend, who knows of no service. @nat: what the client's
 * packets become; and then what the quoted one shall be.
 */
static __noinline enum drop_reason related_to_service(struct flow *flow, struct flow *quote,
						      struct ct6_nat *nat, _Bool to_client)
{
	struct ct_key key;
	struct ct_hit second = related_find(&key, flow, quote, nat);
	struct ct6_nat quoted;

	if (!related_is_judged(flow, second) || !(second.entry->flags & CT_TRANSLATED))
		return DROP_ICMP_UNRELATED;
	if (to_client) {
		flow->flags |= FLOW_ANSWER;
		flow->to_ifindex = second.entry->ifindex[key.sender & 1];
		return DROP_NONE;
	}
	if (ct_is_masqueraded(second.entry->flags))
		flow->flags |= FLOW_MASQUERADED;
	flow->to_ifindex = second.entry->ifindex[(key.sender & 1) ^ 1];
	quoted.src = nat->dst;
	quoted.dst = nat->src;
	quoted.sport = nat->dport;
	quoted.dport = nat->sport;
	*nat = quoted;
	return DROP_NONE;
}

/*
 * A pod complains of an answer that came to it directly. Where the quoted ends are those
 * of a service's connection, or of none, it is of one that has another source port.
 */
static __always_inline _Bool related_may_be_beside(const struct flow *flow,
						   const struct ct_key *key, struct ct_hit hit)
{
	if (flow->dir != POLICY_EGRESS || flow->flags & FLOW_AT_EGRESS)
		return 0;
	return !hit.entry ||
	       (hit.entry->flags & CT_TRANSLATED && hit.entry->opener != key->sender);
}

/*
 * The quoted packet has left this node masqueraded, and goes back to the pod. @nat: what it
 * was by the connection's entry; then what it shall be: to a service, perhaps.
 */
static __noinline enum drop_reason related_to_masqueraded(struct flow *flow, struct flow *quote,
							  struct ct6_nat *nat)
{
	struct ct_key key;
	struct ct_hit own = related_find(&key, flow, quote, nat);

	if (!related_is_judged(flow, own) || !ct_is_masqueraded(own.entry->flags))
		return DROP_ICMP_UNRELATED;
	flow->to_ifindex = own.entry->ifindex[key.sender & 1];
	flow->flags = (flow->flags & ~FLOW_FROM_WIRE) | FLOW_ANSWER;
	if (own.entry->flags & CT_TRANSLATED)
		ct_nat_read(nat, own);
	return DROP_NONE;
}

/*
 * About a packet that came to a pod as the answer to a masqueraded connection: the error is
 * marked where the pod sends it, and speaks of the node's address where it leaves. @own: as
 * what the connection leaves; @nat: what the quoted packet shall be. False: as it is.
 */
static __noinline _Bool related_masquerade(struct ct6_nat *nat, struct flow *flow,
					   const struct flow *quote, __u32 own)
{
	const struct masquerade_source *source;

	if (flow->dir != POLICY_EGRESS)
		return 0;
	flow->flags |= FLOW_MASQUERADED;
	if (!(flow->flags & FLOW_AT_EGRESS))
		return 0;
	source = masquerade_source_find(masquerade_source_of(own));
	if (!source)
		return 0;
	flow_tuple(nat, quote);
	nat->dst = source->addr;
	nat->dport = bpf_htons(masquerade_port_of(own));
	if (flow_is_icmp(quote))
		nat->sport = nat->dport;
	return 1;
}

int track_related(struct __sk_buff *skb, struct flow *flow);

SUBPROGRAM int track_related(struct __sk_buff *skb, struct flow *flow)
{
	enum drop_reason why;
	struct ct6_nat nat;
	struct flow quote;
	struct ct_key key;
	struct ct_hit hit;

	if (!flow)
		return DROP_INTERNAL;
	why = quote_parse_l3(&quote, flow, skb);
	why = why ?: quote_parse_l4(&quote, skb);
	if (why || !quote_fits(&quote, flow))
		return DROP_ICMP_UNRELATED;

	ct_key_pack(&key, &quote);
	hit = ct_find_any(&key, flow->now);
	if (related_may_be_beside(flow, &key, hit)) {
		ct_key_beside(&key);
		hit = ct_find_any(&key, flow->now);
	}
	if (hit.entry && ct_is_outside(hit.entry->flags)) {
		ct_nat_read(&nat, hit);
		if (hit.entry->opener != key.sender)
			return DROP_ICMP_UNRELATED;
		why = related_to_masqueraded(flow, &quote, &nat);
		if (!why)
			why = quote_translate(skb, flow, &quote, &nat);
		return why;
	}
	if (hit.entry && hit.entry->flags & CT_SERVICE) {
		ct_nat_read(&nat, hit);
		why = related_to_service(flow, &quote, &nat, hit.entry->opener == key.sender);
		if (why || flow->flags & FLOW_ANSWER)
			return why;
		return quote_translate(skb, flow, &quote, &nat);
	}
	if (!related_is_judged(flow, hit))
		return DROP_ICMP_UNRELATED;
	flow->to_ifindex = hit.entry->ifindex[key.sender & 1];
	/* Towards the quoted sender: if that one opened the connection, this is an answer. */
	if (hit.entry->opener != key.sender)
		return ct_is_masqueraded(hit.entry->flags) &&
				       related_masquerade(&nat, flow, &quote, hit.entry->backend) ?
			       quote_translate(skb, flow, &quote, &nat) : DROP_NONE;
	flow->flags |= FLOW_ANSWER;
	/* Towards a client outside it is translated where it leaves (to_wire). */
	if (!(hit.entry->flags & CT_TRANSLATED) || (flow->from_ifindex && !flow->to_ifindex))
		return DROP_NONE;
	ct_nat_read(&nat, hit);
	return quote_translate(skb, flow, &quote, &nat);
}
