// SPDX-License-Identifier: Apache-2.0
#include "overlay.h"

#include <errno.h>
#include <string.h>

#include "agent.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "reconcile/node_cidrs.h"
#include "sources.h"
#include "uplink.h"

static bool is_wanted(const struct agent *agent)
{
	return routing_has_tunnel(agent->config.routing_mode);
}

static int put_device(struct agent *agent)
{
	const struct net_vxlan vxlan = {
		.name = OVERLAY_LINK,
		.port = agent->config.vxlan_port,
		.mtu = overlay_mtu(agent),
		.mac = TUNNEL_DEVICE_MAC,
	};
	struct overlay *overlay = &agent->overlay;
	uint32_t ifindex;
	int r;

	r = net_vxlan_put(&ifindex, agent->net, &vxlan);
	if (r < 0)
		return r;
	if (ifindex != overlay->ifindex) {
		if (overlay->ifindex)
			datapath_detach(agent->dp, overlay->ifindex);
		overlay->attached = false;
		log_info("tunnel device is " OVERLAY_LINK ", UDP port %u, MTU %u", vxlan.port,
			 vxlan.mtu);
	}
	overlay->ifindex = ifindex;
	return 0;
}

static int attach(struct agent *agent)
{
	struct overlay *overlay = &agent->overlay;
	int r;

	if (overlay->attached)
		return 0;
	r = datapath_attach(agent->dp, overlay->ifindex, PROGRAM_TO_OVERLAY);
	r = r ?: datapath_attach(agent->dp, overlay->ifindex, PROGRAM_FROM_OVERLAY);
	overlay->attached = !r;
	return r;
}

/*
 * The link goes up last: nothing passes that the programs have not seen. One that is up is left
 * alone, for each request would be told to whoever follows the links, this agent as well.
 */
static int set_up(struct agent *agent)
{
	struct net_link link;
	int r = attach(agent);

	r = r ?: net_link_get(&link, agent->net, agent->overlay.ifindex);
	if (r < 0 || link.up)
		return r;
	r = net_link_prepare(agent->net, OVERLAY_LINK);
	return r ?: net_link_up(agent->net, agent->overlay.ifindex);
}

static void add_row(struct node_cidr_row *rows, size_t *count, const struct prefix *prefix,
		    const struct ip_addr *node, bool pods)
{
	rows[(*count)++] = (struct node_cidr_row){ *prefix, { .node = *node, .pods = pods } };
}

/* Of this node's own pods nobody is elsewhere, whatever comes in. */
static int write_maps(struct agent *agent, const struct node_routes *routes)
{
	size_t max = routes->count + routes->address_count + FAMILY_MAX, count = 0;
	cleanup(freep) struct node_cidr_row *rows = calloc(max, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < routes->count; i++)
		if (!routes->routes[i].ifindex)
			add_row(rows, &count, &routes->routes[i].cidr, &routes->routes[i].via, true);
	for (size_t i = 0; i < routes->address_count; i++)
		add_row(rows, &count, &routes->addresses[i].cidr, &routes->addresses[i].via, false);
	for (int family = 0; family < FAMILY_MAX; family++)
		if (agent->pools[family])
			add_row(rows, &count, ipam_pool_prefix(agent->pools[family]), &IP_ADDR_NONE,
				true);
	return node_cidrs_apply(agent->dp, rows, count, !sources_are_synced(agent, API_NEED_POLICY));
}

static void remove_all(struct agent *agent)
{
	int r = net_vxlan_del(agent->net, OVERLAY_LINK);

	datapath_state(agent->dp)->tunnels = 0;
	r = node_cidrs_apply(agent->dp, NULL, 0, false) ?: r;
	if (r < 0)
		log_warn_errno(r, "tunnels of a former routing mode cannot be removed");
}

/* Only its programs change: how long packets may be is known when the nodes are. */
void overlay_open(struct agent *agent)
{
	struct overlay *overlay = &agent->overlay;
	int r;

	if (!is_wanted(agent)) {
		remove_all(agent);
		return;
	}
	r = net_vxlan_find(&overlay->ifindex, agent->net, OVERLAY_LINK);
	if (!r)
		r = attach(agent);
	if (r < 0 && r != -ENODEV)
		log_error_errno(r, "tunnel device " OVERLAY_LINK);
}

static void check_mtu(const struct agent *agent, struct texts *problems)
{
	unsigned int mtu = overlay_mtu(agent);

	if (mtu < CONFIG_MTU_MIN)
		texts_add(problems, "tunnels leave %u bytes for each packet, and IPv6 needs %d: the "
			  "MTU %u of the uplink is too small", mtu, CONFIG_MTU_MIN, uplink_mtu(agent));
	if (agent->config.mtu > mtu)
		texts_add(problems, "mtu: %u is larger than the %u bytes that tunnels leave: no pod "
			  "is added", agent->config.mtu, mtu);
}

void overlay_update(struct agent *agent, const struct node_routes *routes, struct texts *problems)
{
	int r;

	if (!is_wanted(agent))
		return;
	check_mtu(agent, problems);
	/* First who is where, then the way there. */
	r = write_maps(agent, routes);
	if (r < 0)
		texts_add(problems, "nodes cannot be written to the tables of tunnels: %s",
			  strerror(-r));
	r = put_device(agent);
	r = r ?: set_up(agent);
	if (r < 0)
		texts_add(problems, "tunnel device " OVERLAY_LINK ": %s",
			  r == -EEXIST ? "there is one of this name that is no VXLAN" : strerror(-r));
	datapath_state(agent->dp)->tunnels = agent->overlay.ifindex;
}
