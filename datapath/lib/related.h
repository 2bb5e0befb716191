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

/*
 * The quoted packet is as the client of a service knows it. Towards the client it was
 * translated where its backend lives, and came by the stack; from the client it is about
 * an answer, and goes to the backend, who knows of no service. @nat: what the client's
 * packets become; and then what the quoted one shall be.
 */
static __noinline enum drop_reason related_to_service(struct flow *flow, struct flow *quote,
						      struct ct6_nat *nat, _Bool to_client)
{
	struct ct6_nat quoted;
	struct ct_hit second;
	struct ct_key key;

	flow_tuple(&quoted, quote);
	/* Its key is the same either way round. */
	flow_become(quote, nat);
	ct_key_pack(&key, quote);
	flow_become(quote, &quoted);
	second = ct_find_any(&key, flow->now);
	if (!related_is_judged(flow, second) || !(second.entry->flags & CT_TRANSLATED))
		return DROP_ICMP_UNRELATED;
	if (to_client) {
		flow->flags |= FLOW_ANSWER;
		flow->to_ifindex = second.entry->ifindex[key.sender & 1];
		return DROP_NONE;
	}
	flow->to_ifindex = second.entry->ifindex[(key.sender & 1) ^ 1];
	quoted.src = nat->dst;
	quoted.dst = nat->src;
	quoted.sport = nat->dport;
	quoted.dport = nat->sport;
	*nat = quoted;
	return DROP_NONE;
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
		return DROP_NONE;
	flow->flags |= FLOW_ANSWER;
	/* Towards a client outside it is translated where it leaves (to_wire). */
	if (!(hit.entry->flags & CT_TRANSLATED) || (flow->from_ifindex && !flow->to_ifindex))
		return DROP_NONE;
	ct_nat_read(&nat, hit);
	return quote_translate(skb, flow, &quote, &nat);
}
