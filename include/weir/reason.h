/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Why a packet was refused: one list for datapath, agent and documentation.
 * Append only: the numbers are in metrics and event records.
 */
#pragma once

#include "weir/types.h"

#define DROP_REASONS(X)                                                                     \
	X(NONE, 0, "not dropped")                                                           \
	X(SHORT_HEADER, 1, "packet ends inside a header")                                   \
	X(BAD_HEADER, 2, "header contradicts itself")                                       \
	X(UNKNOWN_L3, 3, "neither IPv4, IPv6 nor ARP")                                      \
	X(NO_ENDPOINT, 4, "interface belongs to no endpoint")                               \
	X(NOT_READY, 5, "endpoint's policy is not in force yet")                            \
	X(SOURCE_MAC, 6, "source MAC is not the pod's")                                     \
	X(SOURCE_ADDRESS, 7, "source address is not the pod's")                             \
	X(ROGUE_CONTROL, 8, "router advertisement, redirect or DHCP server message of a pod") \
	X(ARP_SPOOF, 9, "ARP or neighbour discovery claims a foreign address")              \
	X(POLICY_EGRESS, 10, "the egress policies of the sender refuse the connection")     \
	X(POLICY_INGRESS, 11, "the ingress policies of the receiver refuse the connection")   \
	X(POLICY_LOOKUP, 12, "compiled policy is incomplete")                               \
	X(CT_INVALID, 13, "answer to no known connection")                                  \
	X(CT_FULL, 14, "connection table is full")                                          \
	X(FRAGMENT_UNKNOWN, 15, "fragment before its first one that cannot be kept") \
	X(ICMP_UNRELATED, 16, "ICMP error about no known connection")                       \
	X(MULTICAST, 17, "multicast or broadcast of a pod that is subject to policies")     \
	X(EXTENSION_HEADER, 18, "IPv6 extension headers that cannot be followed")           \
	X(POD_FROM_WIRE, 19, "address of a pod or of this node from where it does not live")         \
	X(FRAGMENT_HELD, 20, "fragment kept until the first one arrives")                   \
	X(INTERNAL, 21, "a kernel helper refused")                                          \
	X(SERVICE_NO_ENDPOINT, 22, "service port without an endpoint")                      \
	X(SERVICE_NO_PORT, 23, "address of a service, but no port of it")                   \
	X(SERVICE_NOT_LOCAL, 24, "traffic policy Local, and only other nodes have endpoints") \
	X(SERVICE_BACKEND_GONE, 25, "backend of the connection does not exist any more")    \
	X(SERVICE_PORTS, 26, "no source port is left for a connection to this backend")     \
	X(SERVICE_SOURCE, 27, "source is not in the ranges of the load balancer address, or a service")   \
	X(SERVICE_CHECKSUM, 28, "SCTP fragment whose checksum cannot follow a new port")    \
	X(NO_ROUTE, 29, "no route to the other end of a service's connection")              \
	X(HOPS, 30, "last hop of a packet that goes on to another node or outside")         \
	X(TOO_LONG, 31, "longer than the way to the other end of a service's connection")       \
	X(TUNNEL_SOURCE, 32, "address of another node's pod that did not come by its tunnel")   \
	X(NO_TUNNEL, 33, "no tunnel leads to the receiver's node")                          \
	X(MASQUERADE_PORTS, 34, "no port of the node is left to masquerade a connection to this address") \
	X(MASQUERADE_ADDRESS, 35, "the device has no address to masquerade with")           \
	X(MASQUERADE_PROTOCOL, 36, "protocol that cannot be masqueraded, towards the outside") \
	X(SERVICE_PORT_LOST, 37, "unanswered connection whose source port a new one needed") \
	X(SERVICE_NO_ADDRESS, 38, "address of a service CIDR that is no service's")

enum drop_reason {
#define X(name, number, text) DROP_##name = number,
	DROP_REASONS(X)
#undef X
	DROP_REASON_MAX
};

/* Map `metric`: per-CPU array; index from metric_index(). DROP_NONE counts what was passed. */
struct metric {
	__u64 packets;
	__u64 bytes;
};
ABI_SIZE(struct metric, 16);

#define METRIC_MAX (DROP_REASON_MAX * POLICY_DIR_MAX)

static inline __u32 metric_index(enum drop_reason reason, enum policy_dir dir)
{
	return (__u32)reason * POLICY_DIR_MAX + (__u32)dir;
}
