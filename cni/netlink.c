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
#include <unistd.h>

#include "base/cleanup.h"

/* The kernel chooses the port. */
static int bind_port(struct netlink *nl)
{
	struct sockaddr_nl own = { .nl_family = AF_NETLINK };
	socklen_t length = sizeof(own);

	if (bind(nl->fd, (struct sockaddr *)&own, sizeof(own)) < 0 ||
	    getsockname(nl->fd, (struct sockaddr *)&own, &length) < 0)
		return -errno;
	nl->port = own.nl_pid;
	return 0;
}

static int open_here(struct netlink *ret)
{
	int on = 1, r;

	ret->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (ret->fd < 0)
		return -errno;
	r = bind_port(ret);
	if (r < 0) {
		netlink_close(ret);
		return r;
	}
	/* Errors need not carry the message back. An old kernel sends it all the same. */
	setsockopt(ret->fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
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
	if (nl->fd >= 0)
		close(nl->fd);
	nl->fd = -1;
}

/* Also starts the first message of an empty batch. */
struct nlmsghdr *netlink_add(struct netlink *nl, uint16_t type, uint16_t flags, const char *what)
{
	char *end = nl->last ? (char *)nl->last + NLMSG_ALIGN(nl->last->nlmsg_len) : nl->buffer;
	struct nlmsghdr *message = message_begin(end);

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
		message_put(message, attribute, &addr->words[3], sizeof(addr->words[3]));
	else
		message_put(message, attribute, addr->bytes, sizeof(addr->bytes));
}

int netlink_message_error(const struct nlmsghdr *message)
{
	const struct nlmsgerr *brought = message_payload(message);

	if (message->nlmsg_len < NLMSG_LENGTH(sizeof(brought->error)))
		return -EBADMSG;
	return brought->error;
}

int netlink_write(struct netlink *nl, const void *data, size_t length)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t n;

	do
		n = sendto(nl->fd, data, length, 0, (const struct sockaddr *)&kernel, sizeof(kernel));
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int netlink_read(struct netlink *nl, void *answer, size_t room)
{
	struct iovec part = { .iov_base = answer, .iov_len = room };
	struct sockaddr_nl from = {};
	struct msghdr header = { .msg_name = &from, .msg_namelen = sizeof(from),
				 .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t n;

	do
		n = recvmsg(nl->fd, &header, 0);
	while ((n < 0 && errno == EINTR) || (n >= 0 && from.nl_pid));
	if (n < 0)
		return -errno;
	return header.msg_flags & MSG_TRUNC ? -ENOSPC : (int)n;
}

/*
 * The first error that @answer tells of the messages from @first on goes to @ret, if there was
 * none before. True when it has told of the last.
 */
static bool read_errors(int *ret, struct netlink *nl, const void *answer, size_t length,
			unsigned int first)
{
	const struct nlmsghdr *message = NULL;
	unsigned int seq;
	bool done = false;

	while ((message = message_of(answer, length, message))) {
		seq = message->nlmsg_seq;
		if (message->nlmsg_type != NLMSG_ERROR || seq - first > nl->seq - first)
			continue;
		if (!*ret && netlink_message_error(message)) {
			*ret = netlink_message_error(message);
			nl->failed = nl->what[seq - first];
		}
		done = seq == nl->seq;
	}
	return done;
}

/*
 * Only the last message asks for an acknowledgement, but each that fails is told
 * of, in their order.
 */
int netlink_send(struct netlink *nl)
{
	char answer[NETLINK_ANSWER_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
	unsigned int first = nl->seq + 1 - (unsigned int)nl->count;
	size_t length = (size_t)((char *)nl->last - nl->buffer) + nl->last->nlmsg_len;
	bool done = false;
	int r, error = 0;

	nl->last->nlmsg_flags |= NLM_F_ACK;
	nl->count = 0;
	nl->last = NULL;
	nl->failed = NULL;
	r = netlink_write(nl, nl->buffer, length);
	while (r >= 0 && !done) {
		r = netlink_read(nl, answer, sizeof(answer));
		if (r >= 0)
			done = read_errors(&error, nl, answer, (size_t)r, first);
	}
	return r < 0 ? r : error;
}

int netlink_delete_link(struct netlink *nl, const char *ifname)
{
	struct nlmsghdr *message = netlink_add(nl, RTM_DELLINK, 0, "delete a link");

	message_extend(message, sizeof(struct ifinfomsg));
	message_put_text(message, IFLA_IFNAME, ifname);
	return netlink_send(nl);
}

void netlink_add_up(struct netlink *nl, uint32_t ifindex, const char *what)
{
	struct nlmsghdr *message = netlink_add(nl, RTM_NEWLINK, 0, what);
	struct ifinfomsg *info = message_extend(message, sizeof(*info));

	info->ifi_index = (int)ifindex;
	info->ifi_flags = IFF_UP;
	info->ifi_change = IFF_UP;
}
