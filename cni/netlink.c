// SPDX-License-Identifier: Apache-2.0
#include "cni/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"

static int open_here(struct netlink *ret)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int on = 1;

	if (!socket)
		return -errno;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		int r = -errno;

		mnl_socket_close(socket);
		return r;
	}
	/* Errors need not carry the message back. An old kernel sends it all the same. */
	mnl_socket_setsockopt(socket, NETLINK_CAP_ACK, &on, sizeof(on));
	ret->socket = socket;
	ret->seq = 0;
	ret->count = 0;
	ret->last = NULL;
	ret->failed = NULL;
	return 0;
}

/* A socket stays in the namespace in which it was made; the process comes back. */
int netlink_open(struct netlink *ret, int netns_fd)
{
	cleanup(closep) int own = -1;
	int r;

	if (netns_fd < 0)
		return open_here(ret);
	own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (own < 0 || setns(netns_fd, CLONE_NEWNET) < 0)
		return -errno;
	r = open_here(ret);
	if (setns(own, CLONE_NEWNET) < 0) {
		int back = -errno;

		if (!r)
			netlink_close(ret);
		return back;
	}
	return r;
}

void netlink_close(struct netlink *nl)
{
	if (nl->socket)
		mnl_socket_close(nl->socket);
	nl->socket = NULL;
}

/* Also starts the first message of an empty batch. */
struct nlmsghdr *netlink_add(struct netlink *nl, uint16_t type, uint16_t flags, const char *what)
{
	char *end = nl->last ? (char *)nl->last + NLMSG_ALIGN(nl->last->nlmsg_len) : nl->buffer;
	struct nlmsghdr *message = mnl_nlmsg_put_header(end);

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | flags;
	message->nlmsg_seq = ++nl->seq;
	nl->what[nl->count++] = what;
	nl->last = message;
	return message;
}

uint8_t netlink_family(const struct ip_addr *addr)
{
	return ip_addr_is_v4(addr) ? AF_INET : AF_INET6;
}

void netlink_put_addr(struct nlmsghdr *message, uint16_t attribute, const struct ip_addr *addr)
{
	if (ip_addr_is_v4(addr))
		mnl_attr_put(message, attribute, sizeof(addr->words[3]), &addr->words[3]);
	else
		mnl_attr_put(message, attribute, sizeof(addr->bytes), addr->bytes);
}

/* The error that @message brings, 0 for a plain acknowledgement. */
static int message_error(const struct nlmsghdr *message)
{
	const struct nlmsgerr *brought = mnl_nlmsg_get_payload(message);

	if (message->nlmsg_len < NLMSG_LENGTH(sizeof(brought->error)))
		return -EBADMSG;
	return brought->error;
}

/*
 * Only the last message asks for an acknowledgement, but each that fails is told
 * of, in their order.
 */
int netlink_send(struct netlink *nl)
{
	char answer[NETLINK_ANSWER_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
	unsigned int first = nl->seq + 1 - (unsigned int)nl->count;
	unsigned int last = nl->seq;
	size_t length;
	bool done = false;
	int r = 0;

	nl->last->nlmsg_flags |= NLM_F_ACK;
	length = (size_t)((char *)nl->last - nl->buffer) + nl->last->nlmsg_len;
	nl->count = 0;
	nl->last = NULL;
	nl->failed = NULL;
	if (mnl_socket_sendto(nl->socket, nl->buffer, length) < 0)
		return -errno;
	while (!done) {
		ssize_t n = mnl_socket_recvfrom(nl->socket, answer, sizeof(answer));
		struct nlmsghdr *message = (struct nlmsghdr *)answer;
		int left = (int)n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
			unsigned int seq = message->nlmsg_seq;

			if (message->nlmsg_type != NLMSG_ERROR || seq - first > last - first)
				continue;
			if (!r && message_error(message)) {
				r = message_error(message);
				nl->failed = nl->what[seq - first];
			}
			done = seq == last;
		}
	}
	return r;
}

int netlink_delete_link(struct netlink *nl, const char *ifname)
{
	struct nlmsghdr *message = netlink_add(nl, RTM_DELLINK, 0, "delete a link");

	mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(message, IFLA_IFNAME, ifname);
	return netlink_send(nl);
}

void netlink_add_up(struct netlink *nl, uint32_t ifindex, const char *what)
{
	struct nlmsghdr *message = netlink_add(nl, RTM_NEWLINK, 0, what);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(message, sizeof(*info));

	info->ifi_index = (int)ifindex;
	info->ifi_flags = IFF_UP;
	info->ifi_change = IFF_UP;
}
