// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "base/cleanup.h"
#include "net/internal.h"
#include "net/route.h"

static int neighbour_request(struct net *net, int type, int flags, const struct net_pod *pod,
			     const struct ip_addr *ip)
{
	struct ndmsg info = {
		.ndm_family = net_family(ip),
		.ndm_ifindex = (int)pod->ifindex,
		.ndm_state = NUD_PERMANENT,
	};
	cleanup(net_message_freep) struct nl_msg *msg = NULL;
	int r;

	r = net_message(&msg, type, flags, &info, sizeof(info));
	if (r < 0)
		return r;
	if (net_put_addr(msg, NDA_DST, ip) < 0 || nla_put(msg, NDA_LLADDR, MAC_BYTES, pod->mac) < 0)
		return -EMSGSIZE;
	return net_request(net, msg);
}

static struct net_route pod_route(const struct net_pod *pod, int i)
{
	return (struct net_route) {
		.dst = { pod->ips[i], ip_addr_is_v4(&pod->ips[i]) ? 32 : 128 },
		.src = pod->gateways[i],
		.type = RTN_UNICAST,
		.scope = RT_SCOPE_LINK,
		.protocol = NET_ROUTE_PROTOCOL,
		.ifindex = pod->ifindex,
	};
}

/* The neighbour first: with the route in place nobody shall have to ask who the pod is. */
static int add_ip(struct net *net, const struct net_pod *pod, int i)
{
	struct net_route route = pod_route(pod, i);
	int r;

	r = neighbour_request(net, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, pod, &pod->ips[i]);
	if (r < 0)
		return r;
	return net_route_add(net, &route);
}

static int del_ip(struct net *net, const struct net_pod *pod, int i)
{
	struct net_route route = pod_route(pod, i);
	int r, first;

	route.src = IP_ADDR_NONE; /* the gateway may have changed since */
	first = net_route_del(net, &route);
	if (net_is_gone(first))
		first = 0;
	r = neighbour_request(net, RTM_DELNEIGH, 0, pod, &pod->ips[i]);
	return first ?: net_is_gone(r) ? 0 : r;
}

int net_pod_add(struct net *net, const struct net_pod *pod)
{
	int r;

	for (int i = 0; i < 2; i++) {
		if (ip_addr_is_none(&pod->ips[i]))
			continue;
		r = add_ip(net, pod, i);
		if (r < 0) {
			net_pod_del(net, pod);
			return r;
		}
	}
	return 0;
}

int net_pod_del(struct net *net, const struct net_pod *pod)
{
	int r, first = 0;

	for (int i = 0; i < 2; i++) {
		if (ip_addr_is_none(&pod->ips[i]))
			continue;
		r = del_ip(net, pod, i);
		first = first ?: r;
	}
	return first;
}
