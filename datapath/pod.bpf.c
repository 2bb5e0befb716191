// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The pod's edge: TCX programs on the host side of its veth.
 *
 *	from_pod	ingress: what the pod sends
 *	to_pod		egress: what the stack sends to the pod (host, outside world,
 *			and what delivery left to the stack)
 */
#include "lib/ctx_skb.h"

#include "lib/deliver.h"
#include "lib/drop.h"
#include "lib/guard.h"
#include "lib/reject.h"
#include "lib/track.h"

/* The pod's packet is dropped, or becomes the answer to itself. Either way it is counted once. */
static __always_inline int refuse(struct __sk_buff *skb, struct flow *flow, enum drop_reason why)
{
	int action = drop(skb, why, POLICY_EGRESS);

	if (packet_reject(skb, flow, why))
		return action;
	return (int)bpf_redirect_peer(skb->ifindex, 0);
}

SEC("tc")
int from_pod(struct __sk_buff *skb)
{
	const struct endpoint *ep = endpoint_find(skb->ifindex);
	enum drop_reason why;
	struct flow flow;
	int action;

	flow_begin(&flow, POLICY_EGRESS);
	why = guard_sender(&flow, ep);
	why = why ?: parse_l3(&flow, skb);
	why = why ?: guard_source(&flow, skb, ep);
	if (!why && flow.family != FLOW_ARP)
		why = parse_l4(&flow, skb);
	why = why ?: guard_control(&flow, skb, ep);
	why = why ?: track(&flow, skb, track_sent);
	why = why ?: followers(&flow, skb);
	why = why ?: deliver(&action, skb, &flow);
	if (why)
		return refuse(skb, &flow, why);
	return pass(skb, POLICY_EGRESS, action);
}

/* Stage: whose interface is it. */
static __always_inline enum drop_reason receiver_check(struct flow *flow,
						       const struct __sk_buff *skb,
						       const struct endpoint *ep)
{
	if (!ep)
		return DROP_NO_ENDPOINT;
	if (!flow->generation || !endpoint_is_ready(ep))
		return DROP_NOT_READY;
	flow->to_ifindex = ep->ifindex;
	/*
	 * What came in through an interface, and so is forwarded, still knows which, unless
	 * the stack had to make new fragments of it; those have no socket either.
	 */
	if (!skb->ingress_ifindex && skb->sk)
		flow->flags |= FLOW_FROM_SOCKET;
	return DROP_NONE;
}

/*
 * Stage: from_wire guards the uplink, but the node may have other ways in. A pod's
 * address comes from that pod's interface; on a link of another plugin it may have
 * passed a bridge, which from_pod of that link has guarded.
 */
static __always_inline enum drop_reason receiver_source(const struct flow *flow,
							const struct __sk_buff *skb)
{
	const struct endpoint *from;
	__u32 ifindex;

	if (flow->flags & FLOW_FROM_SOCKET || (flow->family != FLOW_IP4 && flow->family != FLOW_IP6))
		return DROP_NONE;
	ifindex = peer_local_ifindex(peer_find(&flow->src));
	if (!ifindex || ifindex == skb->ingress_ifindex)
		return DROP_NONE;
	from = endpoint_find(ifindex);
	return from && from->flags & ENDPOINT_CHAINED ? DROP_NONE : DROP_POD_FROM_WIRE;
}

/* Stage: a routing mistake must not bring one pod's packets to another. */
static __always_inline enum drop_reason receiver_address(struct flow *flow,
							 const struct endpoint *ep)
{
	if (flow->family == FLOW_OTHER)
		return DROP_UNKNOWN_L3;
	if (flow->family == FLOW_ARP) {
		flow->way = WAY_STACK;
		return DROP_NONE;
	}
	if (!ep || endpoint_owns(ep, &flow->dst))
		return DROP_NONE;
	if (addr_is_multicast(&flow->dst)) {
		if (flow->flags & FLOW_FROM_SOCKET ||
		    endpoint_is_open(ep, flow->generation, POLICY_INGRESS))
			flow->way = WAY_STACK;
		return DROP_NONE;
	}
	return addr_is_eui64(&flow->dst, ep->mac) ? DROP_NONE : DROP_NO_ENDPOINT;
}

/* Stage: neighbour discovery is not subject to policy; from_pod guards the senders. */
static __always_inline enum drop_reason receiver_neighbour(struct flow *flow)
{
	if (flow->family == FLOW_IP6 && flow_is_icmp(flow) && flow->hops == 255 &&
	    flow->icmp_type >= ICMP6_ROUTER_SOLICIT && flow->icmp_type <= ICMP6_REDIRECT)
		flow->way = WAY_STACK;
	/* Of the multicast to an isolated pod this is all: without it a bridge knows no neighbours. */
	else if (addr_is_multicast(&flow->dst))
		return DROP_MULTICAST;
	return DROP_NONE;
}

SEC("tc")
int to_pod(struct __sk_buff *skb)
{
	const struct endpoint *ep = endpoint_find(skb->ifindex);
	enum drop_reason why;
	struct flow flow;

	flow_begin(&flow, POLICY_INGRESS);
	flow.flags = FLOW_AT_EGRESS;
	why = receiver_check(&flow, skb, ep);
	why = why ?: parse_l3(&flow, skb);
	why = why ?: receiver_source(&flow, skb);
	why = why ?: receiver_address(&flow, ep);
	if (!why && flow.way == WAY_TRACK) {
		why = parse_l4(&flow, skb);
		why = why ?: receiver_neighbour(&flow);
		why = why ?: track(&flow, skb, track_received);
		why = why ?: followers(&flow, skb);
		why = why ?: translate(skb, &flow);
	}
	if (why)
		return drop(skb, why, POLICY_INGRESS);
	return pass(skb, POLICY_INGRESS, TC_ACT_OK);
}

char license_name[] SEC("license") = "Dual BSD/GPL";
