/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets of the network namespace: those that are connected, and their end.
 *
 * Source: sock_diag(7), and SOCK_DESTROY of include/uapi/linux/sock_diag.h (Linux 4.9 and
 * CONFIG_INET_DIAG_DESTROY).
 */
#pragma once

#include <linux/inet_diag.h>

#include "net/net.h"

struct net_socket {
	uint64_t cookie;
	struct ip_addr peer;
	__be16 peer_port;
	uint8_t family; /* AF_* of the socket; one of AF_INET6 may speak IPv4 */
	uint8_t proto;
	struct inet_diag_sockid id; /* how the kernel finds it */
};

/* For the calls below, net_free() at the end. 0 or a negative errno. */
int net_sockets_open(struct net **ret);

/*
 * Connected sockets of IPPROTO_TCP or IPPROTO_UDP; the array is the caller's. 0 or a
 * negative errno.
 */
int net_sockets(struct net_socket **ret, size_t *count, struct net *net, uint8_t proto);

/*
 * Its owner's next call says ECONNABORTED; the other end of a TCP connection gets a reset. 0
 * as well when it is gone, or a negative errno; -EOPNOTSUPP: the kernel cannot.
 */
int net_socket_end(struct net *net, const struct net_socket *socket);
