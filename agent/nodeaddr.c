// SPDX-License-Identifier: Apache-2.0
#include "nodeaddr.h"

#include <sys/socket.h>


static bool is_own(const struct agent *agent, const struct ip_addr *addr)
{
	for (size_t i = 0; i < agent->host_ip_count; i++)
		if (ip_addr_equal(&agent->host_ips[i], addr))
			return true;
	return false;
}

/* :: when the Node object is not known, or names none that is here. */
static struct ip_addr of_object(const struct agent *agent, bool v4)
{
	const struct object *obj = store_get(agent->store, OBJECT_NODE, "", agent->config.node_name);

	for (size_t i = 0; obj && i < obj->node.ip_count; i++)
		if (ip_addr_is_v4(&obj->node.ips[i]) == v4 && is_own(agent, &obj->node.ips[i]))
			return obj->node.ips[i];
	return (struct ip_addr){};
}

static struct ip_addr choose(struct agent *agent, bool v4)
{
	struct ip_addr addr;

	if (agent->uplink.ifindex &&
	    !net_link_addr(&addr, agent->net, agent->uplink.ifindex, v4 ? AF_INET : AF_INET6))
		return addr;
	return of_object(agent, v4);
}

void node_address_update(struct agent *agent)
{
	volatile struct node_state *state = datapath_state(agent->dp);
	struct ip_addr addr4 = choose(agent, true), addr6 = choose(agent, false);

	state->addr4 = addr4.words[3];
	for (int i = 0; i < 2; i++)
		state->addr6.halves[i] = addr6.halves[i];
}
