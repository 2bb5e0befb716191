// SPDX-License-Identifier: Apache-2.0
/* Reservation: addresses, number, name and MAC of an endpoint to come. */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "endpoint/adopt.h"
#include "endpoint/lifecycle.h"
#include "uplink.h"
#include "weir/linkname.h"

static bool ifindex_taken(uint32_t ifindex)
{
	char name[IF_NAMESIZE];

	return if_indextoname(ifindex, name) != NULL;
}

static int take_wanted(struct agent *agent, const struct ip_addr *wanted, struct fault *fault)
{
	enum family family = ip_addr_is_v4(wanted) ? FAMILY_IP4 : FAMILY_IP6;
	char text[ADDR_TEXT_MAX];
	int r = -ERANGE;

	if (agent->pools[family])
		r = ipam_pool_take_addr(agent->pools[family], wanted);
	addr_text(text, wanted);
	switch (r) {
	case 0:
		return 0;
	case -ERANGE:
		return fault_set(fault, FAULT_ADDRESS, "requested address is not of this node",
				 "%s is in none of the pod CIDRs", text);
	case -EINVAL:
		return fault_set(fault, FAULT_ADDRESS, "requested address is reserved",
				 "%s is the network, gateway or broadcast address", text);
	case -EADDRINUSE:
		return fault_set(fault, FAULT_ADDRESS, "requested address is in use",
				 "%s belongs to another pod", text);
	default:
		return fault_errno(fault, FAULT_ADDRESS, r, "requested address cannot be taken",
				   "%s", text);
	}
}

static void give_back(struct agent *agent, const struct pod_endpoint *ep)
{
	for (int family = 0; family < FAMILY_MAX; family++)
		if (agent->pools[family] && !ip_addr_is_none(&ep->ips[family]))
			ipam_pool_release(agent->pools[family], &ep->ips[family]);
}

/* One address of each family that the node has; all or nothing. */
static int take_addresses(struct pod_endpoint *ep, struct agent *agent,
			  const struct endpoint_request *request, struct fault *fault)
{
	char cidr[PREFIX_TEXT_MAX];
	int r = 0;

	for (int family = 0; !r && family < FAMILY_MAX; family++) {
		struct ipam_pool *pool = agent->pools[family];

		if (!ip_addr_is_none(&request->ips[family])) {
			r = take_wanted(agent, &request->ips[family], fault);
			if (!r)
				ep->ips[family] = request->ips[family];
		} else if (pool) {
			r = ipam_pool_take(&ep->ips[family], pool);
			if (r < 0)
				r = fault_set(fault, FAULT_ADDRESS, "no address is free",
					      "all %zu addresses of %s are in use",
					      ipam_pool_used(pool),
					      prefix_text(cidr, ipam_pool_prefix(pool)));
		}
	}
	if (!r && ip_addr_is_none(&ep->ips[FAMILY_IP4]) && ip_addr_is_none(&ep->ips[FAMILY_IP6]))
		r = fault_set(fault, FAULT_TRY_LATER, "no address can be given yet",
			      "pod-cidr is not configured, the Node object %s has no pod CIDR yet, "
			      "and no IPAM plugin gave an address", agent->config.node_name);
	if (r < 0)
		give_back(agent, ep);
	return r;
}

static int refuse_delegated(const struct pod_endpoint *owner, const struct ip_addr *addr,
			    struct fault *fault)
{
	char text[ADDR_TEXT_MAX];

	return fault_set(fault, owner->state == POD_LEAVING ? FAULT_TRY_LATER : FAULT_ADDRESS,
			 "delegated address is in use", "%s belongs to %s/%s",
			 addr_text(text, addr), owner->namespace, owner->pod);
}

/*
 * An IPAM plugin's, or another plugin's, addresses: they must be new here all the same,
 * and a pool that has them must not give them to somebody else.
 */
static int use_delegated(struct pod_endpoint *ep, struct agent *agent,
			 const struct endpoint_request *request, struct fault *fault)
{
	const struct pod_endpoint *other;
	int r = 0;

	for (int family = 0; !r && family < FAMILY_MAX; family++) {
		const struct ip_addr *addr = &request->ips[family];
		const struct ipam_pool *pool = agent->pools[family];

		if (ip_addr_is_none(addr))
			continue;
		other = endpoints_find_addr(&agent->endpoints, addr);
		if (other)
			r = refuse_delegated(other, addr, fault);
		else if (pool && ipam_pool_contains(pool, addr))
			r = take_wanted(agent, addr, fault);
		if (!r)
			ep->ips[family] = *addr;
	}
	if (r < 0)
		give_back(agent, ep);
	return r;
}

static int choose_mac(struct pod_endpoint *ep, const struct endpoint_request *request)
{
	static const uint8_t none[MAC_BYTES], host[MAC_BYTES] = LINK_HOST_MAC;

	memcpy(ep->host_mac, host, sizeof(host));
	if (memcmp(request->mac, none, sizeof(none))) {
		memcpy(ep->mac, request->mac, sizeof(ep->mac));
		return 0;
	}
	if (getrandom(ep->mac, sizeof(ep->mac), 0) != sizeof(ep->mac))
		return -errno;
	ep->mac[0] = (uint8_t)((ep->mac[0] & 0xfc) | 2); /* locally administered, unicast */
	return 0;
}

