/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Services: how a packet to a service address finds its backend.
 *
 * A service port is what Kubernetes calls ServicePort, per family: one (namespace,
 * name, port name, protocol) and either IPv4 or IPv6. The agent numbers them from 1.
 *
 * Maps:
 *   frontend4, frontend6  hash   { address, port, protocol } -> struct frontend
 *   service_port          array  number -> struct service_port
 *   backend_slot          array  slot -> number of a backend
 *   backend               array  number -> struct backend
 *   affinity4, affinity6  LRU    { client, service port } -> struct affinity
 *   service_range4, service_range6  LPM  { service port, prefix } -> 1
 *   service_hit           per-CPU array  number of a service port -> struct service_hit
 *
 * The arrays are memory-mapped by the agent. A set of backends is a run of slots, each
 * backend once, or, where the outside chooses from it, as often as in its Maglev table
 * (decisions/0010); the programs take a slot of either in the same way. It is
 * never changed while a service port refers to it: the agent writes a new run and
 * swaps the reference in one store, so a packet sees the old set or the new one. Runs,
 * numbers of backends and of service ports are used again only after a grace period
 * in which every program that could have read them has ended.
 *
 * Every address that has frontends has one entry more, with port and protocol 0: it
 * says that the address is a service's, and whether ports without a frontend are
 * refused (FRONTEND_WHOLE). It is looked up first: what is for no service costs one
 * look-up. node_state.services is 0 while there are no frontends at all.
 */
#pragma once

#include "weir/types.h"

struct frontend4_key {
	__be32 addr;
	__be16 port; /* 0 with @proto 0: the address */
	__u8 proto; /* IPPROTO_* */
	__u8 pad;
};
ABI_SIZE(struct frontend4_key, 8);

struct frontend6_key {
	struct ip_addr addr;
	__be16 port;
	__u8 proto;
	__u8 pad[5];
};
ABI_SIZE(struct frontend6_key, 24);

/*
 * Hops that a packet has left which a node sends on to its backend's node as it is (direct
 * server return): what has no more than that may have been sent on once and is not again. The
 * same on all nodes; more than there are routers between any two of them.
 */
#define DIRECT_HOPS 32

/*
 * A ClusterIP of a Service that another proxy carries has a frontend of this port and protocol,
 * which no packet asks for: 255 is reserved (IANA, Protocol Numbers). So the address is a
 * service's, and what is for it is left to that proxy.
 */
#define FRONTEND_OTHERS_PORT 1
#define FRONTEND_OTHERS_PROTO 255

enum frontend_flag {
	/* The whole address is a service's: a port without a frontend is refused. */
	FRONTEND_WHOLE = 1 << 0,
	/* NodePort, load balancer address or external IP; otherwise a ClusterIP. */
	FRONTEND_EXTERNAL = 1 << 1,
	/* Its traffic policy is Local. External: pods and this node use the cluster set all the same. */
	FRONTEND_LOCAL = 1 << 2,
	/* A load balancer address with loadBalancerSourceRanges. */
	FRONTEND_RANGES = 1 << 3,
	/* With FRONTEND_RANGES: an address of this node is in them. */
	FRONTEND_RANGES_NODE = 1 << 4,
};

struct frontend {
	__u32 service; /* number of the service port; 0 in the entry of an address */
	__u32 flags; /* enum frontend_flag */
};
ABI_SIZE(struct frontend, 8);

enum service_set {
	SERVICE_CLUSTER = 0, /* what traffic policy Cluster chooses from */
	SERVICE_LOCAL = 1, /* what traffic policy Local chooses from */
	SERVICE_SETS,
};

/* What a set without backends means, in place of its first slot. */
enum service_empty {
	SERVICE_REFUSE = 0, /* there is no endpoint anywhere: TCP reset, ICMP port unreachable */
	SERVICE_SILENT = 1, /* policy Local, and only other nodes have endpoints: dropped */
};

struct service_port {
	__u64 sets[SERVICE_SETS]; /* service_set_ref(): read and written at once */
	__u32 affinity_s; /* sessionAffinity ClientIP: timeout in seconds; 0: None */
	__u32 pad;
};
ABI_SIZE(struct service_port, 24);

static inline __attribute__((always_inline)) __u64 service_set_ref(__u32 first_slot, __u32 count)
{
	return (__u64)count << 32 | first_slot;
}

/* Of an empty set: enum service_empty. */
static inline __attribute__((always_inline)) __u32 service_set_first(__u64 ref)
{
	return (__u32)ref;
}

static inline __attribute__((always_inline)) __u32 service_set_count(__u64 ref)
{
	return (__u32)(ref >> 32);
}

enum backend_flag {
	BACKEND_IN_CLUSTER = 1 << SERVICE_CLUSTER, /* chosen from by that set */
	BACKEND_IN_LOCAL = 1 << SERVICE_LOCAL,
};

/*
 * An endpoint of one service port. A terminating one that serves is in no set but
 * lives: connections keep it. Number 0 is never used.
 */
struct backend {
	struct ip_addr addr;
	__be16 port;
	__u8 proto;
	__u8 flags; /* enum backend_flag */
	/*
	 * Moves on when the backend ends. A connection remembers number and generation: where
	 * they differ, UDP chooses again, and TCP goes on only while its pod is there.
	 */
	__u32 generation;
	__u32 service; /* number of its service port; 0: the record is free */
	__u32 pad;
};
ABI_SIZE(struct backend, 32);

struct affinity4_key {
	__be32 client;
	__u32 service;
};
ABI_SIZE(struct affinity4_key, 8);

struct affinity6_key {
	struct ip_addr client;
	__u32 service;
	__u32 pad;
};
ABI_SIZE(struct affinity6_key, 24);

/*
 * loadBalancerSourceRanges: a prefix of sources that may use the frontends of a service
 * port which have FRONTEND_RANGES.
 */
struct service_range4_key {
	__u32 prefixlen; /* SERVICE_RANGE_BITS and those of @addr */
	__be32 service;
	__be32 addr;
};
ABI_SIZE(struct service_range4_key, 12);

struct service_range6_key {
	__u32 prefixlen;
	__be32 service;
	struct ip_addr addr;
} __attribute__((packed, aligned(4)));
ABI_SIZE(struct service_range6_key, 24);

#define SERVICE_RANGE_BITS 32

struct affinity {
	__u32 backend;
	__u32 generation; /* of the backend */
	__u32 used; /* low 32 bits of jiffies: the last new connection */
};
ABI_SIZE(struct affinity, 12);

struct service_hit {
	__u64 connections; /* a backend was chosen */
	__u64 refused; /* no endpoint */
	__u64 silent; /* policy Local without a local endpoint, or not in the source ranges */
};
ABI_SIZE(struct service_hit, 24);
