/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a socket was told and what it was given instead (weir/socket.h).
 */
#pragma once

#include "lib/peer.h"
#include "lib/service_pick.h"
#include "lib/socket_addr.h"
#include "weir/socket.h"

MAP(socket_peer, LRU_HASH, struct socket_peer_key, struct socket_peer, SOCKET_PEERS_MAX, 0);

/* A socket asks for a service. */
struct socket_ask {
	__u64 socket; /* cookie */
	struct socket_addr to; /* the service */
	__u8 proto;
	struct service_pick pick;
};

static __always_inline const struct socket_peer *socket_peer_find(__u64 socket,
								  enum socket_peer_kind kind,
								  const struct ip_addr *addr,
								  __be16 port)
{
	struct socket_peer_key key = { .socket = socket, .addr = *addr, .port = port,
				       .kind = kind };

	return bpf_map_lookup_elem(&socket_peer, &key);
}

/* Returns 0 or a negative errno. */
static __always_inline long socket_peer_put(const struct socket_ask *ask,
					    enum socket_peer_kind kind, __u8 flags,
					    const struct socket_addr *from,
					    const struct socket_addr *to)
{
	struct socket_peer_key key = { .socket = ask->socket, .addr = from->addr,
				       .port = from->port, .kind = kind };
	struct socket_peer value = { .addr = to->addr, .port = to->port, .proto = ask->proto,
				     .flags = flags, .backend = ask->pick.backend,
				     .generation = ask->pick.generation };

	return bpf_map_update_elem(&socket_peer, &key, &value, BPF_ANY);
}

static __always_inline _Bool addr_is_pod(const struct ip_addr *addr)
{
	const struct peer *peer = peer_find(addr);

	return peer && (peer->kind == PEER_LOCAL_POD || peer->kind == PEER_REMOTE_POD);
}

/* For whom @backend answers. Returns 0 or a negative errno. */
static __always_inline long socket_put_service(const struct socket_ask *ask,
					       const struct socket_addr *backend)
{
	return socket_peer_put(ask, SOCKET_PEER_BACKEND,
			       addr_is_pod(&backend->addr) ? SOCKET_PEER_POD : 0, backend,
			       &ask->to);
}

/* Where the next datagrams to the service go. Returns 0 or a negative errno. */
static __always_inline long socket_put_backend(const struct socket_ask *ask,
					       const struct socket_addr *backend)
{
	return socket_peer_put(ask, SOCKET_PEER_SERVICE, 0, &ask->to, backend);
}

/* The backend that the socket has for this service already. False: none, or it has ended. */
static __always_inline _Bool socket_backend(struct socket_addr *ret, struct socket_ask *ask)
{
	const struct socket_peer *had = socket_peer_find(ask->socket, SOCKET_PEER_SERVICE,
							 &ask->to.addr, ask->to.port);
	const struct socket_peer *back;
	const struct backend *record;

	record = had ? backend_find(had->backend) : NULL;
	if (!record || record->service != ask->pick.service ||
	    record->generation != had->generation)
		return 0;
	ask->pick.backend = had->backend;
	ask->pick.generation = had->generation;
	ret->addr = had->addr;
	ret->port = had->port;
	/* Forgotten, or of another service with this backend, which was asked meanwhile. */
	back = socket_peer_find(ask->socket, SOCKET_PEER_BACKEND, &ret->addr, ret->port);
	if (!back || back->port != ask->to.port || !ip_addr_equal(&back->addr, &ask->to.addr))
		return !socket_put_service(ask, ret);
	return 1;
}
