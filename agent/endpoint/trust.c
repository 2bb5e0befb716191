// SPDX-License-Identifier: Apache-2.0
#include "endpoint/trust.h"

#include <stdio.h>
#include <string.h>

#include "endpoint/lifecycle.h"
#include "weir/linkname.h"

static const char *doubt(char buf[static TRUST_TEXT_MAX], const char *what, const char *which)
{
	snprintf(buf, TRUST_TEXT_MAX, "%.120s%.120s", what, which);
	return buf;
}

/*
 * A link of weir's carries the name of its container. Another plugin's has the
 * number and the name that chance gave it, which somebody else's may have after a
 * reboot: it is known by the program that an agent has left there.
 */
static const char *doubt_link(char buf[static TRUST_TEXT_MAX], const struct pod_endpoint *ep)
{
	char name[LINKNAME_MAX];

	if (ep->chained)
		return datapath_guards_pod(ep->ifindex) ? NULL :
			doubt(buf, "no program of weir is on the interface", "");
	linkname(name, ep->container_id, ep->ifname);
	return strcmp(name, ep->host_ifname) ?
		       doubt(buf, "the interface of this container would be ", name) : NULL;
}

/* The slot was written by the agent that wrote the file. */
static const char *doubt_slot(char buf[static TRUST_TEXT_MAX], const struct agent *agent,
			      const struct pod_endpoint *ep)
{
	const struct endpoint *slot = reconcile_endpoint(agent->rec, ep->ifindex);
	struct endpoint entry = endpoint_entry(ep);

	if (!slot)
		return NULL;
	entry.flags |= slot->flags & ENDPOINT_READY;
	memcpy(entry.class, slot->class, sizeof(entry.class));
	memcpy(entry.ruleset, slot->ruleset, sizeof(entry.ruleset));
	return memcmp(&entry, slot, sizeof(entry)) ?
		       doubt(buf, "its addresses, MACs or MTU are not those in the kernel", "") : NULL;
}

static bool is_of_node(const struct agent *agent, const struct ip_addr *ip)
{
	for (size_t i = 0; i < agent->host_ip_count; i++)
		if (ip_addr_equal(&agent->host_ips[i], ip))
			return true;
	for (int family = 0; family < FAMILY_MAX; family++)
		if (agent->pools[family] && ipam_pool_is_reserved(agent->pools[family], ip))
			return true;
	return false;
}

static const char *doubt_address(char buf[static TRUST_TEXT_MAX], const struct agent *agent,
				 const struct ip_addr *ip)
{
	const struct pod_endpoint *other = endpoints_find_addr(&agent->endpoints, ip);
	char text[ADDR_TEXT_MAX];

	addr_text(text, ip);
	if (is_of_node(agent, ip))
		return doubt(buf, "no pod has the node's address ", text);
	if (!other)
		return NULL;
	snprintf(buf, TRUST_TEXT_MAX, "address %s belongs to %.80s/%.80s", text, other->namespace,
		 other->pod);
	return buf;
}

const char *trust_doubt(char buf[static TRUST_TEXT_MAX], struct agent *agent,
			const struct pod_endpoint *ep)
{
	const char *why = doubt_link(buf, ep) ?: doubt_slot(buf, agent, ep);
	bool any = false;

	for (int family = 0; !why && family < FAMILY_MAX; family++) {
		if (ip_addr_is_none(&ep->ips[family]))
			continue;
		any = true;
		why = doubt_address(buf, agent, &ep->ips[family]);
	}
	return why || any ? why : doubt(buf, "it has no address", "");
}
