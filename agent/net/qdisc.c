// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "base/cleanup.h"
#include "net/internal.h"
#include "net/net.h"

static bool read_filter(void *row, struct nlmsghdr *header, const void *arg)
{
	return header->nlmsg_type == RTM_NEWTFILTER;
}

/* How many filters one side of the device has, whoever made them. */
static int count_filters(size_t *count, struct net *net, uint32_t ifindex, uint32_t side)
{
	struct tcmsg info = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = (int)ifindex,
		.tcm_parent = TC_H_MAKE(TC_H_CLSACT, side),
	};
	cleanup(net_message_freep) struct nl_msg *msg = NULL;
	cleanup(freep) char *rows = NULL;
	int r;

	r = net_message(&msg, RTM_GETTFILTER, NLM_F_DUMP, &info, sizeof(info));
	if (r < 0)
		return r;
	return net_collect(&rows, count, net, msg, sizeof(*rows), read_filter, NULL);
}

static int delete_clsact(struct net *net, uint32_t ifindex)
{
	struct tcmsg info = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = (int)ifindex,
		.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0),
		.tcm_parent = TC_H_CLSACT,
	};
	cleanup(net_message_freep) struct nl_msg *msg = NULL;
	int r;

	r = net_message(&msg, RTM_DELQDISC, 0, &info, sizeof(info));
	if (r < 0)
		return r;
	/* `ingress` would have the same handle. */
	if (nla_put_string(msg, TCA_KIND, "clsact") < 0)
		return -EMSGSIZE;
	return net_request(net, msg);
}

int net_clsact_remove(struct net *net, uint32_t ifindex)
{
	size_t in = 0, out = 0;
	int r;

	r = count_filters(&in, net, ifindex, TC_H_MIN_INGRESS);
	r = r ?: count_filters(&out, net, ifindex, TC_H_MIN_EGRESS);
	if (!r && !in && !out)
		r = delete_clsact(net, ifindex);
	/* -EINVAL: the device has no such qdisc, or one of another kind. */
	return r == -ENODEV || r == -ENOENT || r == -EINVAL ? 0 : r;
}