static int check_ports(struct agent *agent, const struct pod_endpoint *ep, struct fault *fault)
{
	const struct pod_endpoint *other;

	for (size_t i = 0; i < ep->port_count; i++) {
		other = endpoints_find_port(&agent->endpoints, ep, &ep->ports[i]);
		if (other)
			return fault_set(fault, FAULT_CONFIG, "host port is in use",
					 "portMappings: %u is used by %s/%s",
					 ep->ports[i].host_port, other->namespace, other->pod);
	}
	return 0;
}

static int take_ports(struct pod_endpoint *ep, const struct endpoint_request *request)
{
	if (!request->port_count)
		return 0;
	ep->ports = calloc(request->port_count, sizeof(*ep->ports));
	if (!ep->ports)
		return -ENOMEM;
	memcpy(ep->ports, request->ports, request->port_count * sizeof(*ep->ports));
	ep->port_count = request->port_count;
	return 0;
}

/* The host side of a pod that left under the same name must not be in the way. */
static void remove_leftover(struct agent *agent, const char *name)
{
	struct net_link link;

	if (!net_link_find(&link, agent->net, name) &&
	    !net_links_delete(agent->net, &link.ifindex, 1))
		datapath_detach(agent->dp, link.ifindex);
}

/* The slot of a foreign link is what its number says. */
static int choose_link(struct pod_endpoint *ep, struct agent *agent,
		       const struct endpoint_request *request, struct fault *fault)
{
	struct net_link link;
	int r;

	if (!request->chained_ifindex) {
		linkname(ep->host_ifname, ep->container_id, ep->ifname);
		remove_leftover(agent, ep->host_ifname);
		r = endpoints_choose(&ep->ifindex, &agent->endpoints, ifindex_taken);
		if (r < 0)
			return fault_set(fault, FAULT_TRY_LATER, "no endpoint is free",
					 "this node has room for %d pods", ENDPOINT_SLOTS);
		return 0;
	}
	r = net_link_get(&link, agent->net, request->chained_ifindex);
	if (r < 0)
		return fault_errno(fault, FAULT_KERNEL, r, "chained interface is not there",
				   "ifindex %u", request->chained_ifindex);
	/* It is told in JSON, and the kernel takes any bytes. */
	if (!utf8_is_valid(link.name))
		return fault_set(fault, FAULT_CONFIG, "chained interface has a name that is no text",
				 "ifindex %u", request->chained_ifindex);
	ep->chained = true;
	ep->ifindex = link.ifindex;
	memcpy(ep->host_ifname, link.name, sizeof(ep->host_ifname));
	memcpy(ep->host_mac, link.mac, sizeof(ep->host_mac));
	return 0;
}

/* What does not fit into a tunnel would be answered by its node, packet by packet. */
static int choose_mtu(struct pod_endpoint *ep, const struct agent *agent,
		      const struct endpoint_request *request, struct fault *fault)
{
	unsigned int max = overlay_mtu(agent);

	ep->mtu = request->mtu ?: agent->config.mtu ?: max;
	if (routing_has_tunnel(agent->config.routing_mode) && ep->mtu > max)
		return fault_set(fault, FAULT_CONFIG, "MTU is too large",
				 "mtu: %u is more than the %u bytes that the tunnels to other nodes "
				 "leave", ep->mtu, max);
	return 0;
}

static int fill(struct pod_endpoint *ep, struct agent *agent,
		const struct endpoint_request *request, struct fault *fault)
{
	int r;

	r = choose_mac(ep, request);
	r = r ?: take_ports(ep, request);
	if (r < 0)
		return fault_errno(fault, FAULT_KERNEL, r, "endpoint cannot be made", "%s", ep->key);
	r = choose_mtu(ep, agent, request, fault);
	r = r ?: check_ports(agent, ep, fault);
	return r ?: choose_link(ep, agent, request, fault);
}

int endpoint_reserve(struct pod_endpoint **ret, struct agent *agent,
		     const struct endpoint_request *request, struct fault *fault)
{
	cleanup(pod_endpoint_freep) struct pod_endpoint *ep = NULL;
	bool foreign = request->delegated || request->chained_ifindex;
	int r;

	ep = endpoints_find(&agent->endpoints, request->container_id, request->ifname);
	if (ep)
		endpoint_leave(agent, take_ptr(&ep));
	r = pod_endpoint_new(&ep, request->container_id, request->ifname, request->network,
			     request->namespace, request->pod, request->uid);
	if (r < 0)
		return fault_errno(fault, FAULT_KERNEL, r, "endpoint cannot be made", "%s",
				   request->container_id);
	r = fill(ep, agent, request, fault);
	if (r < 0)
		return r;
	r = foreign ? use_delegated(ep, agent, request, fault) :
		      take_addresses(ep, agent, request, fault);
	if (r < 0)
		return r;
	/* A DEL of the same name that nobody answered came before. */
	adopt_drop_note(agent, ep->key);
	ep->state = POD_RESERVED;
	ep->since_ms = clock_ms();
	r = endpoints_insert(&agent->endpoints, ep);
	if (r < 0) {
		give_back(agent, ep);
		return fault_errno(fault, FAULT_TRY_LATER, r, "slot of the interface is in use",
				   "ifindex %u", ep->ifindex);
	}
	*ret = take_ptr(&ep);
	return 0;
}
