// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "base/cleanup.h"
#include "net/internal.h"
#include "net/net.h"

static bool read_addr(void *row, struct nlmsghdr *header, const void *arg)
{
	struct nlattr *attrs[IFA_MAX + 1];

	if (header->nlmsg_type != RTM_NEWADDR ||
	    nlmsg_parse(header, sizeof(struct ifaddrmsg), attrs, IFA_MAX, NULL) < 0)
		return false;
	/* On links with a peer IFA_ADDRESS is the peer's. */
	return net_get_addr(row, attrs[IFA_LOCAL] ?: attrs[IFA_ADDRESS]);
}

int net_addrs(struct ip_addr **ret, size_t *count, struct net *net)
{
	struct ifaddrmsg info = {};
	cleanup(net_message_freep) struct nl_msg *msg = NULL;
	int r;

	r = net_message(&msg, RTM_GETADDR, NLM_F_DUMP, &info, sizeof(info));
	if (r < 0)
		return r;
	return net_collect(ret, count, net, msg, sizeof(**ret), read_addr, NULL);
}

/* What to take of an address: of which link and family, and with none of these flags. */
struct link_addr {
	uint32_t ifindex;
	int family; /* AF_UNSPEC: either */
	unsigned int without;
};

#define UNUSABLE (IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_DEPRECATED)

static bool read_link_addr(void *row, struct nlmsghdr *header, const void *arg)
{
	const struct link_addr *wanted = arg;
	const struct ifaddrmsg *info = nlmsg_data(header);

	return read_addr(row, header, NULL) && info->ifa_index == wanted->ifindex &&
	       (!wanted->family || info->ifa_family == wanted->family) &&
	       info->ifa_scope == RT_SCOPE_UNIVERSE && !(info->ifa_flags & wanted->without) &&
	       !(info->ifa_family == AF_INET6 && info->ifa_flags & IFA_F_TEMPORARY);
}

static int collect(struct ip_addr **ret, size_t *count, struct net *net,
		   const struct link_addr *wanted)
{
	struct ifaddrmsg info = { .ifa_family = (uint8_t)wanted->family };
	cleanup(net_message_freep) struct nl_msg *msg = NULL;
	int r;

	r = net_message(&msg, RTM_GETADDR, NLM_F_DUMP, &info, sizeof(info));
	return r ?: net_collect(ret, count, net, msg, sizeof(**ret), read_link_addr, wanted);
}

static bool read_subnet(void *row, struct nlmsghdr *header, const void *arg)
{
	const struct ifaddrmsg *info = nlmsg_data(header);
	struct nlattr *attrs[IFA_MAX + 1];
	struct net_subnet *subnet = row;

	if (header->nlmsg_type != RTM_NEWADDR || info->ifa_scope != RT_SCOPE_UNIVERSE ||
	    nlmsg_parse(header, sizeof(*info), attrs, IFA_MAX, NULL) < 0 ||
	    !net_get_addr(&subnet->prefix.addr, attrs[IFA_ADDRESS] ?: attrs[IFA_LOCAL]))
		return false;
	subnet->prefix.bits = info->ifa_prefixlen;
	subnet->ifindex = info->ifa_index;
	prefix_mask(&subnet->prefix);
	return true;
}

static bool is_up(struct net *net, uint32_t ifindex)
{
	struct net_link link;

	return !net_link_get(&link, net, ifindex) && link.up;
}

int net_subnets(struct net_subnet **ret, size_t *count, struct net *net)
{
	cleanup(net_message_freep) struct nl_msg *msg = NULL;
	cleanup(freep) struct net_subnet *list = NULL;
	struct ifaddrmsg info = {};
	size_t found, kept = 0;
	int r;

	r = net_message(&msg, RTM_GETADDR, NLM_F_DUMP, &info, sizeof(info));
	r = r ?: net_collect(&list, &found, net, msg, sizeof(*list), read_subnet, NULL);
	if (r < 0)
		return r;
	for (size_t i = 0; i < found; i++)
		if (list[i].ifindex != NET_LOOPBACK && is_up(net, list[i].ifindex))
			list[kept++] = list[i];
	*count = kept;
	*ret = take_ptr(&list);
	return 0;
}

int net_link_addr(struct ip_addr *ret, struct net *net, uint32_t ifindex, int family)
{
	const struct link_addr wanted = { ifindex, family, UNUSABLE | IFA_F_SECONDARY };
	cleanup(freep) struct ip_addr *addrs = NULL;
	size_t count;
	int r;

	r = collect(&addrs, &count, net, &wanted);
	if (r < 0)
		return r;
	if (!count)
		return -ENOENT;
	*ret = addrs[0];
	return 0;
}

int net_link_addrs(struct ip_addr **ret, size_t *count, struct net *net, uint32_t ifindex)
{
	const struct link_addr wanted = { ifindex, AF_UNSPEC, UNUSABLE };

	return collect(ret, count, net, &wanted);
}

int net_loopback_addr(struct net *net, int type, int flags, const struct ip_addr *addr)
{
	struct ifaddrmsg info = {
		.ifa_family = net_family(addr),
		.ifa_prefixlen = ip_addr_is_v4(addr) ? 32 : 128,
		.ifa_flags = ip_addr_is_v4(addr) ? 0 : IFA_F_NODAD,
		.ifa_scope = RT_SCOPE_UNIVERSE,
		.ifa_index = NET_LOOPBACK,
	};
	cleanup(net_message_freep) struct nl_msg *msg = NULL;
	int r;

	r = net_message(&msg, type, flags, &info, sizeof(info));
	if (r < 0)
		return r;
	if (net_put_addr(msg, IFA_LOCAL, addr) < 0 || net_put_addr(msg, IFA_ADDRESS, addr) < 0)
		return -EMSGSIZE;
	return net_request(net, msg);
}
