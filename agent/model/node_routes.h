/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routes to the pods of other nodes: what the Node objects say, and what this node is linked
 * to, gives for each pod CIDR of the cluster where its packets go. Pure.
 *
 * A node with a pod CIDR that cannot be right gets no route at all and is reported: one that
 * overlaps with another node's (then neither gets any) or with this node's own, or that has an
 * address of a node in it.
 *
 * Source: Kubernetes core/v1 Node, spec.podCIDRs and status.addresses.
 */
#pragma once

#include "base/texts.h"
#include "model/store.h"

enum routing_mode {
	ROUTING_NATIVE, /* by the network: routes to nodes on the same link, no others */
	ROUTING_VXLAN, /* by a tunnel to each node */
	ROUTING_AUTO, /* native for nodes on the same link, a tunnel to the others */
	ROUTING_MODE_MAX,
};

/* As it is configured: "native", "vxlan", "auto". */
const char *routing_mode_name(enum routing_mode mode);

static inline bool routing_has_tunnel(enum routing_mode mode)
{
	return mode != ROUTING_NATIVE;
}

/* The addresses behind a link without a router between. */
struct node_subnet {
	struct prefix prefix;
	uint32_t ifindex;
};

/* Everything is borrowed. */
struct node_routes_input {
	const struct store *store;
	const char *node_name;
	enum routing_mode mode;
	const struct prefix *own_cidrs; /* in use, perhaps for the last pods only */
	size_t own_cidr_count;
	const struct ip_addr *host_ips; /* all addresses of this node's links */
	size_t host_ip_count;
	bool has_ip4, has_ip6; /* other nodes can reach this node by such an address */
	const struct node_subnet *subnets;
	size_t subnet_count;
};

struct node_route {
	struct prefix cidr;
	struct ip_addr via; /* the other node: next hop, or the far end of the tunnel */
	uint32_t ifindex; /* the link to the next hop; 0: by the tunnel */
};

struct node_routes {
	struct node_route *routes; /* in order of @cidr */
	size_t count;
	struct node_route *addresses; /* of nodes that tunnels lead to: where those end */
	size_t address_count;
	struct prefix *cidrs; /* all pod CIDRs of the cluster, in order: also without a route */
	size_t cidr_count;
	struct texts problems; /* each names its node */
};

/* 0 or -ENOMEM. */
int node_routes_compute(struct node_routes *ret, const struct node_routes_input *input);
void node_routes_done(struct node_routes *routes);

/*
 * Whether @cidr cannot be the pod CIDR of this node: an address of a node is in it. 1 and a
 * sentence about it in @texts, 0, or -ENOMEM.
 */
int node_cidr_doubt(struct texts *texts, const struct store *store, const struct prefix *cidr);
