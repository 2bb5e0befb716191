// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The ends of tunnels to other nodes: TCX programs on the tunnel device.
 *
 *	from_overlay	ingress: what came out of a tunnel
 *	to_overlay	egress: what the stack, or a service, sends to another node's pods
 */
#include "lib/ctx_skb.h"

#include "lib/wire.h"

static __always_inline enum drop_reason overlay_source(const struct flow *flow,
						       struct __sk_buff *skb)
{
	return tunnel_source(flow, skb) ?: peer_comes_in(flow);
}

SEC("tc")
int from_overlay(struct __sk_buff *skb)
{
	return wire_arrive(skb, overlay_source, 0);
}

/* What is no packet of IP has no way in a tunnel. */
SEC("tc")
int to_overlay(struct __sk_buff *skb)
{
	enum drop_reason why;
	struct flow flow;

	flow_begin(&flow, POLICY_EGRESS);
	flow.flags = FLOW_AT_EGRESS;
	why = parse_l3(&flow, skb);
	if (!why && !is_ip(&flow))
		why = DROP_NO_TUNNEL;
	why = why ?: tunnel_enter(skb, &flow);
	return why ? drop(skb, why, POLICY_EGRESS) : TC_ACT_OK;
}

char license_name[] SEC("license") = "Dual BSD/GPL";
