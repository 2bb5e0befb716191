// SPDX-License-Identifier: Apache-2.0
/* What the kernel is asked: links, addresses, routes. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "cni/netlink.h"

/* What to do with each message of an answer. */
typedef void (*each_message)(const struct nlmsghdr *message, void *data);

static void read_link_attribute(struct netlink_link *link, const struct nlattr *attribute)
{
	const struct nlattr *inner;

	switch (attribute_type(attribute)) {
	case IFLA_ADDRESS:
		if (attribute_length(attribute) == MAC_BYTES)
			memcpy(link->mac, attribute_data(attribute), MAC_BYTES);
		break;
	case IFLA_LINK:
		link->peer = attribute_u32(attribute);
		break;
	case IFLA_LINKINFO:
		for (inner = NULL; (inner = attribute_next(attribute, inner));)
			if (attribute_type(inner) == IFLA_INFO_KIND)
				link->veth = !strncmp(attribute_data(inner), "veth",
						      attribute_length(inner));
		break;
	}
}

static void read_link(const struct nlmsghdr *message, void *data)
{
	const struct ifinfomsg *info = message_payload(message);
	const struct nlattr *attribute = NULL;
	struct netlink_link *link = data;

	if (message->nlmsg_type != RTM_NEWLINK)
		return;
	link->ifindex = (uint32_t)info->ifi_index;
	link->up = info->ifi_flags & IFF_UP;
	while ((attribute = message_next(message, sizeof(*info), attribute)))
		read_link_attribute(link, attribute);
}

/* 1 when the answer ends with @message, 0 when it goes on, or -errno. */
static int judge(const struct nlmsghdr *message)
{
	if (message->nlmsg_flags & NLM_F_DUMP_INTR)
		return -EINTR;
	if (message->nlmsg_type == NLMSG_ERROR)
		return netlink_message_error(message) ?: 1;
	return message->nlmsg_type == NLMSG_DONE;
}

/* The messages of @answer that belong to the question @seq. 1 when it is complete. */
static int read_answer(const struct netlink *nl, const void *answer, size_t length,
		       unsigned int seq, each_message each, void *data)
{
	const struct nlmsghdr *message = NULL;
	int r;

	while ((message = message_of(answer, length, message))) {
		if (message->nlmsg_seq != seq || message->nlmsg_pid != nl->port)
			continue;
		r = judge(message);
		if (r)
			return r;
		each(message, data);
	}
	return 0;
}

/*
 * A single question, or a dump: every message goes to @each. With NLM_F_ACK an answer, too,
 * ends with a message of its own.
 */
static int query(struct netlink *nl, each_message each, void *data)
{
	char answer[NETLINK_ANSWER_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *message = nl->last;
	int r;

	nl->count = 0;
	nl->last = NULL;
	r = netlink_write(nl, message, message->nlmsg_len);
	while (!r) {
		r = netlink_read(nl, answer, sizeof(answer));
		if (r >= 0)
			r = read_answer(nl, answer, (size_t)r, message->nlmsg_seq, each, data);
	}
	return r < 0 ? r : 0;
}

int netlink_get_link(struct netlink_link *ret, struct netlink *nl, const char *ifname,
		     uint32_t ifindex)
{
	struct nlmsghdr *message = netlink_add(nl, RTM_GETLINK, NLM_F_ACK, "look up a link");
	struct ifinfomsg *info = message_extend(message, sizeof(*info));
	struct netlink_link link = {};
	int r;

	if (ifname)
		message_put_text(message, IFLA_IFNAME, ifname);
	else
		info->ifi_index = (int)ifindex;
	message_put_u32(message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	r = query(nl, read_link, &link);
	if (r < 0)
		return r;
	*ret = link;
	return 0;
}

/* What a dump is searched for: an address, or a default route by way of it. */
struct search {
	uint32_t ifindex;
	const struct ip_addr *addr;
	bool found;
};

/* The address in an attribute; all zero when it is of no family. */
static struct ip_addr read_addr(const struct nlattr *attribute)
{
	struct ip_addr addr = {};
	__be32 v4;

	if (attribute_length(attribute) == sizeof(v4)) {
		memcpy(&v4, attribute_data(attribute), sizeof(v4));
		ip_addr_set_v4(&addr, v4);
	} else if (attribute_length(attribute) == sizeof(addr.bytes)) {
		memcpy(addr.bytes, attribute_data(attribute), sizeof(addr.bytes));
	}
	return addr;
}

static void compare_addr(const struct nlmsghdr *message, void *data)
{
	const struct ifaddrmsg *info = message_payload(message);
	struct search *search = data;
	const struct nlattr *attribute = NULL;
	struct ip_addr addr;

	if (message->nlmsg_type != RTM_NEWADDR || info->ifa_index != search->ifindex)
		return;
	while ((attribute = message_next(message, sizeof(*info), attribute))) {
		if (attribute_type(attribute) != IFA_ADDRESS)
			continue;
		addr = read_addr(attribute);
		search->found |= ip_addr_equal(&addr, search->addr);
	}
}

static void compare_route(const struct nlmsghdr *message, void *data)
{
	const struct rtmsg *info = message_payload(message);
	struct search *search = data;
	const struct nlattr *attribute = NULL;
	struct ip_addr gateway = {};
	uint32_t ifindex = 0;

	if (message->nlmsg_type != RTM_NEWROUTE || info->rtm_dst_len ||
	    info->rtm_table != RT_TABLE_MAIN)
		return;
	while ((attribute = message_next(message, sizeof(*info), attribute))) {
		if (attribute_type(attribute) == RTA_OIF)
			ifindex = attribute_u32(attribute);
		else if (attribute_type(attribute) == RTA_GATEWAY)
			gateway = read_addr(attribute);
	}
	search->found |= ifindex == search->ifindex && ip_addr_equal(&gateway, search->addr);
}

int netlink_has_addr(struct netlink *nl, uint32_t ifindex, const struct ip_addr *addr)
{
	struct search search = { .ifindex = ifindex, .addr = addr };
	struct nlmsghdr *message = netlink_add(nl, RTM_GETADDR, NLM_F_DUMP, "list addresses");
	struct ifaddrmsg *info = message_extend(message, sizeof(*info));
	int r;

	info->ifa_family = netlink_family(addr);
	info->ifa_index = ifindex;
	r = query(nl, compare_addr, &search);
	return r < 0 ? r : search.found;
}

int netlink_has_default_route(struct netlink *nl, uint32_t ifindex, const struct ip_addr *gateway)
{
	struct search search = { .ifindex = ifindex, .addr = gateway };
	struct nlmsghdr *message = netlink_add(nl, RTM_GETROUTE, NLM_F_DUMP, "list routes");
	struct rtmsg *info = message_extend(message, sizeof(*info));
	int r;

	info->rtm_family = netlink_family(gateway);
	r = query(nl, compare_route, &search);
	return r < 0 ? r : search.found;
}
