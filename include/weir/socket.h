/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sockets of this node that use services: translated once, when they connect, and with
 * each datagram that names its receiver (datapath/socket.bpf.c).
 *
 * Map `socket_peer` (LRU hash): which backend a socket took for a service, and which
 * service a backend answers for. TCP needs the second only.
 */
#pragma once

#include "weir/types.h"

enum socket_peer_kind {
	SOCKET_PEER_BACKEND = 0, /* the key has a backend's address, the value the service's */
	SOCKET_PEER_SERVICE = 1, /* the other way round */
};

struct socket_peer_key {
	__u64 socket; /* its cookie; the kernel never gives one twice */
	struct ip_addr addr;
	__be16 port;
	__u8 kind; /* enum socket_peer_kind */
	__u8 pad[5];
};
ABI_SIZE(struct socket_peer_key, 32);

enum socket_peer_flag {
	SOCKET_PEER_POD = 1 << 0, /* the backend was a pod, so its end of life is known (peer.h) */
};

struct socket_peer {
	struct ip_addr addr;
	__be16 port;
	__u8 flags; /* enum socket_peer_flag */
	__u8 proto; /* IPPROTO_* */
	__u32 backend; /* its number and generation (service.h), in both kinds */
	__u32 generation;
	__u32 pad;
};
ABI_SIZE(struct socket_peer, 32);

/*
 * Read-only data of socket.bpf.o (`const volatile struct socket_config sockets`), set
 * before load.
 */
struct socket_config {
	__u64 netns; /* cookie of the network namespace whose sockets are translated */
	__u32 everyone; /* 1: those of all namespaces are */
	__u32 pad;
};
ABI_SIZE(struct socket_config, 16);
