/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a socket was told and what it was given instead (weir/socket.h).
 */
#pragma once

#include "lib/peer.h"
#include "lib/service_choose.h"
#include "weir/socket.h"

MAP(socket_peer, LRU_HASH, struct socket_peer_key, struct socket_peer, SOCKET_PEERS_MAX, 0);

static __always_inline const struct socket_peer *socket_peer_find(__u64 socket,
								  enum socket_peer_kind kind,
								  const struct ip_addr *addr,
								  __be16 port)
{
	struct socket_peer_key key = { .socket = socket, .addr = *addr, .port = port,
				       .kind = kind };

	return bpf_map_lookup_elem(&socket_peer, &key);
}

static __always_inline _Bool addr_is_pod(const struct ip_addr *addr)
{
	const struct peer *peer = peer_find(addr);

	return peer && (peer->kind == PEER_LOCAL_POD || peer->kind == PEER_REMOTE_POD);
}

/* For whom @to answers. Returns 0 or a negative errno. */
static __always_inline long socket_put_service(__u64 socket, const struct service_ask *ask,
					       const struct backend *to)
{
	struct socket_peer_key key = { .socket = socket, .addr = to->addr, .port = to->port,
				       .kind = SOCKET_PEER_BACKEND };
	struct socket_peer value = { .addr = ask->addr, .port = ask->port, .proto = ask->proto,
				     .flags = addr_is_pod(&to->addr) ? SOCKET_PEER_POD : 0,
				     .backend = ask->backend, .generation = ask->generation };

	return bpf_map_update_elem(&socket_peer, &key, &value, BPF_ANY);
}

/* Which backend the next datagrams to the service go to. Returns 0 or a negative errno. */
static __always_inline long socket_put_backend(__u64 socket, const struct service_ask *ask,
					       const struct backend *to)
{
	struct socket_peer_key key = { .socket = socket, .addr = ask->addr, .port = ask->port,
				       .kind = SOCKET_PEER_SERVICE };
	struct socket_peer value = { .addr = to->addr, .port = to->port, .proto = ask->proto,
				     .backend = ask->backend, .generation = ask->generation };

	return bpf_map_update_elem(&socket_peer, &key, &value, BPF_ANY);
}

/*
 * The backend that the socket has for this service already, or NULL: it has none, or it
 * has ended.
 */
static __always_inline const struct backend *socket_backend(__u64 socket, struct service_ask *ask)
{
	const struct socket_peer *had = socket_peer_find(socket, SOCKET_PEER_SERVICE, &ask->addr,
							 ask->port);
	const struct socket_peer *back;
	const struct backend *to;

	to = had ? backend_alive(ask, had->backend, had->generation) : NULL;
	if (!to)
		return NULL;
	ask->backend = had->backend;
	ask->generation = had->generation;
	/* Forgotten, or of another service with this backend, which was asked meanwhile. */
	back = socket_peer_find(socket, SOCKET_PEER_BACKEND, &to->addr, to->port);
	if (!back || back->port != ask->port || !ip_addr_equal(&back->addr, &ask->addr))
		return socket_put_service(socket, ask, to) ? NULL : to;
	return to;
}
