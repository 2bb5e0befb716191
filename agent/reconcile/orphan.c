// SPDX-License-Identifier: Apache-2.0
#include "reconcile/orphan.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>

#include "base/cleanup.h"
#include "net/socket.h"
#include "weir/peer.h"
#include "weir/service.h"
#include "weir/socket.h"

/* What the socket believes to be connected to. False: to no service. */
static bool find_service(struct socket_peer *ret, struct datapath *dp,
			 const struct net_socket *socket)
{
	struct socket_peer_key key = { .socket = socket->cookie, .addr = socket->peer,
				       .port = socket->peer_port, .kind = SOCKET_PEER_BACKEND };

	return !bpf_map_lookup_elem(datapath_map_fd(dp, MAP_SOCKET_PEER), &key, ret);
}

/* The service port that has this address now; number 0: none. */
static struct frontend service_at(struct datapath *dp, const struct ip_addr *addr, __be16 port,
				  uint8_t proto)
{
	struct frontend6_key key6 = { .addr = *addr, .port = port, .proto = proto };
	struct frontend4_key key4 = { .addr = addr->words[3], .port = port, .proto = proto };
	bool v4 = ip_addr_is_v4(addr);
	struct frontend frontend;

	if (bpf_map_lookup_elem(datapath_map_fd(dp, v4 ? MAP_FRONTEND4 : MAP_FRONTEND6),
				v4 ? (void *)&key4 : &key6, &frontend))
		return (struct frontend){};
	return frontend;
}

/* It was connected to the service's own address before that was one. */
static bool came_too_early(struct datapath *dp, const struct net_socket *socket)
{
	struct frontend at = service_at(dp, &socket->peer, socket->peer_port, socket->proto);

	return socket->proto == IPPROTO_UDP && at.service && !(at.flags & FRONTEND_EXTERNAL);
}

static bool is_pod(struct datapath *dp, const struct ip_addr *addr)
{
	bool v4 = ip_addr_is_v4(addr);
	struct peer peer;

	if (bpf_map_lookup_elem(datapath_map_fd(dp, v4 ? MAP_PEER4 : MAP_PEER6),
				v4 ? (void *)&addr->words[3] : addr, &peer))
		return false;
	return peer.kind == PEER_LOCAL_POD || peer.kind == PEER_REMOTE_POD;
}

static bool is_orphan(struct datapath *dp, const struct net_socket *socket)
{
	const volatile struct backend *backend;
	struct socket_peer service;
	bool lives;

	if (!find_service(&service, dp, socket))
		return came_too_early(dp, socket);
	backend = datapath_element(dp, MAP_BACKEND, service.backend);
	lives = backend && backend->service && backend->generation == service.generation;
	if (socket->proto == IPPROTO_UDP)
		return !lives ||
		       service_at(dp, &service.addr, service.port, IPPROTO_UDP).service !=
			       backend->service;
	return !lives && service.flags & SOCKET_PEER_POD && !is_pod(dp, &socket->peer);
}

int orphans_end(size_t *ended, struct datapath *dp, uint8_t proto)
{
	cleanup(net_freep) struct net *net = NULL;
	cleanup(freep) struct net_socket *sockets = NULL;
	size_t count = 0;
	int r, one, first = 0;

	*ended = 0;
	r = net_sockets_open(&net);
	r = r ?: net_sockets(&sockets, &count, net, proto);
	for (size_t i = 0; !r && i < count; i++) {
		if (!is_orphan(dp, &sockets[i]))
			continue;
		one = net_socket_end(net, &sockets[i]);
		*ended += !one;
		first = first ?: one;
	}
	return r ?: first;
}
