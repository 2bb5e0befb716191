// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The node's edge: the TCX ingress program of an uplink or overlay device. It
 * cares for packets to and from the addresses of local pods only; everything
 * else is the node's own and untouched.
 */
#include "lib/deliver.h"
#include "lib/drop.h"
#include "lib/track.h"

static __always_inline _Bool is_ip(const struct flow *flow)
{
	return flow->family == FLOW_IP4 || flow->family == FLOW_IP6;
}

/* Stage: packets of a local pod, or of the node itself for a pod, never come from outside. */
static __always_inline enum drop_reason wire_source(const struct flow *flow)
{
	const struct peer *peer = peer_find(&flow->src);

	if (peer_local_ifindex(peer))
		return DROP_POD_FROM_WIRE;
	return flow->to_ifindex && peer && peer->kind == PEER_HOST ? DROP_POD_FROM_WIRE : DROP_NONE;
}

/* Stage: finds the receiving pod; without one the packet is the node's. */
static __always_inline enum drop_reason wire_receiver(struct flow *flow)
{
	__u32 ifindex = peer_local_ifindex(peer_find(&flow->dst));
	const struct endpoint *ep;

	if (!ifindex) {
		flow->way = WAY_STACK;
		return DROP_NONE;
	}
	ep = peer_endpoint(ifindex, &flow->dst);
	if (!ep)
		return DROP_NO_ENDPOINT;
	flow->to_ifindex = ifindex;
	return flow->generation && endpoint_is_ready(ep) ? DROP_NONE : DROP_NOT_READY;
}

SEC("tc")
int from_wire(struct __sk_buff *skb)
{
	enum drop_reason why;
	struct flow flow;
	int action;

	flow_begin(&flow, POLICY_INGRESS);
	/* What the parser does not follow cannot be for a pod: the stack decides. */
	if (parse_l3(&flow, skb) || !is_ip(&flow))
		return TC_ACT_OK;
	why = wire_receiver(&flow);
	why = wire_source(&flow) ?: why;
	if (!why && flow.way == WAY_STACK)
		return TC_ACT_OK;
	why = why ?: parse_l4(&flow, skb);
	why = why ?: track(&flow, skb, POLICY_INGRESS);
	why = why ?: followers(&flow, skb);
	why = why ?: deliver(&action, skb, &flow);
	if (why)
		return drop(skb, why, POLICY_INGRESS);
	return pass(skb, POLICY_INGRESS, action);
}

char license_name[] SEC("license") = "Dual BSD/GPL";
