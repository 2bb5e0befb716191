// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The node's edge: TCX programs on an uplink or overlay device. They care for packets to and
 * from local pods, and for services that the outside uses; everything else is the node's own
 * and untouched.
 *
 *	from_wire	ingress: what comes from outside
 *	to_wire		egress: answers of services' backends on this node, and masquerade
 */
#include "lib/ctx_skb.h"

#include "lib/depart.h"
#include "lib/drop.h"
#include "lib/outside.h"
#include "lib/reject.h"

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
	if (!why)
		why = flow.way == WAY_STACK ? arrive_parse(skb, &flow) : (int)parse_l4(&flow, skb);
	why = why ?: arrive_track(&flow, skb);
	why = arrive_way(&flow, why);
	why = why ?: followers(&flow, skb);
	if (!why && flow.way == WAY_STACK)
		return TC_ACT_OK;
	why = why ?: wire_deliver(&action, skb, &flow);
	if (why)
		return refuse(skb, &flow, why);
	return pass(skb, POLICY_INGRESS, action);
}

/*
 * Forwarded packets are answers of a service, or to be masqueraded, when from_pod says so;
 * what no interface brought in is of a socket, or a fragment of which nobody knows.
 */
static __always_inline _Bool may_be_answer(const struct __sk_buff *skb)
{
	return skb->mark & WEIR_MARK_ANSWER || !skb->ingress_ifindex;
}

SEC("tc")
int to_wire(struct __sk_buff *skb)
{
	enum drop_reason why;
	struct flow flow;

	if (!may_be_answer(skb) || !node_translates())
		return TC_ACT_OK;
	flow_begin(&flow, POLICY_EGRESS);
	flow.flags = FLOW_AT_EGRESS;
	if (parse_l3(&flow, skb) || !is_ip(&flow))
		return TC_ACT_OK;
	why = service_leave(skb, &flow);
	return why ? drop(skb, why, POLICY_EGRESS) : TC_ACT_OK;
}

char license_name[] SEC("license") = "Dual BSD/GPL";
