// SPDX-License-Identifier: Apache-2.0
#include "cni/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"

#define ANSWER_BYTES 16384

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
	char answer[ANSWER_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
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

static int link_attribute(const struct nlattr *attribute, void *data)
{
	struct netlink_link *link = data;
	const struct nlattr *inner;

	switch (mnl_attr_get_type(attribute)) {
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(attribute) == MAC_BYTES)
			memcpy(link->mac, mnl_attr_get_payload(attribute), MAC_BYTES);
		break;
	case IFLA_LINK:
		link->peer = mnl_attr_get_u32(attribute);
		break;
	case IFLA_LINKINFO:
		mnl_attr_for_each_nested(inner, attribute)
			if (mnl_attr_get_type(inner) == IFLA_INFO_KIND)
				link->veth = !strcmp(mnl_attr_get_str(inner), "veth");
		break;
	}
	return MNL_CB_OK;
}

static int read_link(const struct nlmsghdr *message, void *data)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	struct netlink_link *link = data;

	if (message->nlmsg_type != RTM_NEWLINK)
		return MNL_CB_OK;
	link->ifindex = (uint32_t)info->ifi_index;
	link->up = info->ifi_flags & IFF_UP;
	return mnl_attr_parse(message, sizeof(*info), link_attribute, link);
}

/* A single question, or a dump: every message goes to @each. */
static int query(struct netlink *nl, mnl_cb_t each, void *data)
{
	char answer[ANSWER_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
	unsigned int portid = mnl_socket_get_portid(nl->socket);
	struct nlmsghdr *message = nl->last;
	int r;

	nl->count = 0;
	nl->last = NULL;
	if (mnl_socket_sendto(nl->socket, message, message->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(nl->socket, answer, sizeof(answer));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		r = mnl_cb_run(answer, (size_t)n, message->nlmsg_seq, portid, each, data);
		if (r < 0)
			return -errno;
		/* With NLM_F_ACK an answer, too, ends with a message of its own. */
		if (r == MNL_CB_STOP)
			return 0;
	}
}

int netlink_get_link(struct netlink_link *ret, struct netlink *nl, const char *ifname,
		     uint32_t ifindex)
{
	struct nlmsghdr *message = netlink_add(nl, RTM_GETLINK, NLM_F_ACK, "look up a link");
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(message, sizeof(*info));
	struct netlink_link link = {};
	int r;

	if (ifname)
		mnl_attr_put_strz(message, IFLA_IFNAME, ifname);
	else
		info->ifi_index = (int)ifindex;
	mnl_attr_put_u32(message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	r = query(nl, read_link, &link);
	if (r < 0)
		return r;
	*ret = link;
	return 0;
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

struct wanted_addr {
	uint32_t ifindex;
	const struct ip_addr *addr;
	bool found;
};

static int compare_addr(const struct nlmsghdr *message, void *data)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(message);
	struct wanted_addr *wanted = data;
	const struct nlattr *attribute;
	struct ip_addr addr = {};
	__be32 v4;

	if (message->nlmsg_type != RTM_NEWADDR || info->ifa_index != wanted->ifindex)
		return MNL_CB_OK;
	mnl_attr_for_each(attribute, message, sizeof(*info)) {
		if (mnl_attr_get_type(attribute) != IFA_ADDRESS)
			continue;
		if (mnl_attr_get_payload_len(attribute) == sizeof(v4)) {
			memcpy(&v4, mnl_attr_get_payload(attribute), sizeof(v4));
			ip_addr_set_v4(&addr, v4);
		} else if (mnl_attr_get_payload_len(attribute) == sizeof(addr.bytes)) {
			memcpy(addr.bytes, mnl_attr_get_payload(attribute), sizeof(addr.bytes));
		}
	}
	wanted->found |= ip_addr_equal(&addr, wanted->addr);
	return MNL_CB_OK;
}

int netlink_has_addr(struct netlink *nl, uint32_t ifindex, const struct ip_addr *addr)
{
	struct wanted_addr wanted = { .ifindex = ifindex, .addr = addr };
	struct nlmsghdr *message = netlink_add(nl, RTM_GETADDR, NLM_F_DUMP, "list addresses");
	struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(message, sizeof(*info));
	int r;

	info->ifa_family = netlink_family(addr);
	info->ifa_index = ifindex;
	r = query(nl, compare_addr, &wanted);
	return r < 0 ? r : wanted.found;
}
