/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a pod may send at all, whatever its policy says.
 */
#pragma once

#include "lib/neighbour.h"

#define PORT_DHCP4_CLIENT bpf_htons(68)
#define PORT_DHCP6_CLIENT bpf_htons(546)

/* Stage: @ep is whose interface it is; is its policy in force? */
static __always_inline enum drop_reason guard_sender(struct flow *flow, const struct endpoint *ep)
{
	if (!ep)
		return DROP_NO_ENDPOINT;
	flow->from_ifindex = ep->ifindex;
	return flow->generation && endpoint_is_ready(ep) ? DROP_NONE : DROP_NOT_READY;
}

static __always_inline _Bool guard_address(const struct flow *flow, const struct endpoint *ep)
{
	if (endpoint_owns(ep, &flow->src))
		return 1;
	if (flow->family != FLOW_IP6)
		return 0;
	/* "::" is for those who have no address yet; guard_control() looks at what they say. */
	if (addr_is_none(&flow->src))
		return 1;
	return addr_is_eui64(&flow->src, ep->mac) &&
	       (addr_is_link_local(&flow->dst) || addr_is_multicast(&flow->dst));
}

/* Stage: the pod speaks for itself only. */
static __always_inline enum drop_reason guard_source(const struct flow *flow, struct __sk_buff *skb,
						     const struct endpoint *ep)
{
	const struct ethhdr *eth = ctx_header(skb, 0, sizeof(*eth));

	if (!eth || !ep)
		return DROP_SHORT_HEADER;
	if (!mac_equal(eth->h_source, ep->mac))
		return DROP_SOURCE_MAC;
	if (flow->family == FLOW_OTHER)
		return DROP_UNKNOWN_L3;
	if (flow->family == FLOW_ARP)
		return DROP_NONE;
	return guard_address(flow, ep) ? DROP_NONE : DROP_SOURCE_ADDRESS;
}

static __always_inline enum drop_reason guard_icmp(struct flow *flow, struct __sk_buff *skb)
{
	__u8 type = flow->icmp_type;

	if (flow->flags & FLOW_FRAGMENT_LATER)
		return DROP_NONE;
	if (flow->family == FLOW_IP4)
		return type == ICMP4_REDIRECT ? DROP_ROGUE_CONTROL : DROP_NONE;
	if (type >= ICMP6_ROUTER_SOLICIT && type <= ICMP6_REDIRECT)
		return nd_guard(skb, flow);
	if (addr_is_none(&flow->src) && type != ICMP6_MLD_REPORT && type != ICMP6_MLD2_REPORT)
		return DROP_SOURCE_ADDRESS;
	return DROP_NONE;
}

/* By the client's port: a client does not ask from which one the server speaks. */
static __always_inline _Bool is_dhcp_server(const struct flow *flow)
{
	return flow->dport == (flow->family == FLOW_IP6 ? PORT_DHCP6_CLIENT : PORT_DHCP4_CLIENT);
}

/* Stage: no control messages of a router or server, and no multicast out of isolation. */
static __always_inline enum drop_reason guard_control(struct flow *flow, struct __sk_buff *skb,
						      const struct endpoint *ep)
{
	enum drop_reason why = DROP_NONE;

	if (flow->family == FLOW_ARP)
		return arp_guard(skb, flow);
	if (flow_is_icmp(flow))
		why = guard_icmp(flow, skb);
	else if (addr_is_none(&flow->src))
		why = DROP_SOURCE_ADDRESS;
	else if (flow->proto == IPPROTO_UDP && is_dhcp_server(flow))
		why = DROP_ROGUE_CONTROL;
	if (why || flow->way != WAY_TRACK || !addr_is_multicast(&flow->dst))
		return why;

	flow->way = WAY_STACK;
	if (!ep || !endpoint_is_open(ep, flow->generation, POLICY_EGRESS))
		return DROP_MULTICAST;
	return DROP_NONE;
}
