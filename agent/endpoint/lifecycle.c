// SPDX-License-Identifier: Apache-2.0
#include "endpoint/lifecycle.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "cidrs.h"
#include "endpoint/ports.h"
#include "endpoint/statefile.h"
#include "policy.h"
#include "unguard.h"
#include "weir/linkname.h"

#define RESERVED_MS 60000 /* a reservation without an attach is taken back */
#define LOST_MS 5000 /* a link must be away that long before its pod counts as gone */

struct endpoint endpoint_entry(const struct pod_endpoint *ep)
{
	struct endpoint entry = {
		.ifindex = ep->ifindex,
		.flags = ep->chained ? ENDPOINT_CHAINED : 0,
		.mtu = (uint16_t)ep->mtu,
		.addr4 = ip_addr_is_none(&ep->ips[FAMILY_IP4]) ? 0 : ep->ips[FAMILY_IP4].words[3],
		.addr6 = ep->ips[FAMILY_IP6],
	};

	memcpy(entry.mac, ep->mac, sizeof(entry.mac));
	memcpy(entry.host_mac, ep->host_mac, sizeof(entry.host_mac));
	return entry;
}

struct net_pod endpoint_net_pod(const struct agent *agent, const struct pod_endpoint *ep)
{
	struct net_pod pod = { .ifindex = ep->ifindex };

	memcpy(pod.mac, ep->mac, sizeof(pod.mac));
	for (int family = 0; family < FAMILY_MAX; family++) {
		pod.ips[family] = ep->ips[family];
		if (agent->pools[family])
			pod.gateways[family] = ipam_pool_gateway(agent->pools[family]);
	}
	return pod;
}

/* A chained pod's link with its settings, routes and neighbours are its plugin's. */
int endpoint_connect(struct agent *agent, const struct pod_endpoint *ep)
{
	struct net_pod pod = endpoint_net_pod(agent, ep);
	int r;

	if (ep->chained)
		return 0;
	r = net_link_prepare(agent->net, ep->host_ifname);
	/* Routes want a link that is up. */
	r = r ?: net_link_up(agent->net, ep->ifindex);
	if (!r && ports_at_loopback(ep))
		r = net_link_route_localnet(agent->net, ep->ifindex);
	return r ?: net_pod_add(agent->net, &pod);
}

static int attach_steps(struct agent *agent, struct pod_endpoint *ep, struct fault *fault)
{
	struct endpoint entry = endpoint_entry(ep);
	int r;

	r = reconcile_endpoint_open(agent->rec, &entry);
	if (r < 0)
		return fault_errno(fault, FAULT_KERNEL, r, "endpoint slot cannot be taken", "%s",
				   ep->host_ifname);
	r = datapath_attach_pod(agent->dp, ep->ifindex);
	if (r < 0)
		return fault_errno(fault, FAULT_KERNEL, r, "programs cannot be attached", "%s",
				   ep->host_ifname);
	/* The link goes up, and nothing passes yet: the endpoint is not ready. */
	r = endpoint_connect(agent, ep);
	if (r < 0)
		return fault_errno(fault, FAULT_KERNEL, r, "routes to the pod cannot be made", "%s",
				   ep->host_ifname);
	r = policy_apply(agent);
	if (r < 0)
		return fault_set(fault, FAULT_POLICY, "the pod's policy cannot be put in force",
				 "%s", agent->problem);
	r = ep->port_count ? ports_apply(agent) : 0;
	if (r < 0)
		return fault_errno(fault, FAULT_KERNEL, r, "host ports cannot be opened", "%s",
				   ep->key);
	r = statefile_write(agent->config.state_dir, ep);
	if (r < 0)
		return fault_errno(fault, FAULT_KERNEL, r, "state cannot be written", "%s/endpoints",
				   agent->config.state_dir);
	r = reconcile_endpoint_ready(agent->rec, ep->ifindex);
	if (r < 0)
		return fault_errno(fault, FAULT_KERNEL, r, "endpoint cannot be made ready", "%s",
				   ep->host_ifname);
	ports_forget_datagrams(ep);
	return 0;
}

