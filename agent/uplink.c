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
static int find(struct net_link *ret, struct agent *agent)
{
	int r = agent->config.uplink ? net_link_find(ret, agent->net, agent->config.uplink) :
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
static int attach_xdp(struct agent *agent, enum xdp_mode mode)
{
	if (agent->config.xdp == XDP_WANTED_AUTO && agent->uplink.veth) {
		datapath_detach_xdp(agent->dp, agent->uplink.ifindex);
		snprintf(agent->xdp_problem, sizeof(agent->xdp_problem),
			 "a veth, whose other end may take nothing from XDP");
		return -EOPNOTSUPP;
	}
	return datapath_attach_xdp(agent->dp, agent->uplink.ifindex, mode, agent->xdp_problem);
}

/* Nothing depends on it: without it packets take the complete path from the beginning. */
static void attach_fast_path(struct agent *agent)
{
	enum xdp_wanted wanted = agent->config.xdp;
	enum xdp_mode mode = wanted == XDP_WANTED_GENERIC ? XDP_MODE_GENERIC : XDP_MODE_NATIVE;

	agent->xdp_mode = XDP_MODE_OFF;
	agent->xdp_problem[0] = '\0';
	if (wanted == XDP_WANTED_OFF) {
		datapath_detach_xdp(agent->dp, agent->uplink.ifindex);
		return;
	}
	if (!attach_xdp(agent, mode)) {
		agent->xdp_mode = mode;
		log_info("uplink %s: fast path in XDP, %s mode", agent->uplink.name,
			 xdp_mode_name(mode));
	} else if (wanted == XDP_WANTED_AUTO) {
		log_info("uplink %s: no fast path in XDP: %s", agent->uplink.name,
			 agent->xdp_problem);
	} else {
		log_warn("uplink %s: no fast path in XDP: %s", agent->uplink.name,
			 agent->xdp_problem);
	}
}

int uplink_attach(struct agent *agent)
{
	int r;

	if (!agent->uplink.ifindex)
		return 0;
	/* In this order: what is let in is answered as it was asked. */
	r = datapath_attach(agent->dp, agent->uplink.ifindex, PROGRAM_TO_WIRE);
	if (r < 0)
		return log_error_errno(r, "uplink %s: attaching to_wire", agent->uplink.name);
	r = datapath_attach(agent->dp, agent->uplink.ifindex, PROGRAM_FROM_WIRE);
	if (r < 0)
		return log_error_errno(r, "uplink %s: attaching from_wire", agent->uplink.name);
	log_info("uplink is %s, MTU %u", agent->uplink.name, agent->uplink.mtu);
	attach_fast_path(agent);
	return 0;
}

static void follow(struct agent *agent)
{
	struct net_link link;

	if (find(&link, agent) < 0)
		return;
	if (link.ifindex == agent->uplink.ifindex) {
		agent->uplink.mtu = link.mtu;
		return;
	}
	if (agent->uplink.ifindex) {
		unguard(agent->net, agent->config.bpffs, agent->uplink.ifindex);
		datapath_detach(agent->dp, agent->uplink.ifindex);
	}
	agent->uplink = link;
	uplink_attach(agent);
}

static void on_change(void *arg)
{
	struct agent *agent = arg;
	bool changed;

	if (!read_addresses(agent, &changed) && changed)
		policy_apply_soon(agent);
	follow(agent);
	/* Also when one that was there before can be used only now. */
	if (!node_addresses_update(agent, &changed) && changed)
		policy_on_objects(agent);
	nodes_check_soon(agent);
}

int uplink_watch(struct agent *agent)
{
	bool changed;
	int r;

	r = read_addresses(agent, &changed);
	r = r ?: find(&agent->uplink, agent);
	r = r ?: net_watch(agent->net, agent->base, on_change, agent);
	return r < 0 ? log_error_errno(r, "the node's network cannot be read") : 0;
}
