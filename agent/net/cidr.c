// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>

#include "base/cleanup.h"
#include "net/internal.h"
#include "net/route.h"
#include "net/sysctl.h"

/* Whoever else routes a pod CIDR knows better than the blackhole. */
#define BLACKHOLE_METRIC 0x7fffffff

int net_cidr_gateway(struct ip_addr *ret, const struct prefix *cidr)
{
	if (cidr->bits >= prefix_width(cidr))
		return -EINVAL;
	*ret = cidr->addr;
	ret->words[3] |= htonl(1);
	return 0;
}

static struct net_route blackhole(const struct prefix *cidr)
{
	return (struct net_route) {
		.dst = *cidr,
		.type = RTN_BLACKHOLE,
		.scope = RT_SCOPE_UNIVERSE,
		.protocol = NET_ROUTE_PROTOCOL,
		.metric = BLACKHOLE_METRIC,
	};
}

int net_cidr_add(struct net *net, const struct prefix *cidr)
{
	struct net_route route = blackhole(cidr);
	struct ip_addr addr;
	int r;

	r = net_cidr_gateway(&addr, cidr);
	if (r < 0)
		return r;
	r = net_link_up(net, NET_LOOPBACK);
	if (r < 0)
		return r;
	/* The route first: net_cidrs() finds by it what there is to take away. */
	r = net_route_add(net, &route);
	if (r < 0)
		return r;
	r = net_loopback_addr(net, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &addr);
	if (r < 0)
		return r;
	return net_forwarding_on(net_family(&addr));
}

int net_cidr_del(struct net *net, const struct prefix *cidr, bool gateway)
{
	struct net_route route = blackhole(cidr);
	struct ip_addr addr;
	int r, first;

	r = net_cidr_gateway(&addr, cidr);
	if (r < 0)
		return r;
	first = net_route_del(net, &route);
	if (net_is_gone(first))
		first = 0;
	r = gateway ? net_loopback_addr(net, RTM_DELADDR, 0, &addr) : 0;
	return first ?: net_is_gone(r) ? 0 : r;
}

int net_cidrs(struct prefix **ret, size_t *count, struct net *net)
{
	cleanup(freep) struct net_route *routes = NULL;
	struct prefix *list;
	size_t found;
	int r;

	*count = 0;
	r = net_routes(&routes, &found, net, NET_ROUTES_OURS);
	if (r < 0)
		return r;
	list = calloc(found + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < found; i++)
		if (routes[i].type == RTN_BLACKHOLE)
			list[(*count)++] = routes[i].dst;
	*ret = list;
	return 0;
}
