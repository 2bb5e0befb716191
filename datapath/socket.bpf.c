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

#include "lib/socket_addr.h"
#include "lib/socket_peer.h"

/* What a cgroup program returns. */
#define ALLOW 1
#define REFUSE 0

CONFIG struct socket_config sockets = {};

/* Of the network namespaces of this machine the agent's only, unless all shall be served. */
static __always_inline _Bool is_served(struct bpf_sock_addr *ctx)
{
	const struct node_state *node;
	__u32 zero = 0;

	if (!sockets.everyone && bpf_get_netns_cookie(ctx) != sockets.netns)
		return 0;
	node = bpf_map_lookup_elem(&state, &zero);
	return node && *(const volatile __u32 *)&node->services;
}

/*
 * Who has session affinity: the source address is not chosen yet. All of this node's
 * sockets are one client, 0.0.0.0 or ::, and so is each other network namespace: the
 * address 0.x.y.z or ::x:y of its cookie, which no packet's sender can have.
 */
static __always_inline void client_of(struct ip_addr *ret, struct bpf_sock_addr *ctx)
{
	__u64 netns = bpf_get_netns_cookie(ctx);

	ret->halves[0] = 0;
	ret->words[2] = 0;
	ret->words[3] = netns == sockets.netns ? 0 : bpf_htonl((__u32)netns & 0xffffff);
}

static __always_inline int refuse(enum service_answer answer)
{
	bpf_set_retval(answer == SERVICE_REFUSED ? -ECONNREFUSED : -EHOSTUNREACH);
	return REFUSE;
}

/*
 * Stage: the source ranges of a load balancer address. The socket has no address yet; it
 * will be one of this node.
 */
static __always_inline _Bool is_in_ranges(const struct service_ask *ask)
{
	return !(ask->flags & FRONTEND_RANGES) || ask->flags & FRONTEND_RANGES_NODE;
}

/* Chooses, and remembers what was chosen. */
static __always_inline enum service_answer choose(struct bpf_sock_addr *ctx,
						  struct service_ask *ask,
						  const struct backend **ret)
{
	__u64 socket = bpf_get_socket_cookie(ctx);
	enum service_answer answer;

	client_of(&ask->client, ctx);
	answer = service_choose(ask, ret);
	service_count(ask, answer);
	if (answer != SERVICE_FOUND || !*ret)
		return answer;
	if (socket_put_service(socket, ask, *ret))
		return SERVICE_DROPPED;
	if (ask->proto == IPPROTO_UDP && socket_put_backend(socket, ask, *ret))
		return SERVICE_DROPPED;
	return SERVICE_FOUND;
}

/* Body of connect and, where @datagram, of sendmsg. */
static __always_inline int towards(struct bpf_sock_addr *ctx, enum flow_family family,
				   _Bool datagram)
{
	const struct backend *to = NULL;
	struct service_ask ask = { .proto = (__u8)ctx->protocol };
	struct socket_addr addr;
	enum service_answer answer;

	if (!is_served(ctx) || (ask.proto != IPPROTO_TCP && ask.proto != IPPROTO_UDP))
		return ALLOW;
	socket_addr_get(&addr, ctx, family);
	ask.addr = addr.addr;
	ask.port = addr.port;
	ask.now = (__u32)bpf_jiffies64();
	answer = service_find(&ask);
	if (answer == SERVICE_NONE)
		return ALLOW;
	if (answer == SERVICE_FOUND && !is_in_ranges(&ask))
		answer = SERVICE_DROPPED;
	if (answer == SERVICE_FOUND && datagram)
		to = socket_backend(bpf_get_socket_cookie(ctx), &ask);
	if (answer != SERVICE_FOUND)
		service_count(&ask, answer);
	else if (!to)
		answer = choose(ctx, &ask, &to);
	if (answer != SERVICE_FOUND || !to)
		return refuse(answer);
	socket_addr_set(ctx, family, &to->addr, to->port);
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
