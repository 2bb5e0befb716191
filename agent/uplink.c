// SPDX-License-Identifier: Apache-2.0
#include "uplink.h"

#include <errno.h>
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

static int attach(struct agent *agent, const struct net_link *link)
{
	int r;

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
	return 0;
}

int uplink_attach(struct agent *agent)
{
	int r = 0;

	for (size_t i = 0; !r && i < agent->uplink_count; i++)
		r = attach(agent, &agent->uplinks[i]);
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
	attach(agent, uplink);
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
