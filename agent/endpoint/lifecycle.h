/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the CNI plugin asks for: reserve, attach, leave. Between two calls of one
 * endpoint anything may happen to plugin and agent.
 */
#pragma once

#include "agent.h"
#include "base/fault.h"

struct endpoint_request {
	const char *container_id;
	const char *ifname;
	const char *network;
	const char *namespace;
	const char *pod;
	const char *uid;
	unsigned int mtu; /* 0: the agent decides */
	uint8_t mac[MAC_BYTES]; /* zero: the agent decides */
	struct ip_addr ips[FAMILY_MAX]; /* wanted addresses, :: none */
	/* @ips come from an IPAM plugin; a pool that has them gives them to nobody else. */
	bool delegated;
	uint32_t chained_ifindex; /* another plugin's link, 0: none */
	struct host_port *ports;
	size_t port_count;
};

/*
 * Reserve addresses, interface index and name; nothing is written into the
 * datapath. What the same container held before is let go. 0, or negative with
 * @fault filled.
 */
int endpoint_reserve(struct pod_endpoint **ret, struct agent *agent,
		     const struct endpoint_request *request, struct fault *fault);

/*
 * The link is there: put the pod's policy in force, then let packets through. On
 * failure the endpoint has left. @mac is what the pod's interface has.
 */
int endpoint_attach(struct agent *agent, const char *container_id, const char *ifname,
		    uint32_t ifindex, const uint8_t mac[MAC_BYTES], struct fault *fault);

/* Nothing passes any more; link, flows and addresses go soon. An unknown endpoint is no error. */
void endpoint_release(struct agent *agent, const char *container_id, const char *ifname);
void endpoint_leave(struct agent *agent, struct pod_endpoint *ep);

/* 0 when the endpoint is as it was left. @ips may be empty. */
int endpoint_check(struct agent *agent, const char *container_id, const char *ifname,
		   const struct ip_addr *ips, size_t ip_count, struct fault *fault);

/*
 * Link up, host routes, neighbour entries: made anew where they are there already.
 * Nothing for a chained pod. 0 or a negative errno.
 */
int endpoint_connect(struct agent *agent, const struct pod_endpoint *ep);

/* Callback of expiry: the datapath has forgotten these; their addresses are free again. */
void endpoint_on_purged(const uint32_t *ifindexes, size_t count, void *arg);

/* Reservations that were never used, and pods whose link is gone. */
void endpoint_housekeeping(struct agent *agent);

/* The endpoint as the datapath knows it, policy and readiness left out. */
struct endpoint endpoint_entry(const struct pod_endpoint *ep);
struct net_pod endpoint_net_pod(const struct agent *agent, const struct pod_endpoint *ep);
