// SPDX-License-Identifier: Apache-2.0
#include "masquerade.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cidrs.h"
#include "reconcile/masquerade.h"

/* What leaves by @link comes from; ::  there is nothing. */
static struct ip_addr source_of(struct agent *agent, const struct net_link *link,
				enum family family)
{
	const struct ip_addr *node = &agent->node_ips[family];
	cleanup(freep) struct ip_addr *ips = NULL;
	struct ip_addr first;
	size_t count = 0;

	if (net_link_addrs(&ips, &count, agent->net, link->ifindex) < 0)
		count = 0;
	if (ip_addr_is_among(node, ips, count))
		return *node;
	if (net_link_addr(&first, agent->net, link->ifindex,
			  family == FAMILY_IP4 ? AF_INET : AF_INET6) < 0)
		return *node;
	return first;
}

static void find_sources(struct agent *agent)
{
	struct masquerade_source *ret = agent->masquerade_sources;
	size_t count = 0;

	for (size_t i = 0; i < agent->uplink_count; i++)
		for (int family = 0; agent->uplinks[i].ifindex && family < FAMILY_MAX; family++) {
			struct ip_addr addr = source_of(agent, &agent->uplinks[i],
							(enum family)family);

			if (!ip_addr_is_none(&addr))
				ret[count++] = (struct masquerade_source){
					.addr = addr, .ifindex = agent->uplinks[i].ifindex };
		}
	agent->masquerade_source_count = count;
}

/* Returns the place behind them. */
static struct prefix *put_prefixes(struct prefix *at, const struct prefix *list, size_t count)
{
	if (count)
		memcpy(at, list, count * sizeof(*list));
	return at + count;
}

/* To where pods keep their address: pods of this node and of others, and what is configured. */
static int list_unmasqueraded(struct prefix **ret, size_t *ret_count, const struct agent *agent)
{
	const struct config *config = &agent->config;
	const struct node_routes *cluster = &agent->nodes.wanted;
	cleanup(freep) struct prefix *own = NULL;
	struct prefix *list;
	size_t count;
	int r;

	r = cidrs_list(&own, &count, agent);
	if (r < 0)
		return r;
	list = calloc(count + cluster->cidr_count + config->unmasqueraded_count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	*ret = list;
	list = put_prefixes(list, own, count);
	list = put_prefixes(list, cluster->cidrs, cluster->cidr_count);
	list = put_prefixes(list, config->unmasqueraded, config->unmasqueraded_count);
	*ret_count = (size_t)(list - *ret);
	return 0;
}

static int update(struct agent *agent)
{
	cleanup(freep) struct prefix *unmasqueraded = NULL;
	struct masquerade_wanted wanted = {
		.on = agent->config.masquerade,
		.sources = agent->masquerade_sources,
		.keep_unmasqueraded = !agent->nodes.known,
		.host_ips = agent->host_ips,
		.host_ip_count = agent->host_ip_count,
	};
	int r;

	find_sources(agent);
	wanted.source_count = agent->masquerade_source_count;
	r = list_unmasqueraded(&unmasqueraded, &wanted.unmasqueraded_count, agent);
	if (r < 0)
		return r;
	wanted.unmasqueraded = unmasqueraded;
	return masquerade_write(agent->dp, &wanted);
}

int masquerade_start(struct agent *agent)
{
	agent->masquerading = true;
	return update(agent);
}

void masquerade_follow(struct agent *agent)
{
	int r = agent->masquerading ? update(agent) : 0;

	if (r < 0)
		log_warn_errno(r, "masquerade: not all addresses are known to the datapath");
}
