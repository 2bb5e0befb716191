/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ICMP errors about answers that another node gives (direct.h): they come to the service's
 * address, so to any node, and go the way of the connection's packets.
 */
#pragma once

#include "lib/hold.h"
#include "lib/direct.h"
#include "lib/quote.h"

/* The packet that the client would send in the quoted connection. */
static __always_inline void quote_turn(struct flow *quote, const struct flow *flow)
{
	struct ip_addr src = quote->src;

	quote->src = quote->dst;
	quote->dst = src;
	quote->ports = ports_swap(quote->ports);
	quote->flags = FLOW_FROM_WIRE;
	quote->role = ROLE_ANSWER;
	quote->now = flow->now;
	quote->generation = flow->generation;
}

int direct_error(struct __sk_buff *skb, struct flow *flow);

/* Stage: the action with which the error leaves, 0: it concerns no such connection, or -reason. */
SUBPROGRAM int direct_error(struct __sk_buff *skb, struct flow *flow)
{
	enum drop_reason why;
	struct flow quote;

	if (!flow)
		return 0;
	why = quote_parse_l3(&quote, flow, skb);
	why = why ?: quote_parse_l4(&quote, skb);
	if (why || !proto_is_transport(quote.proto) || !ip_addr_equal(&quote.src, &flow->dst))
		return 0;
	quote_turn(&quote, flow);
	return direct_find(&quote) ? direct_send(skb, flow) : 0;
}