int endpoint_attach(struct agent *agent, const char *container_id, const char *ifname,
		    uint32_t ifindex, const uint8_t mac[MAC_BYTES], struct fault *fault)
{
	struct pod_endpoint *ep = endpoints_find(&agent->endpoints, container_id, ifname);
	struct net_link link;
	int r;

	if (!ep || ep->state != POD_RESERVED)
		return fault_set(fault, FAULT_TRY_LATER, "nothing is reserved for this container",
				 "%s@%s: the agent was restarted, or the plugin took too long",
				 container_id, ifname);
	if (ifindex != ep->ifindex)
		return fault_set(fault, FAULT_KERNEL, "interface has not the reserved number",
				 "%s: %u instead of %u", ep->host_ifname, ifindex, ep->ifindex);
	r = net_link_get(&link, agent->net, ifindex);
	if (r < 0)
		return fault_errno(fault, FAULT_KERNEL, r, "interface is not there", "%s",
				   ep->host_ifname);
	memcpy(ep->mac, mac, sizeof(ep->mac));
	ep->state = POD_ATTACHING;
	ep->since_ms = clock_ms();
	r = attach_steps(agent, ep, fault);
	if (r < 0) {
		endpoint_leave(agent, ep);
		return r;
	}
	ep->state = POD_READY;
	ports_warn(ep);
	linkwork_promote(agent->linkwork, ep->ifindex);
	log_info("endpoint %u: pod %s/%s on %s is ready", ep->slot, ep->namespace, ep->pod,
		 ep->host_ifname);
	return 0;
}

void endpoint_leave(struct agent *agent, struct pod_endpoint *ep)
{
	bool was_attached = ep->state != POD_RESERVED;
	bool had_ports = was_attached && ep->port_count;
	struct net_pod pod = endpoint_net_pod(agent, ep);

	log_info("endpoint %u: pod %s/%s on %s leaves", ep->slot, ep->namespace, ep->pod,
		 ep->host_ifname);
	if (was_attached)
		reconcile_endpoint_close(agent->rec, ep->ifindex);
	linkwork_forget(agent->linkwork, ep->ifindex);
	statefile_remove(agent->config.state_dir, ep->key);
	endpoints_leave(&agent->endpoints, ep, clock_ms());
	if (had_ports && ports_apply(agent) < 0)
		log_warn("host ports of pod %s/%s cannot be closed yet", ep->namespace, ep->pod);
	if (had_ports)
		ports_forget_datagrams(ep);
	if (ep->chained) {
		unguard(agent->net, agent->config.bpffs, ep->ifindex);
		datapath_detach(agent->dp, ep->ifindex);
	} else {
		if (was_attached)
			net_pod_del(agent->net, &pod);
		linkwork_delete(agent->linkwork, ep->ifindex);
	}
	expiry_purge(agent->expiry, ep->ifindex);
	policy_apply_soon(agent);
}

/*
 * A plugin that was killed while the agent changed may have made a link that no
 * reservation knows, and a pod that could not be adopted has left a file.
 */
static void remove_traces(struct agent *agent, const char *container_id, const char *ifname)
{
	cleanup(freep) char *key = NULL;
	char name[LINKNAME_MAX];
	struct net_link link;

	linkname(name, container_id, ifname);
	if (!net_link_find(&link, agent->net, name) &&
	    !endpoints_at(&agent->endpoints, link.ifindex))
		linkwork_delete(agent->linkwork, link.ifindex);
	if (asprintf(&key, "%s@%s", container_id, ifname) < 0)
		key = NULL;
	if (key)
		statefile_remove(agent->config.state_dir, key);
}

