// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The node's own sockets: services are translated once a connection and not once a
 * packet. cgroup programs, below the cgroup of everything that shall be served:
 *
 *	connect		TCP and UDP: the backend is connected in place of the service
 *	sendmsg		UDP datagrams that name their receiver
 *	recvmsg		UDP: who asked the service hears the service
 *	getpeername	the service that was connected
 *
 * The kernel has no such hook for SCTP, raw and ping sockets.
 */
#include <linux/errno.h>

#include "lib/service_cidr.h"
#include "lib/socket_peer.h"

/* What a cgroup program returns. */
#define ALLOW 1
#define REFUSE 0

CONFIG struct socket_config sockets = {};

/* Of the network namespaces of this machine the agent's only, unless all shall be served. */
static __always_inline _Bool is_served(struct bpf_sock_addr *ctx)
{
	if (!sockets.everyone && bpf_get_netns_cookie(ctx) != sockets.netns)
		return 0;
	return services_exist();
}

/*
 * Who has session affinity: the source address is not chosen yet. All of this node's
 * sockets are one client, 0.0.0.0 or ::, and so are those of each other network namespace:
 * 0.x.y.z or ::x:y, of its cookie, which no packet's sender can have.
 */
static __always_inline void client_of(struct socket_ask *ask, struct bpf_sock_addr *ctx)
{
	struct ip_addr *client = &ask->pick.client;
	__u64 netns = bpf_get_netns_cookie(ctx);
	__be32 word = netns == sockets.netns ? 0 : bpf_htonl((__u32)netns & 0xffffff);

	if (ip_addr_is_v4(&ask->to.addr)) {
		ip_addr_set_v4(client, word);
		return;
	}
	client->halves[0] = 0;
	client->words[2] = 0;
	client->words[3] = word;
}

/* Which service is asked for. NULL with SERVICE_FOUND: none, the kernel may go on. */
static __always_inline enum service_answer frontend_of(const struct frontend **ret,
						       const struct socket_ask *ask)
{
	const struct frontend *whole = frontend_find(&ask->to.addr, 0, 0), *frontend;

	*ret = NULL;
	if (!whole)
		return addr_is_unallocated(&ask->to.addr) ? SERVICE_UNREACHABLE : SERVICE_FOUND;
	frontend = frontend_find(&ask->to.addr, ask->to.port, ask->proto);
	if (!frontend)
		return whole->flags & FRONTEND_WHOLE ? SERVICE_REFUSED : SERVICE_FOUND;
	*ret = frontend;
	return SERVICE_FOUND;
}

/*
 * The source ranges of a load balancer address. The socket has no address yet; it will be
 * one of this node.
 */
static __always_inline _Bool is_in_ranges(const struct frontend *frontend)
{
	return !(frontend->flags & FRONTEND_RANGES) || frontend->flags & FRONTEND_RANGES_NODE;
}

/* A backend for a new connection, and what must be known of it afterwards. */
static __always_inline enum service_answer choose(struct socket_addr *ret, struct socket_ask *ask,
						  struct bpf_sock_addr *ctx)
{
	enum service_answer answer;
	const struct backend *record;

	client_of(ask, ctx);
	ask->pick.place = bpf_get_prandom_u32();
	answer = service_pick(&ask->pick);
	if (answer != SERVICE_FOUND)
		return answer;
	record = backend_find(ask->pick.backend);
	if (!record)
		return SERVICE_REFUSED;
	ret->addr = record->addr;
	ret->port = record->port;
	/* Answers would come from somebody unknown. */
	if (socket_put_service(ask, ret) ||
	    (ask->proto == IPPROTO_UDP && socket_put_backend(ask, ret)))
		return SERVICE_UNREACHABLE;
	return SERVICE_FOUND;
}

/* The backend of this frontend, which a socket that sends datagrams may have already. */
static __always_inline enum service_answer translate(struct socket_addr *ret,
						     struct socket_ask *ask,
						     const struct frontend *frontend,
						     struct bpf_sock_addr *ctx, _Bool datagram)
{
	struct service_hit *hit;

	ask->pick.service = frontend->service;
	ask->pick.set = frontend_set(frontend);
	if (!is_in_ranges(frontend)) {
		hit = service_hit_find(frontend->service);
		if (hit)
			hit->silent++;
		return SERVICE_UNREACHABLE;
	}
	if (datagram && socket_backend(ret, ask))
		return SERVICE_FOUND;
	return choose(ret, ask, ctx);
}

static __always_inline int refuse(enum service_answer answer)
{
	bpf_set_retval(answer == SERVICE_REFUSED ? -ECONNREFUSED : -EHOSTUNREACH);
	return REFUSE;
}

/* Body of connect and, for each @datagram, of sendmsg. */
static __always_inline int towards(struct bpf_sock_addr *ctx, enum flow_family family,
				   _Bool datagram)
{
	struct socket_ask ask = { .proto = (__u8)ctx->protocol };
	const struct frontend *frontend;
	enum service_answer answer;
	struct socket_addr to = {};

	if (!is_served(ctx) || (ask.proto != IPPROTO_TCP && ask.proto != IPPROTO_UDP))
		return ALLOW;
	socket_addr_get(&ask.to, ctx, family);
	answer = frontend_of(&frontend, &ask);
	if (answer != SERVICE_FOUND)
		return refuse(answer);
	if (!frontend)
		return ALLOW;
	ask.socket = bpf_get_socket_cookie(ctx);
	ask.pick.now = (__u32)bpf_jiffies64();
	answer = translate(&to, &ask, frontend, ctx, datagram);
	if (answer != SERVICE_FOUND)
		return refuse(answer);
	socket_addr_set(ctx, family, &to.addr, to.port);
	return ALLOW;
}

/* Body of recvmsg and getpeername: a backend that was taken for a service is called by it. */
static __always_inline int seen_as(struct bpf_sock_addr *ctx, enum flow_family family)
{
	const struct socket_peer *service;
	struct socket_addr addr;

	if (!is_served(ctx))
		return ALLOW;
	socket_addr_get(&addr, ctx, family);
	service = socket_peer_find(bpf_get_socket_cookie(ctx), SOCKET_PEER_BACKEND, &addr.addr,
				   addr.port);
	if (service)
		socket_addr_set(ctx, family, &service->addr, service->port);
	return ALLOW;
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
	return towards(ctx, FLOW_IP4, 0);
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx)
{
	return towards(ctx, FLOW_IP6, 0);
}

SEC("cgroup/sendmsg4")
int sendmsg4(struct bpf_sock_addr *ctx)
{
	return towards(ctx, FLOW_IP4, 1);
}

SEC("cgroup/sendmsg6")
int sendmsg6(struct bpf_sock_addr *ctx)
{
	return towards(ctx, FLOW_IP6, 1);
}

SEC("cgroup/recvmsg4")
int recvmsg4(struct bpf_sock_addr *ctx)
{
	return seen_as(ctx, FLOW_IP4);
}

SEC("cgroup/recvmsg6")
int recvmsg6(struct bpf_sock_addr *ctx)
{
	return seen_as(ctx, FLOW_IP6);
}

SEC("cgroup/getpeername4")
int getpeername4(struct bpf_sock_addr *ctx)
{
	return seen_as(ctx, FLOW_IP4);
}

SEC("cgroup/getpeername6")
int getpeername6(struct bpf_sock_addr *ctx)
{
	return seen_as(ctx, FLOW_IP6);
}

char license_name[] SEC("license") = "Dual BSD/GPL";
