// SPDX-License-Identifier: Apache-2.0
#include "cni/podnet.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"

#define LOOPBACK_IFINDEX 1

/* By default a veth has a queue for every CPU, which nothing here uses. */
static void put_link(struct nlmsghdr *message, const char *name, const uint8_t *mac, uint32_t mtu)
{
	message_put_text(message, IFLA_IFNAME, name);
	message_put(message, IFLA_ADDRESS, mac, MAC_BYTES);
	message_put_u32(message, IFLA_MTU, mtu);
	message_put_u32(message, IFLA_NUM_TX_QUEUES, 1);
	message_put_u32(message, IFLA_NUM_RX_QUEUES, 1);
}

static void add_veth(struct netlink *host, const struct agent_lease *lease, const char *ifname,
		     int netns_fd)
{
	struct nlmsghdr *message =
		netlink_add(host, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, "create the veth pair");
	struct ifinfomsg *info = message_extend(message, sizeof(*info));
	struct nlattr *kind, *data, *peer;

	info->ifi_index = (int)lease->host_ifindex;
	put_link(message, lease->host_ifname, lease->host_mac, lease->mtu);
	kind = message_nest(message, IFLA_LINKINFO);
	message_put_text(message, IFLA_INFO_KIND, "veth");
	data = message_nest(message, IFLA_INFO_DATA);
	peer = message_nest(message, VETH_INFO_PEER);
	message_extend(message, sizeof(*info));
	put_link(message, ifname, lease->mac, lease->mtu);
	message_put_u32(message, IFLA_NET_NS_FD, (uint32_t)netns_fd);
	message_end_nest(message, peer);
	message_end_nest(message, data);
	message_end_nest(message, kind);
}

int podnet_create(struct netlink *host, const struct agent_lease *lease, const char *ifname,
		  int netns_fd, struct cni_error *error)
{
	int r;

	add_veth(host, lease, ifname, netns_fd);
	r = netlink_send(host);
	if (r == -EEXIST && !netlink_delete_link(host, lease->host_ifname)) {
		add_veth(host, lease, ifname, netns_fd);
		r = netlink_send(host);
	}
	if (r < 0)
		return cni_fail_errno(error, CNI_LINK_FAILURE, r, "cannot create %s with %s (%u)",
				      ifname, lease->host_ifname, lease->host_ifindex);
	return 0;
}

static void add_addr(struct netlink *pod, uint32_t ifindex, const struct lease_ip *ip)
{
	struct nlmsghdr *message = netlink_add(pod, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL,
					       ip_addr_is_v4(&ip->addr) ? "add the IPv4 address" :
									  "add the IPv6 address");
	struct ifaddrmsg *info = message_extend(message, sizeof(*info));

	info->ifa_family = netlink_family(&ip->addr);
	info->ifa_prefixlen = ip->bits;
	info->ifa_scope = RT_SCOPE_UNIVERSE;
	info->ifa_index = ifindex;
	/* The agent gives an address once: probing would only keep it unusable for a second. */
	if (info->ifa_family == AF_INET6)
		info->ifa_flags = IFA_F_NODAD;
	netlink_put_addr(message, IFA_LOCAL, &ip->addr);
	netlink_put_addr(message, IFA_ADDRESS, &ip->addr);
}

/*
 * To the gateway itself, or with @by_gateway everything through it. A pod has one way
 * out: the default route of another interface is an error, not replaced.
 */
static void add_route(struct netlink *pod, uint32_t ifindex, const struct ip_addr *gateway,
		      bool by_gateway)
{
	struct nlmsghdr *message =
		netlink_add(pod, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL,
			    by_gateway ? "add the default route" : "add the route to the gateway");
	struct rtmsg *info = message_extend(message, sizeof(*info));

	info->rtm_family = netlink_family(gateway);
	info->rtm_table = RT_TABLE_MAIN;
	info->rtm_protocol = RTPROT_STATIC;
	info->rtm_type = RTN_UNICAST;
	message_put_u32(message, RTA_OIF, ifindex);
	if (by_gateway) {
		info->rtm_flags = RTNH_F_ONLINK;
		netlink_put_addr(message, RTA_GATEWAY, gateway);
		return;
	}
	info->rtm_dst_len = ip_addr_is_v4(gateway) ? 32 : 128;
	info->rtm_scope = ip_addr_is_v4(gateway) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	netlink_put_addr(message, RTA_DST, gateway);
}

static void add_neighbour(struct netlink *pod, uint32_t ifindex, const struct ip_addr *gateway,
			  const uint8_t mac[static MAC_BYTES])
{
	struct nlmsghdr *message = netlink_add(pod, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE,
					       "add the gateway's MAC address");
	struct ndmsg *info = message_extend(message, sizeof(*info));

	info->ndm_family = netlink_family(gateway);
	info->ndm_ifindex = (int)ifindex;
	info->ndm_state = NUD_PERMANENT;
	netlink_put_addr(message, NDA_DST, gateway);
	message_put(message, NDA_LLADDR, mac, MAC_BYTES);
}

/* One send for all of it, or only for IPv6; routes need a link that is up. */
static int configure(struct netlink *pod, const struct agent_lease *lease, uint32_t ifindex,
		     bool only_v6)
{
	netlink_add_up(pod, LOOPBACK_IFINDEX, "set the loopback up");
	netlink_add_up(pod, ifindex, "set the link up");
	for (int i = 0; i < lease->ip_count; i++) {
		const struct lease_ip *ip = &lease->ips[i];

		if (only_v6 && ip_addr_is_v4(&ip->addr))
			continue;
		add_addr(pod, ifindex, ip);
		add_route(pod, ifindex, &ip->gateway, false);
		add_route(pod, ifindex, &ip->gateway, true);
		add_neighbour(pod, ifindex, &ip->gateway, lease->host_mac);
	}
	return netlink_send(pod);
}

/* /proc/sys/net is that of the reader's namespace. */
static int enable_ipv6(const char *ifname, int netns_fd)
{
	cleanup(closep) int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	cleanup(closep) int fd = -1;
	char path[64];
	int r = 0;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", ifname);
	if (own < 0 || setns(netns_fd, CLONE_NEWNET) < 0)
		return -errno;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) < 0)
		r = -errno;
	return setns(own, CLONE_NEWNET) < 0 ? -errno : r;
}

int podnet_configure(struct netlink *pod, const struct agent_lease *lease, const char *ifname,
		     int netns_fd, struct cni_error *error)
{
	struct netlink_link link;
	int r;

	r = netlink_get_link(&link, pod, ifname, 0);
	if (r < 0)
		return cni_fail_errno(error, CNI_LINK_FAILURE, r, "cannot find the new %s", ifname);
	r = configure(pod, lease, link.ifindex, false);
	/* Some runtimes make namespaces in which IPv6 is off for every link. */
	if (r == -EACCES && !enable_ipv6(ifname, netns_fd))
		r = configure(pod, lease, link.ifindex, true);
	if (r < 0)
		return cni_fail_errno(error, CNI_LINK_FAILURE, r, "cannot %s in the pod",
				      pod->failed ?: "set up the network");
	return 0;
}

int podnet_open(struct netlink *host, uint32_t host_ifindex, struct cni_error *error)
{
	int r;

	netlink_add_up(host, host_ifindex, "set the host side up");
	r = netlink_send(host);
	if (r < 0)
		return cni_fail_errno(error, CNI_LINK_FAILURE, r, "cannot set link %u up",
				      host_ifindex);
	return 0;
}
