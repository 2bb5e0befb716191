// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "base/cleanup.h"
#include "net/internal.h"
#include "net/net.h"

static bool is_veth(struct nlattr *link_info)
{
	struct nlattr *attrs[IFLA_INFO_MAX + 1];

	return link_info && nla_parse_nested(attrs, IFLA_INFO_MAX, link_info, NULL) >= 0 &&
	       attrs[IFLA_INFO_KIND] && !nla_strcmp(attrs[IFLA_INFO_KIND], "veth");
}

static bool read_link(void *row, struct nlmsghdr *header, const void *arg)
{
	const struct ifinfomsg *info = nlmsg_data(header);
	struct nlattr *attrs[IFLA_MAX + 1];
	struct net_link *link = row;
	const char *prefix = arg;

	if (header->nlmsg_type != RTM_NEWLINK ||
	    nlmsg_parse(header, sizeof(*info), attrs, IFLA_MAX, NULL) < 0 || !attrs[IFLA_IFNAME])
		return false;
	nla_strlcpy(link->name, attrs[IFLA_IFNAME], sizeof(link->name));
	if (prefix && strncmp(link->name, prefix, strlen(prefix)))
		return false;
	link->ifindex = (uint32_t)info->ifi_index;
	link->up = info->ifi_flags & IFF_UP;
	link->veth = is_veth(attrs[IFLA_LINKINFO]);
	if (attrs[IFLA_MTU])
		link->mtu = nla_get_u32(attrs[IFLA_MTU]);
	if (attrs[IFLA_ADDRESS] && nla_len(attrs[IFLA_ADDRESS]) == MAC_BYTES)
		memcpy(link->mac, nla_data(attrs[IFLA_ADDRESS]), MAC_BYTES);
	return true;
}

/* Without the counters and the details of virtual functions: shorter by half. */
static int get_message(struct nl_msg **ret, int flags, uint32_t ifindex, const char *name)
{
	struct ifinfomsg info = { .ifi_index = (int)ifindex };
	cleanup(net_message_freep) struct nl_msg *msg = NULL;
	int r;

	r = net_message(&msg, RTM_GETLINK, flags, &info, sizeof(info));
	if (r < 0)
		return r;
	if (nla_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS) < 0 ||
	    (name && nla_put_string(msg, IFLA_IFNAME, name) < 0))
		return -EMSGSIZE;
	*ret = take_ptr(&msg);
	return 0;
}

static int get_one(struct net_link *ret, struct net *net, uint32_t ifindex, const char *name)
{
	cleanup(net_message_freep) struct nl_msg *msg = NULL;
	cleanup(freep) struct net_link *links = NULL;
	size_t count;
	int r;

	r = get_message(&msg, 0, ifindex, name);
	if (r < 0)
		return r;
	r = net_collect(&links, &count, net, msg, sizeof(*links), read_link, NULL);
	if (r < 0)
		return r;
	if (!count)
		return -ENODEV;
	*ret = links[0];
	return 0;
}

int net_link_get(struct net_link *ret, struct net *net, uint32_t ifindex)
{
	if (!ifindex || ifindex > INT32_MAX)
		return -ENODEV;
	return get_one(ret, net, ifindex, NULL);
}

int net_link_find(struct net_link *ret, struct net *net, const char *name)
{
	if (!*name || strlen(name) >= IFNAMSIZ)
		return -ENODEV;
	return get_one(ret, net, 0, name);
}

int net_links(struct net_link **ret, size_t *count, struct net *net, const char *prefix)
{
	cleanup(net_message_freep) struct nl_msg *msg = NULL;
	int r;

	r = get_message(&msg, NLM_F_DUMP, 0, NULL);
	if (r < 0)
		return r;
	return net_collect(ret, count, net, msg, sizeof(**ret), read_link, prefix);
}

int net_link_up(struct net *net, uint32_t ifindex)
{
	struct ifinfomsg info = {
		.ifi_index = (int)ifindex,
		.ifi_flags = IFF_UP,
		.ifi_change = IFF_UP,
	};
	cleanup(net_message_freep) struct nl_msg *msg = NULL;
	int r;

	if (!ifindex || ifindex > INT32_MAX)
		return -ENODEV;
	r = net_message(&msg, RTM_SETLINK, 0, &info, sizeof(info));
	if (r < 0)
		return r;
	return net_request(net, msg);
}

/* With @ifindex a link is put into the group; without, the whole group is meant. */
static int group_request(struct net *net, int type, uint32_t ifindex)
{
	struct ifinfomsg info = { .ifi_index = (int)ifindex };
	cleanup(net_message_freep) struct nl_msg *msg = NULL;
	int r;

	r = net_message(&msg, type, 0, &info, sizeof(info));
	if (r < 0)
		return r;
	if (nla_put_u32(msg, IFLA_GROUP, NET_LINK_GROUP_DEAD) < 0)
		return -EMSGSIZE;
	return net_request(net, msg);
}

/* What cannot join the group stays; the others go nevertheless. */
int net_links_delete(struct net *net, const uint32_t *ifindexes, size_t count)
{
	int r, first = 0;

	for (size_t i = 0; i < count; i++) {
		/* The kernel would take index 0 for "by name". */
		if (!ifindexes[i] || ifindexes[i] > INT32_MAX)
			continue;
		r = group_request(net, RTM_SETLINK, ifindexes[i]);
		if (r < 0 && r != -ENODEV && !first)
			first = r;
	}
	r = group_request(net, RTM_DELLINK, 0);
	if (r < 0 && r != -ENODEV && !first)
		first = r;
	return first;
}
