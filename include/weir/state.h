/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Node-wide state and configuration of the datapath.
 */
#pragma once

#include "weir/masquerade.h"
#include "weir/types.h"

#define SERVICE_CIDRS_MAX 16 /* of both families together */

/* Addresses that equal @addr but for the bits that are 1 in @rest; all 0: not in use. */
struct service_cidr {
	struct ip_addr addr;
	struct ip_addr rest;
};
ABI_SIZE(struct service_cidr, 32);

/*
 * Map `state`: array of one, memory-mapped by the agent. A change of @generation
 * is the moment in which a new policy takes force everywhere: its parity picks
 * the valid half of endpoints and peers, and flows judged in another generation
 * are judged once more. It starts at 1; 0 means that no policy was ever loaded
 * and nothing may pass.
 */
struct node_state {
	__u32 generation;
	__u32 services; /* 0: no frontend exists, and none is looked up */
	/*
	 * This node's own address of either family, as backends on other nodes and outside see
	 * it; 0 and ::  none. A change concerns connections that begin after it.
	 */
	__be32 addr4;
	/*
	 * The first address of the node's pod CIDR of either family, its pods' gateway; 0 and
	 * ::  no pod gets an address of that family.
	 */
	__be32 gateway4;
	struct ip_addr addr6;
	struct ip_addr gateway6;
	/* Interface index of the tunnel device; 0: node_cidr4 and node_cidr6 count for nothing. */
	__u32 tunnels;
	/*
	 * Writing @addr6 takes two stores: odd meanwhile, and another number afterwards. Who reads
	 * looks before and after, so that nobody is given half an address.
	 */
	__u32 addr6_turn;
	__u32 masquerade; /* enum masquerade */
	/*
	 * How many service CIDRs there are. With any an address is looked up though no frontend
	 * exists: nobody gets packets for one of theirs that is no frontend's.
	 */
	__u32 service_cidrs;
	struct service_cidr service_cidr[SERVICE_CIDRS_MAX];
};
ABI_SIZE(struct node_state, 576);

/* Connections by their lifetimes. */
enum lifetime_kind {
	LIFETIME_OTHER = 0, /* protocols without a state */
	LIFETIME_TCP,
	LIFETIME_UDP,
	LIFETIME_SCTP,
	LIFETIME_ICMP,
	LIFETIME_KINDS = 8, /* a power of two */
};

/* How far a connection has come: CT_ANSWERED and CT_CLOSING of its entry (conntrack.h). */
enum lifetime_stage {
	LIFETIME_OPEN = 0, /* not answered */
	LIFETIME_LIVE,
	LIFETIME_CLOSING, /* answered or not */
	LIFETIME_CLOSING_LIVE,
	LIFETIME_STAGES,
};

/* One kind's: what is closing is so whether it was answered or not. */
#define LIFETIMES(open, live, closing) { open, live, closing, closing }

/* Read-only data of every object (`const volatile struct node_config config`), set before load. */
struct node_config {
	__u32 endpoint_slots; /* size of map `endpoint`, a power of two */
	__u32 hz; /* jiffies per second, measured by the agent */
	/*
	 * Source ports, host byte order, of connections that come from outside to a service and
	 * go on to another node: below those that the kernel gives its own sockets
	 * (ip_local_port_range) and those of NodePorts.
	 */
	__u16 source_port; /* the first one */
	__u16 source_ports; /* how many; at least 1 */
	/* They may overlap, also with those above: one connection has each of them at a time. */
	struct masquerade_ports masquerade_ports[MASQUERADE_KINDS];
	/* Direct server return: backends' nodes answer clients outside (decisions/0012). */
	__u32 direct;
	__u32 lifetime_s[LIFETIME_KINDS][LIFETIME_STAGES]; /* seconds */
	__u32 tunnel_id; /* VXLAN network identifier */
	/* Of bpf_skb_set_tunnel_key(), by the family of the nodes: BPF_F_ZERO_CSUM_TX or 0. */
	__u32 tunnel_flags4;
	__u32 tunnel_flags6;
};
ABI_SIZE(struct node_config, 172);

/*
 * Map `frag`: LRU, what the first fragment of a datagram said. The identification
 * is 16 bits in IPv4, 32 in IPv6, as on the wire. The protocol is part of a
 * datagram's identity in IPv4 only; in IPv6 later fragments may say anything.
 */
struct frag_key {
	struct ip_addr src;
	struct ip_addr dst;
	__be32 id;
	__u8 proto; /* IPv6: 0 */
	__u8 pad[3];
};
ABI_SIZE(struct frag_key, 40);

struct frag_value {
	__be16 sport;
	__be16 dport;
	__u8 proto;
	__u8 pad[3];
};
ABI_SIZE(struct frag_value, 8);

/*
 * Map `held`: LRU, later fragments that came before the first one, as whole
 * frames. Each datagram has places from 0 on, at either side of an interface.
 */
struct held_key {
	struct frag_key frag;
	__u32 index;
	__u32 egress; /* 0: waits where it came in, 1: where it was about to leave */
};
ABI_SIZE(struct held_key, 48);

#define HELD_BYTES 2040

struct held {
	__u32 expires; /* low 32 bits of jiffies */
	__u32 length;
	__u8 data[HELD_BYTES];
};
ABI_SIZE(struct held, 2048);
