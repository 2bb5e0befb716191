// SPDX-License-Identifier: Apache-2.0
/* The tunnel device: VXLAN (RFC 7348) whose far ends are told with each packet. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "base/cleanup.h"
#include "net/internal.h"
#include "net/net.h"
#include "net/sysctl.h"

/* What there is under the name. */
struct device {
	uint32_t ifindex;
	unsigned int mtu;
	uint8_t mac[MAC_BYTES];
	bool up;
	bool is_vxlan;
	bool external;
	uint16_t port;
};

static void read_info(struct device *device, struct nlattr *info)
{
	struct nlattr *attrs[IFLA_INFO_MAX + 1], *data[IFLA_VXLAN_MAX + 1];

	if (nla_parse_nested(attrs, IFLA_INFO_MAX, info, NULL) < 0 || !attrs[IFLA_INFO_KIND] ||
	    nla_strcmp(attrs[IFLA_INFO_KIND], "vxlan"))
		return;
	device->is_vxlan = true;
	if (!attrs[IFLA_INFO_DATA] ||
	    nla_parse_nested(data, IFLA_VXLAN_MAX, attrs[IFLA_INFO_DATA], NULL) < 0)
		return;
	device->external = data[IFLA_VXLAN_COLLECT_METADATA] &&
			   nla_get_u8(data[IFLA_VXLAN_COLLECT_METADATA]);
	if (data[IFLA_VXLAN_PORT])
		device->port = ntohs(nla_get_u16(data[IFLA_VXLAN_PORT]));
}

static bool read_device(void *row, struct nlmsghdr *header, const void *arg)
{
	const struct ifinfomsg *info = nlmsg_data(header);
	struct nlattr *attrs[IFLA_MAX + 1];
	struct device *device = row;

	if (header->nlmsg_type != RTM_NEWLINK ||
	    nlmsg_parse(header, sizeof(*info), attrs, IFLA_MAX, NULL) < 0)
		return false;
	device->ifindex = (uint32_t)info->ifi_index;
	device->up = info->ifi_flags & IFF_UP;
	if (attrs[IFLA_MTU])
		device->mtu = nla_get_u32(attrs[IFLA_MTU]);
	if (attrs[IFLA_ADDRESS] && nla_len(attrs[IFLA_ADDRESS]) == MAC_BYTES)
		memcpy(device->mac, nla_data(attrs[IFLA_ADDRESS]), MAC_BYTES);
	if (attrs[IFLA_LINKINFO])
		read_info(device, attrs[IFLA_LINKINFO]);
	return true;
}

/* 0, -ENODEV, or another negative errno. */
static int find(struct device *ret, struct net *net, const char *name)
{
	cleanup(net_message_freep) struct nl_msg *msg = NULL;
	cleanup(freep) struct device *rows = NULL;
	struct ifinfomsg info = {};
	size_t count;
	int r;

	r = net_message(&msg, RTM_GETLINK, 0, &info, sizeof(info));
	if (r < 0)
		return r;
	if (nla_put_string(msg, IFLA_IFNAME, name) < 0)
		return -EMSGSIZE;
	r = net_collect(&rows, &count, net, msg, sizeof(*rows), read_device, NULL);
	if (r < 0)
		return r;
	if (!count)
		return -ENODEV;
	*ret = rows[0];
	return 0;
}

/*
 * Checksums that others leave out are accepted in IPv6 as well (RFC 6935): what this node
 * sends is told with each packet.
 */
static int put_kind(struct nl_msg *msg, const struct net_vxlan *vxlan)
{
	struct nlattr *info = nla_nest_start(msg, IFLA_LINKINFO), *data;

	if (!info || nla_put_string(msg, IFLA_INFO_KIND, "vxlan") < 0)
		return -EMSGSIZE;
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	if (!data || nla_put_u8(msg, IFLA_VXLAN_COLLECT_METADATA, 1) < 0 ||
	    nla_put_u16(msg, IFLA_VXLAN_PORT, htons(vxlan->port)) < 0 ||
	    nla_put_u8(msg, IFLA_VXLAN_LEARNING, 0) < 0 ||
	    nla_put_u8(msg, IFLA_VXLAN_UDP_ZERO_CSUM6_RX, 1) < 0)
		return -EMSGSIZE;
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return 0;
}

/* Nobody is asked who the neighbours are: every frame is for the device at the far end. */
static int create(struct net *net, const struct net_vxlan *vxlan)
{
	struct ifinfomsg info = { .ifi_flags = IFF_NOARP, .ifi_change = IFF_NOARP };
	cleanup(net_message_freep) struct nl_msg *msg = NULL;
	int r;

	r = net_message(&msg, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof(info));
	if (r < 0)
		return r;
	if (nla_put_string(msg, IFLA_IFNAME, vxlan->name) < 0 ||
	    nla_put_u32(msg, IFLA_MTU, vxlan->mtu) < 0 ||
	    nla_put(msg, IFLA_ADDRESS, MAC_BYTES, vxlan->mac) < 0)
		return -EMSGSIZE;
	r = put_kind(msg, vxlan);
	return r ?: net_request(net, msg);
}

static int change(struct net *net, const struct device *device, const struct net_vxlan *vxlan)
{
	struct ifinfomsg info = {
		.ifi_index = (int)device->ifindex,
		.ifi_flags = IFF_NOARP,
		.ifi_change = IFF_NOARP,
	};
	cleanup(net_message_freep) struct nl_msg *msg = NULL;
	int r;

	if (device->mtu == vxlan->mtu && !memcmp(device->mac, vxlan->mac, MAC_BYTES))
		return 0;
	r = net_message(&msg, RTM_SETLINK, 0, &info, sizeof(info));
	if (r < 0)
		return r;
	if (nla_put_u32(msg, IFLA_MTU, vxlan->mtu) < 0 ||
	    nla_put(msg, IFLA_ADDRESS, MAC_BYTES, vxlan->mac) < 0)
		return -EMSGSIZE;
	return net_request(net, msg);
}

int net_vxlan_put(uint32_t *ifindex, struct net *net, const struct net_vxlan *vxlan)
{
	struct device device;
	int r = find(&device, net, vxlan->name);

	if (!r && !device.is_vxlan)
		return -EEXIST;
	/* The port of a device is for good. */
	if (!r && (!device.external || device.port != vxlan->port)) {
		r = net_links_delete(net, &device.ifindex, 1);
		r = r ?: -ENODEV;
	}
	if (r == -ENODEV) {
		r = create(net, vxlan);
		r = r ?: find(&device, net, vxlan->name);
	} else if (!r) {
		r = change(net, &device, vxlan);
	}
	if (r < 0)
		return r;
	*ifindex = device.ifindex;
	return 0;
}

int net_vxlan_find(uint32_t *ifindex, struct net *net, const char *name)
{
	struct device device;
	int r = find(&device, net, name);

	if (r < 0 || !device.is_vxlan)
		return r ?: -EEXIST;
	*ifindex = device.ifindex;
	return 0;
}

int net_vxlan_del(struct net *net, const char *name)
{
	struct device device;
	int r = find(&device, net, name);

	if (r < 0)
		return net_is_gone(r) ? 0 : r;
	return device.is_vxlan ? net_links_delete(net, &device.ifindex, 1) : 0;
}
