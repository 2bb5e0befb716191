// SPDX-License-Identifier: Apache-2.0
#include "net/route.h"

#include <errno.h>
#include <linux/rtnetlink.h>

#include "base/cleanup.h"
#include "net/internal.h"

static int route_message(struct nl_msg **ret, int type, int flags, const struct net_route *route)
{
	struct rtmsg info = {
		.rtm_family = net_family(&route->dst.addr),
		.rtm_dst_len = route->dst.bits,
		.rtm_protocol = route->protocol,
		.rtm_scope = route->scope,
		.rtm_type = route->type,
	};
	cleanup(net_message_freep) struct nl_msg *msg = NULL;
	int r;

	r = net_message(&msg, type, flags, &info, sizeof(info));
	if (r < 0)
		return r;
	if (net_put_addr(msg, RTA_DST, &route->dst.addr) < 0 ||
	    nla_put_u32(msg, RTA_TABLE, route->table ?: RT_TABLE_MAIN) < 0 ||
	    (route->metric && nla_put_u32(msg, RTA_PRIORITY, route->metric) < 0) ||
	    (route->ifindex && nla_put_u32(msg, RTA_OIF, route->ifindex) < 0) ||
	    (!ip_addr_is_none(&route->via) && net_put_addr(msg, RTA_GATEWAY, &route->via) < 0) ||
	    (!ip_addr_is_none(&route->src) && net_put_addr(msg, RTA_PREFSRC, &route->src) < 0))
		return -EMSGSIZE;
	*ret = take_ptr(&msg);
	return 0;
}

static int route_request(struct net *net, int type, int flags, const struct net_route *route)
{
	cleanup(net_message_freep) struct nl_msg *msg = NULL;
	int r;

	r = route_message(&msg, type, flags, route);
	if (r < 0)
		return r;
	return net_request(net, msg);
}

int net_route_add(struct net *net, const struct net_route *route)
{
	return route_request(net, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, route);
}

int net_route_add_new(struct net *net, const struct net_route *route)
{
	return route_request(net, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route);
}

int net_route_del(struct net *net, const struct net_route *route)
{
	return route_request(net, RTM_DELROUTE, 0, route);
}

static void read_next_hops(struct net_route *route, const struct nlattr *attr)
{
	const struct rtnexthop *hop = nla_data(attr);

	if (nla_len(attr) < (int)sizeof(*hop))
		return;
	route->ifindex = (uint32_t)hop->rtnh_ifindex;
	route->dead = hop->rtnh_flags & RTNH_F_DEAD;
}

/* Of which protocol they all are; 0: of any. */
static uint8_t protocol_of(enum net_route_which which)
{
	static const uint8_t protocols[] = {
		[NET_ROUTES_OURS] = NET_ROUTE_PROTOCOL,
		[NET_ROUTES_NODES] = NET_ROUTE_PROTOCOL_NODES,
	};

	return protocols[which];
}

static bool wanted(const struct net_route *route, enum net_route_which which)
{
	if (protocol_of(which))
		return route->protocol == protocol_of(which);
	return !route->dst.bits && route->type == RTN_UNICAST && route->table == RT_TABLE_MAIN &&
	       route->ifindex && !route->dead;
}

static bool read_route(void *row, struct nlmsghdr *header, const void *arg)
{
	const enum net_route_which *which = arg;
	const struct rtmsg *info = nlmsg_data(header);
	struct nlattr *attrs[RTA_MAX + 1];
	struct net_route *route = row;

	if (header->nlmsg_type != RTM_NEWROUTE || (info->rtm_flags & RTM_F_CLONED) ||
	    nlmsg_parse(header, sizeof(*info), attrs, RTA_MAX, NULL) < 0)
		return false;
	if (!net_get_addr(&route->dst.addr, attrs[RTA_DST]) && info->rtm_family == AF_INET)
		ip_addr_set_v4(&route->dst.addr, 0);
	net_get_addr(&route->src, attrs[RTA_PREFSRC]);
	net_get_addr(&route->via, attrs[RTA_GATEWAY]);
	route->dst.bits = info->rtm_dst_len;
	route->type = info->rtm_type;
	route->scope = info->rtm_scope;
	route->protocol = info->rtm_protocol;
	route->dead = info->rtm_flags & RTNH_F_DEAD;
	route->table = attrs[RTA_TABLE] ? nla_get_u32(attrs[RTA_TABLE]) : info->rtm_table;
	if (attrs[RTA_OIF])
		route->ifindex = nla_get_u32(attrs[RTA_OIF]);
	else if (attrs[RTA_MULTIPATH])
		read_next_hops(route, attrs[RTA_MULTIPATH]);
	if (attrs[RTA_PRIORITY])
		route->metric = nla_get_u32(attrs[RTA_PRIORITY]);
	return wanted(route, *which);
}

static int read_family(struct net_route **ret, size_t *count, struct net *net, int family,
		       enum net_route_which which)
{
	struct rtmsg info = {
		.rtm_family = (unsigned char)family,
		.rtm_protocol = protocol_of(which),
		.rtm_table = which == NET_ROUTES_DEFAULT ? RT_TABLE_MAIN : 0,
	};
	cleanup(net_message_freep) struct nl_msg *msg = NULL;
	int r;

	r = net_message(&msg, RTM_GETROUTE, NLM_F_DUMP, &info, sizeof(info));
	if (r < 0)
		return r;
	return net_collect(ret, count, net, msg, sizeof(**ret), read_route, &which);
}

int net_routes(struct net_route **ret, size_t *count, struct net *net,
	       enum net_route_which which)
{
	cleanup(freep) struct net_route *ip4 = NULL;
	cleanup(freep) struct net_route *ip6 = NULL;
	size_t ip4_count, ip6_count;
	struct net_route *all;
	int r;

	r = read_family(&ip4, &ip4_count, net, AF_INET, which);
	r = r ?: read_family(&ip6, &ip6_count, net, AF_INET6, which);
	if (r < 0)
		return r;
	all = reallocarray(ip4, ip4_count + ip6_count + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	ip4 = NULL;
	for (size_t i = 0; i < ip6_count; i++)
		all[ip4_count + i] = ip6[i];
	*ret = all;
	*count = ip4_count + ip6_count;
	return 0;
}

/* IPv4 metrics start at 0 and IPv6 metrics at 1024: with both families it is the IPv4 route. */
int net_uplink(struct net_link *ret, struct net *net)
{
	cleanup(freep) struct net_route *routes = NULL;
	uint32_t ifindex = 0, metric = UINT32_MAX;
	size_t count;
	int r;

	r = net_routes(&routes, &count, net, NET_ROUTES_DEFAULT);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		if (routes[i].ifindex == NET_LOOPBACK || (ifindex && routes[i].metric >= metric))
			continue;
		ifindex = routes[i].ifindex;
		metric = routes[i].metric;
	}
	if (!ifindex)
		return -ENOENT;
	return net_link_get(ret, net, ifindex);
}

static int flush(struct net *net, enum net_route_which which)
{
	cleanup(freep) struct net_route *routes = NULL;
	int r, first = 0;
	size_t count;

	r = net_routes(&routes, &count, net, which);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		r = net_route_del(net, &routes[i]);
		if (r < 0 && r != -ESRCH && !first)
			first = r;
	}
	return first;
}

int net_routes_flush(struct net *net)
{
	int r = flush(net, NET_ROUTES_OURS);

	return flush(net, NET_ROUTES_NODES) ?: r;
}
