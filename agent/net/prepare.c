// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "net/internal.h"
#include "net/net.h"
#include "net/sysctl.h"

/* IFLA_AF_SPEC: { AF_INET: { conf: { @setting } }, @v6: AF_INET6: { addr_gen_mode } } */
static int put_af_spec(struct nl_msg *msg, int setting, uint32_t value, bool v6)
{
	struct nlattr *spec, *family, *conf;

	spec = nla_nest_start(msg, IFLA_AF_SPEC);
	family = spec ? nla_nest_start(msg, AF_INET) : NULL;
	conf = family ? nla_nest_start(msg, IFLA_INET_CONF) : NULL;
	if (!conf || nla_put_u32(msg, setting, value) < 0)
		return -EMSGSIZE;
	nla_nest_end(msg, conf);
	nla_nest_end(msg, family);
	if (v6) {
		family = nla_nest_start(msg, AF_INET6);
		if (!family ||
		    nla_put_u8(msg, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE) < 0)
			return -EMSGSIZE;
		nla_nest_end(msg, family);
	}
	nla_nest_end(msg, spec);
	return 0;
}

int net_link_route_localnet(struct net *net, uint32_t ifindex)
{
	struct ifinfomsg info = { .ifi_index = (int)ifindex };
	cleanup(net_message_freep) struct nl_msg *msg = NULL;
	int r;

	r = net_message(&msg, RTM_SETLINK, 0, &info, sizeof(info));
	if (r < 0)
		return r;
	r = put_af_spec(msg, IPV4_DEVCONF_ROUTE_LOCALNET, 1, false);
	if (r < 0)
		return r;
	return net_request(net, msg);
}

int net_link_prepare(struct net *net, const char *name)
{
	struct ifinfomsg info = {};
	cleanup(net_message_freep) struct nl_msg *msg = NULL;
	char path[64];
	bool v6;
	int r;

	if (!*name || strlen(name) >= IFNAMSIZ)
		return -ENODEV;
	/* A kernel or a link without IPv6 has nothing to quiet, and would refuse the request. */
	snprintf(path, sizeof(path), "ipv6/conf/%s/accept_ra", name);
	r = net_sysctl_set(path, 0);
	if (r < 0 && r != -ENOENT)
		return r;

	v6 = r >= 0;

	r = net_message(&msg, RTM_SETLINK, 0, &info, sizeof(info));
	if (r < 0)
		return r;
	if (nla_put_string(msg, IFLA_IFNAME, name) < 0)
		return -EMSGSIZE;
	r = put_af_spec(msg, IPV4_DEVCONF_RP_FILTER, 0, v6);
	if (r < 0)
		return r;
	return net_request(net, msg);
}
