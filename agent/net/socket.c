// SPDX-License-Identifier: Apache-2.0
#include "net/socket.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "base/cleanup.h"
#include "net/internal.h"

#define STATE(name) (1u << TCP_##name)

int net_sockets_open(struct net **ret)
{
	return net_open(ret, NETLINK_SOCK_DIAG);
}

/* Those in which a socket has a peer that it can still send to or hear from. */
static uint32_t states_of(uint8_t proto)
{
	if (proto == IPPROTO_UDP)
		return STATE(ESTABLISHED);
	return STATE(ESTABLISHED) | STATE(SYN_SENT) | STATE(FIN_WAIT1) | STATE(FIN_WAIT2) |
	       STATE(CLOSE_WAIT) | STATE(LAST_ACK) | STATE(CLOSING);
}

static bool read_socket(void *row, struct nlmsghdr *header, const void *arg)
{
	const struct inet_diag_msg *msg = nlmsg_data(header);
	const uint8_t *proto = arg;
	struct net_socket *ret = row;

	if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    nlmsg_datalen(header) < (int)sizeof(*msg))
		return false;
	ret->cookie = (uint64_t)msg->id.idiag_cookie[1] << 32 | msg->id.idiag_cookie[0];
	ret->family = msg->idiag_family;
	ret->proto = *proto;
	ret->peer_port = msg->id.idiag_dport;
	ret->id = msg->id;
	if (msg->idiag_family == AF_INET)
		ip_addr_set_v4(&ret->peer, msg->id.idiag_dst[0]);
	else
		memcpy(&ret->peer, msg->id.idiag_dst, sizeof(ret->peer));
	return true;
}

static int collect(struct net_socket **ret, size_t *count, struct net *net, uint8_t proto,
		   uint8_t family)
{
	struct inet_diag_req_v2 request = { .sdiag_family = family, .sdiag_protocol = proto,
					    .idiag_states = states_of(proto) };
	cleanup(net_message_freep) struct nl_msg *msg = NULL;
	int r;

	r = net_message(&msg, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request, sizeof(request));
	return r ?: net_collect(ret, count, net, msg, sizeof(**ret), read_socket, &proto);
}

int net_sockets(struct net_socket **ret, size_t *count, struct net *net, uint8_t proto)
{
	cleanup(freep) struct net_socket *v4 = NULL, *v6 = NULL;
	size_t count4, count6;
	struct net_socket *all;
	int r;

	r = collect(&v4, &count4, net, proto, AF_INET);
	r = r ?: collect(&v6, &count6, net, proto, AF_INET6);
	if (r < 0)
		return r;
	all = reallocarray(v4, count4 + count6 + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	v4 = NULL;
	if (count6)
		memcpy(all + count4, v6, count6 * sizeof(*all));
	*ret = all;
	*count = count4 + count6;
	return 0;
}

int net_socket_end(struct net *net, const struct net_socket *socket)
{
	struct inet_diag_req_v2 request = { .sdiag_family = socket->family,
					    .sdiag_protocol = socket->proto,
					    .idiag_states = states_of(socket->proto),
					    .id = socket->id };
	cleanup(net_message_freep) struct nl_msg *msg = NULL;
	int r;

	r = net_message(&msg, SOCK_DESTROY, 0, &request, sizeof(request));
	r = r ?: net_request(net, msg);
	return r == -ENOENT ? 0 : r;
}
