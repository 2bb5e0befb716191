// SPDX-License-Identifier: Apache-2.0
/* What the kernel is asked: links, addresses, routes. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "cni/netlink.h"

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
	char answer[NETLINK_ANSWER_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
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

	if (mnl_attr_get_payload_len(attribute) == sizeof(v4)) {
		memcpy(&v4, mnl_attr_get_payload(attribute), sizeof(v4));
		ip_addr_set_v4(&addr, v4);
	} else if (mnl_attr_get_payload_len(attribute) == sizeof(addr.bytes)) {
		memcpy(addr.bytes, mnl_attr_get_payload(attribute), sizeof(addr.bytes));
	}
	return addr;
}

static int compare_addr(const struct nlmsghdr *message, void *data)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(message);
	struct search *search = data;
	const struct nlattr *attribute;
	struct ip_addr addr;

	if (message->nlmsg_type != RTM_NEWADDR || info->ifa_index != search->ifindex)
		return MNL_CB_OK;
	mnl_attr_for_each(attribute, message, sizeof(*info)) {
		if (mnl_attr_get_type(attribute) != IFA_ADDRESS)
			continue;
		addr = read_addr(attribute);
		search->found |= ip_addr_equal(&addr, search->addr);
	}
	return MNL_CB_OK;
}

static int compare_route(const struct nlmsghdr *message, void *data)
{
	const struct rtmsg *info = mnl_nlmsg_get_payload(message);
	struct search *search = data;
	const struct nlattr *attribute;
	struct ip_addr gateway = {};
	uint32_t ifindex = 0;

	if (message->nlmsg_type != RTM_NEWROUTE || info->rtm_dst_len ||
	    info->rtm_table != RT_TABLE_MAIN)
		return MNL_CB_OK;
	mnl_attr_for_each(attribute, message, sizeof(*info)) {
		if (mnl_attr_get_type(attribute) == RTA_OIF)
			ifindex = mnl_attr_get_u32(attribute);
		else if (mnl_attr_get_type(attribute) == RTA_GATEWAY)
			gateway = read_addr(attribute);
	}
	search->found |= ifindex == search->ifindex && ip_addr_equal(&gateway, search->addr);
	return MNL_CB_OK;
}

int netlink_has_addr(struct netlink *nl, uint32_t ifindex, const struct ip_addr *addr)
{
	struct search search = { .ifindex = ifindex, .addr = addr };
	struct nlmsghdr *message = netlink_add(nl, RTM_GETADDR, NLM_F_DUMP, "list addresses");
	struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(message, sizeof(*info));
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
	struct rtmsg *info = mnl_nlmsg_put_extra_header(message, sizeof(*info));
	int r;

	info->rtm_family = netlink_family(gateway);
	r = query(nl, compare_route, &search);
	return r < 0 ? r : search.found;
}
