/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Masquerade and host ports by one nftables table, `weir`, of this network
 * namespace, which is replaced as a whole in one transaction.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"

/*
 * Removes the table, whether it exists or not. One transaction removes and makes it
 * anew, but each chain asks for itself which generation counts: a packet between the
 * old chain and the new one may find rules in neither, so the first packet of a
 * connection to a host port is refused then. Seen once in some dozen runs of the
 * restart tests. Chains that stay, and are flushed and filled, would have no such gap.
 */
#define NAT_SCRIPT_REMOVE "add table inet weir\ndelete table inet weir\n"

struct nat_port {
	uint8_t proto; /* IPPROTO_* */
	uint16_t host_port; /* host byte order */
	uint16_t container_port;
	struct ip_addr host_ip; /* :: every address of the node */
	struct ip_addr pod_ip;
};

struct nat {
	const struct prefix *cidrs; /* pod CIDRs of this node */
	size_t cidr_count;
	bool masquerade; /* pods towards anything but pods of this node */
	const struct nat_port *ports;
	size_t port_count;
};

/*
 * The nft script, which replaces the table; the caller frees it. 0 or -ENOMEM.
 * Of two ports that want the same host port the first has it; ports whose
 * addresses are of different families, or that name no TCP, UDP or SCTP port, are
 * left out.
 */
int nat_script(char **ret, const struct nat *nat);

/* Put @nat in force. -ENOENT: no nft; -EIO: it refused. On failure the table is what it was. */
int nat_apply(const struct nat *nat);

/* Remove the table. */
int nat_remove(void);