void endpoint_release(struct agent *agent, const char *container_id, const char *ifname)
{
	struct pod_endpoint *ep = endpoints_find(&agent->endpoints, container_id, ifname);

	if (ep)
		endpoint_leave(agent, ep);
	else
		remove_traces(agent, container_id, ifname);
}

static bool in_image(const struct agent *agent, uint32_t ifindex)
{
	const struct image *image = reconcile_image(agent->rec);

	for (size_t i = 0; i < image->binding_count; i++)
		if (image->bindings[i].ifindex == ifindex)
			return true;
	return false;
}

static void forget(struct agent *agent, struct pod_endpoint *ep)
{
	for (int family = 0; family < FAMILY_MAX; family++)
		if (agent->pools[family])
			ipam_pool_release(agent->pools[family], &ep->ips[family]);
	endpoints_forget(&agent->endpoints, ep);
}

void endpoint_on_purged(const uint32_t *ifindexes, size_t count, void *arg)
{
	struct agent *agent = arg;
	struct pod_endpoint *ep;

	for (size_t i = 0; i < count; i++) {
		ep = endpoints_at(&agent->endpoints, ifindexes[i]);
		if (!ep || ep->state != POD_LEAVING)
			continue;
		/* As long as the old policy could not be replaced, its peers are in force. */
		if (in_image(agent, ep->ifindex))
			expiry_purge(agent->expiry, ep->ifindex);
		else
			forget(agent, ep);
	}
}

static bool has_ip(const struct pod_endpoint *ep, const struct ip_addr *ip)
{
	return ip_addr_equal(&ep->ips[FAMILY_IP4], ip) || ip_addr_equal(&ep->ips[FAMILY_IP6], ip);
}

int endpoint_check(struct agent *agent, const char *container_id, const char *ifname,
		   const struct ip_addr *ips, size_t ip_count, struct fault *fault)
{
	struct pod_endpoint *ep = endpoints_find(&agent->endpoints, container_id, ifname);
	char text[ADDR_TEXT_MAX];
	const struct endpoint *slot;
	struct net_link link;

	if (!ep || ep->state != POD_READY)
		return fault_set(fault, FAULT_UNKNOWN_CONTAINER, "container has no endpoint",
				 "%s@%s", container_id, ifname);
	if (net_link_get(&link, agent->net, ep->ifindex) < 0)
		return fault_set(fault, FAULT_DIFFERS, "host interface is gone", "%s",
				 ep->host_ifname);
	if (!link.up)
		return fault_set(fault, FAULT_DIFFERS, "host interface is down", "%s", link.name);
	slot = reconcile_endpoint(agent->rec, ep->ifindex);
	if (!slot || !(slot->flags & ENDPOINT_READY))
		return fault_set(fault, FAULT_DIFFERS, "endpoint is not ready", "%s", link.name);
	for (size_t i = 0; i < ip_count; i++)
		if (!has_ip(ep, &ips[i]))
			return fault_set(fault, FAULT_DIFFERS, "address is not the endpoint's",
					 "%s", addr_text(text, &ips[i]));
	return 0;
}

/* A runtime that dies sends no DEL: the link goes with the pod's namespace. */
static bool is_lost(struct agent *agent, struct pod_endpoint *ep, int64_t now)
{
	struct net_link link;

	if (net_link_get(&link, agent->net, ep->ifindex) != -ENODEV) {
		ep->lost_ms = 0;
		return false;
	}
	if (!ep->lost_ms)
		ep->lost_ms = now;
	return now - ep->lost_ms >= LOST_MS;
}

void endpoint_housekeeping(struct agent *agent)
{
	int64_t now = clock_ms();
	struct pod_endpoint *ep;

	for (uint32_t pos = 0; (ep = endpoints_next(&agent->endpoints, &pos));) {
		if (ep->state == POD_RESERVED && now - ep->since_ms >= RESERVED_MS)
			endpoint_leave(agent, ep);
		else if (ep->state == POD_READY && is_lost(agent, ep, now))
			endpoint_leave(agent, ep);
	}
}
