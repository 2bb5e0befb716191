/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host ports by one nftables table, `weir`, of this network namespace.
 *
 * Every change is one transaction, and packets meet it as a whole only if what they
 * run through stays: each chain asks for itself which generation counts, and so does
 * each look-up. Of two base chains or two maps, one new and one deleted, a packet may
 * meet the empty state of both. So chains, sets and maps stay; rules are replaced, which
 * is safe, because a chain has a whole list of them per generation; and of the elements
 * only those are written that differ. (Linux before 6.17 may miss an element that one
 * transaction deletes and adds again.)
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"

/* Removes the table, whether it exists or not. */
#define NAT_SCRIPT_REMOVE "add table inet weir\ndelete table inet weir\n"

/* Removes the rules of the table and nothing else. */
#define NAT_SCRIPT_EMPTY "add table inet weir\nflush table inet weir\n"

struct nat_port {
	uint8_t proto; /* IPPROTO_* */
	uint16_t host_port; /* host byte order */
	uint16_t container_port;
	struct ip_addr host_ip; /* :: every address of the node */
	struct ip_addr pod_ip;
	/* The pod's link may take packets of loopback addresses (net_link_route_localnet()). */
	bool loopback;
};

struct nat {
	const struct nat_port *ports;
	size_t port_count;
};

/*
 * The nft script that puts @nat in force; the caller frees it. @listed is what nft
 * lists of the table, which is changed in place; NULL: the table is removed and made
 * anew. 0, -ENOMEM, or -EEXIST: @listed is no table that can be changed in place.
 * Of two ports that want the same host port the first has it; ports whose
 * addresses are of different families, or that name no TCP, UDP or SCTP port, are
 * left out. Those with `loopback` are served at IPv4 loopback addresses as well, to
 * processes of this network namespace alone: at 127.0.0.1, or where they are bound. Those
 * bound to ::1 are, too, to processes that ask from another address.
 */
int nat_script(char **ret, const struct nat *nat, const char *listed);

/*
 * Put @nat in force. A table that cannot be changed in place, of another version of
 * weir, is made anew; then new connections may miss it for a moment.
 * -ENOENT: no nft; -EIO: it refused. On failure the table is what it was.
 */
int nat_apply(const struct nat *nat);

/*
 * The kernel's conntrack forgets UDP to @host_port (host byte order), so that the next datagram
 * of whoever goes on from one port meets the table as it is now, and not who had the
 * host port before. Others' UDP to that number begins anew as well. 0 or a negative errno.
 */
int nat_forget_datagrams(uint16_t host_port);

/* Remove the table. */
int nat_remove(void);
