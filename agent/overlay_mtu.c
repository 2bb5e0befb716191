// SPDX-License-Identifier: Apache-2.0
/* How long packets may be. */
#include "agent.h"
#include "uplink.h"

#define MTU_DEFAULT 1500

/* Of Ethernet inside, VXLAN, UDP and IP: RFC 7348. */
#define OVERHEAD4 (14 + 8 + 8 + 20)
#define OVERHEAD6 (14 + 8 + 8 + 40)

static bool has_tunnel6(const struct node_routes *routes)
{
	for (size_t i = 0; i < routes->count; i++)
		if (!routes->routes[i].ifindex && !ip_addr_is_v4(&routes->routes[i].via))
			return true;
	return false;
}

/* Tunnels between IPv6 addresses cost more; where there may be one all packets fit into it. */
static unsigned int overhead(const struct agent *agent)
{
	if (!routing_has_tunnel(agent->config.routing_mode))
		return 0;
	return ip_addr_is_none(&agent->node_ips[FAMILY_IP4]) || has_tunnel6(&agent->nodes.wanted) ?
		       OVERHEAD6 : OVERHEAD4;
}

unsigned int overlay_mtu(const struct agent *agent)
{
	unsigned int mtu = uplink_mtu(agent) ?: MTU_DEFAULT;

	return mtu > overhead(agent) ? mtu - overhead(agent) : 0;
}
