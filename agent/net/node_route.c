// SPDX-License-Identifier: Apache-2.0
/* Routes to the pods of other nodes. Those of others, and of other metrics, are left alone. */
#include <errno.h>
#include <linux/rtnetlink.h>

#include "base/cleanup.h"
#include "net/internal.h"
#include "net/route.h"

static struct net_route kernel_route(const struct net_node_route *route)
{
	bool direct = ip_addr_is_none(&route->via);

	return (struct net_route) {
		.dst = route->cidr,
		.src = route->src,
		.via = route->via,
		.type = RTN_UNICAST,
		.scope = direct ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
		.protocol = NET_ROUTE_PROTOCOL_NODES,
		.ifindex = route->ifindex,
		.metric = NET_ROUTE_METRIC_NODES,
	};
}

int net_node_routes(struct net_node_route **ret, size_t *count, struct net *net)
{
	cleanup(freep) struct net_route *routes = NULL;
	struct net_node_route *list;
	size_t found;
	int r;

	*count = 0;
	r = net_routes(&routes, &found, net, NET_ROUTES_NODES);
	if (r < 0)
		return r;
	list = calloc(found + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < found; i++)
		if (routes[i].table == RT_TABLE_MAIN && routes[i].metric == NET_ROUTE_METRIC_NODES)
			list[(*count)++] = (struct net_node_route){
				routes[i].dst, routes[i].via, routes[i].src, routes[i].ifindex,
			};
	*ret = list;
	return 0;
}

int net_node_route_put(struct net *net, const struct net_node_route *route, bool known)
{
	struct net_route wanted = kernel_route(route);

	return known ? net_route_add(net, &wanted) : net_route_add_new(net, &wanted);
}

int net_node_route_del(struct net *net, const struct net_node_route *route)
{
	struct net_route wanted = kernel_route(route);
	int r;

	wanted.src = IP_ADDR_NONE;
	r = net_route_del(net, &wanted);
	return net_is_gone(r) ? 0 : r;
}
