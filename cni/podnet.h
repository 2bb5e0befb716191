/* SPDX-License-Identifier: Apache-2.0 */
/* The link of a pod and the network inside the pod's namespace. */
#pragma once

#include "cni/agent_call.h"
#include "cni/netlink.h"

/*
 * Make the veth pair of @lease: the host side in @host's namespace, left down; the
 * other end born as @ifname inside the namespace @netns_fd, also down. A leftover
 * with the host side's name is replaced.
 */
int podnet_create(struct netlink *host, const struct agent_lease *lease, const char *ifname,
		  int netns_fd, struct cni_error *error);

/*
 * Inside the pod (@pod): loopback and @ifname up, addresses, routes through the
 * gateway, and the gateway's MAC address for good.
 */
int podnet_configure(struct netlink *pod, const struct agent_lease *lease, const char *ifname,
		     int netns_fd, struct cni_error *error);

/* Set the host side up: from here on packets flow. */
int podnet_open(struct netlink *host, uint32_t host_ifindex, struct cni_error *error);
