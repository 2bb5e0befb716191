// SPDX-License-Identifier: Apache-2.0
/*
 * The kernel can delete by a filter itself, but looks through the connections of all network
 * namespaces for it, under a mutex that the end of every namespace takes for as long: beside many
 * pods that go it waits for many seconds, and so would the agent. To list them and to delete each
 * one costs milliseconds.
 */
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <string.h>

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

#define TUPLE_MAX 128 /* bytes of a tuple's attributes: two addresses, protocol, ports, zone */

#define MESSAGE(name) (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_##name)

/* What a connection's first packet was, as the kernel says it. */
struct flow_row {
	uint16_t length;
	uint8_t tuple[TUPLE_MAX];
};

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

/* A kernel that knows no filters lists everything. */
static bool is_to_port(struct nlattr *tuple, uint16_t port)
{
	struct nlattr *outer[CTA_TUPLE_MAX + 1], *proto[CTA_PROTO_MAX + 1];

	return !nla_parse_nested(outer, CTA_TUPLE_MAX, tuple, NULL) && outer[CTA_TUPLE_PROTO] &&
	       !nla_parse_nested(proto, CTA_PROTO_MAX, outer[CTA_TUPLE_PROTO], NULL) &&
	       proto[CTA_PROTO_NUM] && nla_get_u8(proto[CTA_PROTO_NUM]) == IPPROTO_UDP &&
	       proto[CTA_PROTO_DST_PORT] && nla_get_u16(proto[CTA_PROTO_DST_PORT]) == htons(port);
}

static bool read_flow(void *row, struct nlmsghdr *header, const void *arg)
{
	struct nlattr *tuple = nlmsg_find_attr(header, sizeof(struct nfgenmsg), CTA_TUPLE_ORIG);
	const uint16_t *port = arg;
	struct flow_row *flow = row;

	if (!tuple || nla_len(tuple) > TUPLE_MAX || !is_to_port(tuple, *port))
		return false;
	flow->length = (uint16_t)nla_len(tuple);
	memcpy(flow->tuple, nla_data(tuple), flow->length);
	return true;
}

/* 0 or a negative errno. It may have ended by itself. */
static int forget_flow(struct net *net, const struct nfgenmsg *header, const struct flow_row *flow)
{
	cleanup(net_message_freep) struct nl_msg *msg = NULL;
	int r;

	r = net_message(&msg, MESSAGE(DELETE), 0, header, sizeof(*header));
	if (!r && nla_put(msg, CTA_TUPLE_ORIG | NLA_F_NESTED, flow->length, flow->tuple) < 0)
		r = -EMSGSIZE;
	r = r ?: net_request(net, msg);
	return net_is_gone(r) ? 0 : r;
}

static int forget_of(struct net *net, uint8_t family, uint16_t port)
{
	const struct nfgenmsg header = { .nfgen_family = family };
	cleanup(net_message_freep) struct nl_msg *msg = NULL;
	cleanup(freep) struct flow_row *flows = NULL;
	size_t count = 0;
	int r;

	r = net_message(&msg, MESSAGE(GET), NLM_F_DUMP, &header, sizeof(header));
	r = r ?: put_filter(msg, port);
	r = r ?: net_collect(&flows, &count, net, msg, sizeof(*flows), read_flow, &port);
	for (size_t i = 0; !r && i < count; i++)
		r = forget_flow(net, &header, &flows[i]);
	return r;
}

int nat_forget_datagrams(uint16_t host_port)
{
	cleanup(net_freep) struct net *net = NULL;
	int r;

	r = net_open(&net, NETLINK_NETFILTER);
	r = r ?: forget_of(net, AF_INET, host_port);
	return r ?: forget_of(net, AF_INET6, host_port);
}
