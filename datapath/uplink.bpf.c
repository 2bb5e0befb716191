// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The node's edge: TCX programs on the uplink. They care for packets to and
 * from local pods, and for services that the outside uses; everything else is the node's own
 * and untouched.
 *
 *	from_wire	ingress: what comes from outside
 *	to_wire		egress: answers of services' backends on this node, and masquerade
 */
#include "lib/ctx_skb.h"

#include "lib/wire.h"

/* Stage: what has tunnels to come by comes by them. */
static __always_inline enum drop_reason wire_source(const struct flow *flow, struct __sk_buff *skb)
{
	if (tunnels_find() && addr_is_tunnelled(&flow->src))
		return DROP_TUNNEL_SOURCE;
	return peer_comes_in(flow);
}

SEC("tc")
int from_wire(struct __sk_buff *skb)
{
	return wire_arrive(skb, wire_source, 1);
}

/*
 * Forwarded packets are answers of a service, or to be masqueraded, when from_pod says so;
 * what no interface brought in is of a socket, or a fragment of which nobody knows.
 */
static __always_inline _Bool may_be_answer(const struct __sk_buff *skb)
{
	return skb->mark & WEIR_MARK_ANSWER || !skb->ingress_ifindex;
}

/*
 * Another node that asks a pod by its tunnel gets the answer there as well: the network may know
 * no pods.
 */
static __always_inline int answer_way(const struct __sk_buff *skb, const struct flow *flow)
{
	const struct node_cidr *cidr;
	__u32 tunnels = tunnels_find();

	if (!tunnels || !(skb->mark & WEIR_MARK_ANSWER) || flow->flags & FLOW_TRANSLATED)
		return TC_ACT_OK;
	cidr = node_cidr_find(&flow->dst);
	return cidr && !cidr->pods ? (int)bpf_redirect(tunnels, 0) : TC_ACT_OK;
}

SEC("tc")
int to_wire(struct __sk_buff *skb)
{
	enum drop_reason why = DROP_NONE;
	struct flow flow;

	if (!may_be_answer(skb) || (!node_translates() && !tunnels_find()))
		return TC_ACT_OK;
	flow_begin(&flow, POLICY_EGRESS);
	flow.flags = FLOW_AT_EGRESS;
	if (parse_l3(&flow, skb) || !is_ip(&flow))
		return TC_ACT_OK;
	if (node_translates())
		why = service_leave(skb, &flow);
	return why ? drop(skb, why, POLICY_EGRESS) : answer_way(skb, &flow);
}

char license_name[] SEC("license") = "Dual BSD/GPL";
