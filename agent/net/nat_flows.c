// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>

#include "base/cleanup.h"
#include "net/internal.h"
#include "net/nat.h"
#include "net/net.h"

/* Attributes of a filter, which the kernel's header does not have (nf_internals.h, Linux 5.8). */
#define FILTER 25 /* CTA_FILTER */
#define FILTER_ORIG_FLAGS 1
#define FILTER_REPLY_FLAGS 2
#define FILTER_PROTO (1 << 3)
#define FILTER_TO_PORT (1 << 5)

#define DELETE (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE)

/* UDP to @port, whatever the addresses. 0 or -EMSGSIZE. */
static int put_filter(struct nl_msg *msg, uint16_t port)
{
	struct nlattr *tuple, *proto, *filter;
	int r;

	tuple = nla_nest_start(msg, CTA_TUPLE_ORIG | NLA_F_NESTED);
	proto = tuple ? nla_nest_start(msg, CTA_TUPLE_PROTO | NLA_F_NESTED) : NULL;
	if (!proto)
		return -EMSGSIZE;
	r = nla_put_u8(msg, CTA_PROTO_NUM, IPPROTO_UDP);
	r = r ?: nla_put_u16(msg, CTA_PROTO_DST_PORT, htons(port));
	nla_nest_end(msg, proto);
	nla_nest_end(msg, tuple);
	filter = r ? NULL : nla_nest_start(msg, FILTER | NLA_F_NESTED);
	if (!filter)
		return -EMSGSIZE;
	r = nla_put_u32(msg, FILTER_ORIG_FLAGS, FILTER_PROTO | FILTER_TO_PORT);
	r = r ?: nla_put_u32(msg, FILTER_REPLY_FLAGS, 0);
	nla_nest_end(msg, filter);
	return r ? -EMSGSIZE : 0;
}

static int forget_of(struct net *net, uint8_t family, uint16_t port)
{
	/* Only with a version is the family looked at. */
	struct nfgenmsg header = { .nfgen_family = family, .version = 1 };
	cleanup(net_message_freep) struct nl_msg *msg = NULL;
	int r;

	r = net_message(&msg, DELETE, 0, &header, sizeof(header));
	r = r ?: put_filter(msg, port);
	r = r ?: net_request(net, msg);
	return net_is_gone(r) ? 0 : r;
}

int nat_forget_datagrams(uint16_t host_port)
{
	cleanup(net_freep) struct net *net = NULL;
	int r;

	r = net_open(&net, NETLINK_NETFILTER);
	r = r ?: forget_of(net, AF_INET, host_port);
	return r ?: forget_of(net, AF_INET6, host_port);
}
