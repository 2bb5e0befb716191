// SPDX-License-Identifier: Apache-2.0
#include "nodeaddr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "cidrs.h"
#include "masquerade.h"

/* Others reach the node by it: not the gateway of its pods, and what has a meaning here only. */
static bool is_reachable(const struct agent *agent, const struct ip_addr *addr)
{
	static const struct prefix local[] = {
		{ { .bytes = { [10] = 0xff, 0xff, 127 } }, 8 },
		{ { .bytes = { [10] = 0xff, 0xff, 169, 254 } }, 16 },
		{ { .bytes = { [15] = 1 } }, 128 },
		{ { .bytes = { 0xfe, 0x80 } }, 10 },
	};

	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
		if (prefix_contains(&local[i], addr))
			return false;
	return !cidrs_contain(agent, addr);
}

/* Without node-port-addresses every one is. */
static bool is_configured(const struct agent *agent, const struct ip_addr *addr)
{
	const struct config *config = &agent->config;

	for (size_t i = 0; i < config->node_port_cidr_count; i++)
		if (prefix_contains(&config->node_port_cidrs[i], addr))
			return true;
	return !config->node_port_cidr_count;
}

static const struct object *own_object(const struct agent *agent)
{
	return store_get(agent->store, OBJECT_NODE, "", agent->config.node_name);
}

/* A Node object may also name addresses that only others translate to the node's. */
static size_t add_of_object(struct ip_addr *ips, const struct agent *agent)
{
	const struct object *obj = own_object(agent);
	size_t count = 0;

	for (size_t i = 0; obj && i < obj->node.ip_count; i++)
		if (ip_addr_is_among(&obj->node.ips[i], agent->host_ips, agent->host_ip_count) &&
		    !ip_addr_is_among(&obj->node.ips[i], ips, count))
			ips[count++] = obj->node.ips[i];
	return count;
}

static size_t add_of_links(struct ip_addr *ips, const struct agent *agent)
{
	size_t count = 0;

	for (size_t i = 0; i < agent->host_ip_count; i++)
		if (is_reachable(agent, &agent->host_ips[i]) &&
		    is_configured(agent, &agent->host_ips[i]) &&
		    !ip_addr_is_among(&agent->host_ips[i], ips, count))
			ips[count++] = agent->host_ips[i];
	return count;
}

/* Each once; the array is the caller's. */
static int find_node_port_ips(struct ip_addr **ret, size_t *count, struct agent *agent)
{
	cleanup(freep) struct ip_addr *ips = calloc(agent->host_ip_count + 1, sizeof(*ips));
	int r;

	if (!ips)
		return -ENOMEM;
	*count = agent->config.node_port_cidr_count ? 0 : add_of_object(ips, agent);
	if (!*count && !agent->config.node_port_cidr_count && agent->uplinks[0].ifindex) {
		r = net_link_addrs(ret, count, agent->net, agent->uplinks[0].ifindex);
		if (r < 0 || *count)
			return r;
	}
	if (!*count)
		*count = add_of_links(ips, agent);
	*ret = take_ptr(&ips);
	return 0;
}

static struct ip_addr choose(struct agent *agent, bool v4)
{
	const struct object *obj = own_object(agent);
	struct ip_addr addr;

	for (size_t i = 0; obj && i < obj->node.ip_count; i++)
		if (ip_addr_is_v4(&obj->node.ips[i]) == v4 &&
		    ip_addr_is_among(&obj->node.ips[i], agent->host_ips, agent->host_ip_count))
			return obj->node.ips[i];
	if (agent->uplinks[0].ifindex &&
	    !net_link_addr(&addr, agent->net, agent->uplinks[0].ifindex, v4 ? AF_INET : AF_INET6))
		return addr;
	return (struct ip_addr){};
}

/* An agent may have ended in the middle of it. */
static void addr6_write(volatile struct node_state *state, const struct ip_addr *addr)
{
	uint32_t turn = state->addr6_turn;

	if (!(turn & 1) && state->addr6.halves[0] == addr->halves[0] &&
	    state->addr6.halves[1] == addr->halves[1])
		return;
	turn |= 1;
	__atomic_store_n(&state->addr6_turn, turn, __ATOMIC_SEQ_CST);
	for (int i = 0; i < 2; i++)
		__atomic_store_n(&state->addr6.halves[i], addr->halves[i], __ATOMIC_SEQ_CST);
	__atomic_store_n(&state->addr6_turn, turn + 1, __ATOMIC_SEQ_CST);
}

static void write_addresses(struct agent *agent)
{
	volatile struct node_state *state = datapath_state(agent->dp);

	state->addr4 = agent->node_ips[FAMILY_IP4].words[3];
	addr6_write(state, &agent->node_ips[FAMILY_IP6]);
}

static void tell_programs(struct agent *agent)
{
	agent->node_ips[FAMILY_IP4] = choose(agent, true);
	agent->node_ips[FAMILY_IP6] = choose(agent, false);
	agent->node_ips_known = true;
	write_addresses(agent);
}

bool node_addresses_heal(struct agent *agent)
{
	volatile const struct node_state *state = datapath_state(agent->dp);
	const struct ip_addr *ips = agent->node_ips;

	/* Until then those of a former agent are in force. */
	if (!agent->node_ips_known)
		return false;
	if (state->addr4 == ips[FAMILY_IP4].words[3] && !(state->addr6_turn & 1) &&
	    state->addr6.halves[0] == ips[FAMILY_IP6].halves[0] &&
	    state->addr6.halves[1] == ips[FAMILY_IP6].halves[1])
		return false;
	write_addresses(agent);
	return true;
}

int node_addresses_update(struct agent *agent, bool *changed)
{
	struct ip_addr *ips;
	size_t count;
	int r;

	tell_programs(agent);
	masquerade_follow(agent);
	r = find_node_port_ips(&ips, &count, agent);
	if (r < 0)
		return r;
	*changed = count != agent->node_port_ip_count ||
		   (count && memcmp(ips, agent->node_port_ips, count * sizeof(*ips)));
	free(agent->node_port_ips);
	agent->node_port_ips = ips;
	agent->node_port_ip_count = count;
	return 0;
}
