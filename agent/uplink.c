// SPDX-License-Identifier: Apache-2.0
#include "uplink.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "nodeaddr.h"
#include "nodes.h"
#include "policy.h"
#include "unguard.h"

static int read_addresses(struct agent *agent, bool *changed)
{
	struct ip_addr *ips;
	size_t count;
	int r;

	r = net_addrs(&ips, &count, agent->net);
	if (r < 0)
		return r;
	*changed = count != agent->host_ip_count ||
		   (count && memcmp(ips, agent->host_ips, count * sizeof(*ips)));
	free(agent->host_ips);
	agent->host_ips = ips;
	agent->host_ip_count = count;
	return 0;
}

/* A node without a way to the outside has no uplink; one that is named may come later. */
static int find(struct net_link *ret, struct agent *agent, size_t index)
{
	const struct config *config = &agent->config;
	int r = config->uplink_count ? net_link_find(ret, agent->net, config->uplinks[index]) :
				       net_uplink(ret, agent->net);

	if (r != -ENOENT && r != -ENODEV)
		return r;
	*ret = (struct net_link){};
	return 0;
}

/*
 * What XDP sends back out of one end of a veth is lost, or lies about, where the other end
 * has no program of XDP, which cannot be found out from here.
 */
static int attach_xdp(struct agent *agent, const struct net_link *link, struct uplink_xdp *xdp,
		      enum xdp_mode mode)
{
	if (agent->config.xdp == XDP_WANTED_AUTO && link->veth) {
		datapath_detach_xdp(agent->dp, link->ifindex);
		snprintf(xdp->problem, sizeof(xdp->problem),
			 "a veth, whose other end may take nothing from XDP");
		return -EOPNOTSUPP;
	}
	return datapath_attach_xdp(agent->dp, link->ifindex, mode, xdp->problem);
}

/* Nothing depends on it: without it packets take the complete path from the beginning. */
static void attach_fast_path(struct agent *agent, const struct net_link *link,
			     struct uplink_xdp *xdp)
{
	enum xdp_wanted wanted = agent->config.xdp;
	enum xdp_mode mode = wanted == XDP_WANTED_GENERIC ? XDP_MODE_GENERIC : XDP_MODE_NATIVE;

	if (wanted == XDP_WANTED_OFF) {
		datapath_detach_xdp(agent->dp, link->ifindex);
		return;
	}
	if (!attach_xdp(agent, link, xdp, mode)) {
		xdp->mode = mode;
		log_info("uplink %s: fast path in XDP, %s mode", link->name,
			 xdp_mode_name(mode));
	} else if (wanted == XDP_WANTED_AUTO) {
		log_info("uplink %s: no fast path in XDP: %s", link->name, xdp->problem);
	} else {
		log_warn("uplink %s: no fast path in XDP: %s", link->name, xdp->problem);
	}
}

static int attach(struct agent *agent, size_t index)
{
	const struct net_link *link = &agent->uplinks[index];
	int r;

	agent->uplink_xdp[index] = (struct uplink_xdp){ .mode = XDP_MODE_OFF };
	if (!link->ifindex)
		return 0;
	/* In this order: what is let in is answered as it was asked. */
	r = datapath_attach(agent->dp, link->ifindex, PROGRAM_TO_WIRE);
	if (r < 0)
		return log_error_errno(r, "uplink %s: attaching to_wire", link->name);
	r = datapath_attach(agent->dp, link->ifindex, PROGRAM_FROM_WIRE);
	if (r < 0)
		return log_error_errno(r, "uplink %s: attaching from_wire", link->name);
	log_info("uplink is %s, MTU %u", link->name, link->mtu);
	attach_fast_path(agent, link, &agent->uplink_xdp[index]);
	return 0;
}

int uplink_attach(struct agent *agent)
{
	int r = 0;

	for (size_t i = 0; !r && i < agent->uplink_count; i++)
		r = attach(agent, i);
	return r;
}

static void follow(struct agent *agent, size_t index)
{
	struct net_link *uplink = &agent->uplinks[index], link;
	uint32_t former = uplink->ifindex;

	if (find(&link, agent, index) < 0)
		return;
	if (link.ifindex == former) {
		uplink->mtu = link.mtu;
		return;
	}
	*uplink = link;
	/* Two names may have changed places. */
	if (former && !uplink_is(agent, former)) {
		unguard(agent->net, agent->config.bpffs, former);
		datapath_detach(agent->dp, former);
	}
	attach(agent, index);
}

static void on_change(void *arg)
{
	struct agent *agent = arg;
	bool changed;

	if (!read_addresses(agent, &changed) && changed)
		policy_apply_soon(agent);
	for (size_t i = 0; i < agent->uplink_count; i++)
		follow(agent, i);
	/* Also when one that was there before can be used only now. */
	if (!node_addresses_update(agent, &changed) && changed)
		policy_on_objects(agent);
	nodes_check_soon(agent);
}

int uplink_watch(struct agent *agent)
{
	bool changed;
	int r;

	agent->uplink_count = agent->config.uplink_count ?: 1;
	r = read_addresses(agent, &changed);
	for (size_t i = 0; !r && i < agent->uplink_count; i++)
		r = find(&agent->uplinks[i], agent, i);
	r = r ?: net_watch(agent->net, agent->base, on_change, agent);
	return r < 0 ? log_error_errno(r, "the node's network cannot be read") : 0;
}
