/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What comes into the node from elsewhere, by the uplink or by a tunnel: packets for local pods,
 * and for services that the outside uses or their answers. Everything else is the node's own
 * and untouched.
 */
#pragma once

#include "lib/depart.h"
#include "lib/direct_error.h"
#include "lib/drop.h"
#include "lib/outside.h"
#include "lib/reject.h"
#include "lib/tunnel.h"

static __always_inline _Bool is_ip(const struct flow *flow)
{
	return flow->family == FLOW_IP4 || flow->family == FLOW_IP6;
}

/* Packets of a local pod, or of the node itself for a pod, never come from elsewhere. */
static __always_inline enum drop_reason peer_comes_in(const struct flow *flow)
{
	const struct peer *peer = peer_find(&flow->src);

	if (peer_local_ifindex(peer))
		return DROP_POD_FROM_WIRE;
	return flow->to_ifindex && peer && peer->kind == PEER_HOST ? DROP_POD_FROM_WIRE : DROP_NONE;
}

/* Stage: finds the receiving pod; without one the packet is the node's. */
static __always_inline enum drop_reason wire_receiver(struct flow *flow)
{
	const struct peer *peer = peer_find(&flow->dst);
	__u32 ifindex = peer_local_ifindex(peer);
	const struct endpoint *ep;

	if (peer && peer->kind == PEER_HOST)
		flow->flags |= FLOW_TO_HOST;
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

/* Stage: sets @action, what the kernel shall do with the packet. */
static __always_inline enum drop_reason wire_deliver(int *action, struct __sk_buff *skb,
						     struct flow *flow)
{
	enum drop_reason why;

	if (flow->way != WAY_OUT) {
		why = deliver(action, skb, flow);
		if (!why && *action == TC_ACT_OK && flow->flags & FLOW_MASQUERADED)
			why = masquerade_to_stack(skb);
		return why;
	}
	*action = depart(skb, flow);
	if (*action >= 0)
		return DROP_NONE;
	return (enum drop_reason)(-*action);
}

/* The packet is dropped, or becomes the answer to itself. Either way it is counted once. */
static __always_inline int refuse(struct __sk_buff *skb, struct flow *flow, enum drop_reason why)
{
	int action = drop(skb, why, POLICY_INGRESS);

	if (packet_reject(skb, flow, why))
		return action;
	return (int)bpf_redirect(skb->ifindex, 0);
}

/* Stage: to the node that answers: the action, 0: it is answered here, or -reason. */
static __always_inline int send_on(struct __sk_buff *skb, struct flow *flow)
{
	return flow->role == ROLE_ERROR ? direct_error(skb, flow) : direct_forward(skb, flow);
}

/*
 * The stages. Constants: @source says whether the sender can be there, and @uplink that what is
 * for another node's pod may go on as it is.
 */
static __always_inline int
wire_arrive(struct __sk_buff *skb,
	    enum drop_reason (*source)(const struct flow *flow, struct __sk_buff *skb),
	    _Bool uplink)
{
	enum drop_reason why;
	struct flow flow;
	int action;

	flow_begin(&flow, POLICY_INGRESS);
	why = parse_l3(&flow, skb);
	/* Loopback addresses */
	if (why == DROP_POD_FROM_WIRE)
		return drop(skb, why, POLICY_INGRESS);
	/* What the parser does not follow cannot be for a pod: the stack decides. */
	if (why || !is_ip(&flow))
		return TC_ACT_OK;
	why = wire_receiver(&flow);
	why = source(&flow, skb) ?: why;
	if (!why)
		why = flow.way == WAY_STACK ? arrive_parse(skb, &flow) : (int)parse_l4(&flow, skb);
	action = uplink && !why && direct_fits(&flow) ? send_on(skb, &flow) : 0;
	if (action > 0)
		return pass(skb, POLICY_INGRESS, action);
	why = why ?: (enum drop_reason)-action;
	why = why ?: arrive_track(&flow, skb);
	why = arrive_way(skb, &flow, why);
	why = why ?: followers(&flow, skb);
	if (!why && flow.way == WAY_STACK)
		return TC_ACT_OK;
	why = why ?: wire_deliver(&action, skb, &flow);
	if (why)
		return refuse(skb, &flow, why);
	return pass(skb, POLICY_INGRESS, action);
}
