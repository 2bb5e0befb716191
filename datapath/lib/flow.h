/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One description of a packet for all stages: filled by the parser (parse.h),
 * read by everybody else. Only the fields that a stage before has set are valid.
 */
#pragma once

#include "lib/kernel.h"
#include "weir/reason.h"
#include "weir/types.h"

enum flow_family {
	FLOW_OTHER = 0, /* nothing that the parser follows */
	FLOW_ARP,
	FLOW_IP4,
	FLOW_IP6,
};

/* What the packet may mean for a connection. */
enum flow_role {
	ROLE_ANY, /* part of a connection, or its beginning when none is known */
	ROLE_OPEN, /* the beginning: TCP SYN, SCTP INIT, echo request */
	ROLE_ANSWER, /* makes sense in a known connection only */
	ROLE_ERROR, /* an ICMP error: quotes a packet of the connection */
	ROLE_ALONE, /* judged by itself: ICMP queries other than echo */
};

/* How the packet goes on when no stage refuses it. */
enum flow_way {
	WAY_TRACK, /* conntrack and policy, then delivery */
	WAY_STACK, /* the kernel's stack, without judgement: neighbours, multicast */
	WAY_BACK, /* rewritten to an answer: out of the interface it came in */
	WAY_OUT, /* to another node or the outside, past the stack */
};

enum flow_flag {
	FLOW_FRAGMENT_FIRST = 1 << 0,
	FLOW_FRAGMENT_LATER = 1 << 1,
	FLOW_FIN = 1 << 2, /* TCP FIN: this end is done */
	FLOW_RESET = 1 << 3, /* TCP RST, SCTP ABORT or SHUTDOWN COMPLETE: both are */
	FLOW_FROM_SOCKET = 1 << 4, /* sent by this node itself, not forwarded */
	FLOW_FRAGMENT_SECOND = 1 << 5, /* a later one that begins with the ninth byte */
	FLOW_AT_EGRESS = 1 << 7, /* the program sees what leaves an interface */
	FLOW_ANSWER = 1 << 6, /* of a connection that the receiver opened */
	/* Addresses and ports are what the packet shall have, and not yet those that it has. */
	FLOW_TRANSLATED = 1 << 8,
	FLOW_REJECTED = 1 << 9, /* whoever sent the refused packet is told so */
	FLOW_FROM_WIRE = 1 << 10, /* came from outside, for no pod's own address */
	FLOW_ANSWERS = 1 << 11, /* answers a translated connection, and is to become what that was */
	FLOW_TO_HOST = 1 << 12, /* to an address of this node */
	FLOW_TO_SERVICE = 1 << 13, /* to an address of services, but to none of its ports */
	/* A pod's, to be masqueraded where it leaves; or the answer to such a one. */
	FLOW_MASQUERADED = 1 << 14,
};

struct flow {
	struct ip_addr src;
	struct ip_addr dst;
	union {
		struct {
			__be16 sport; /* echo: the identifier, in both */
			__be16 dport;
		};
		__u32 ports; /* both, as they stand in the packet */
	};
	__u8 proto;
	__u8 family; /* enum flow_family */
	__u8 role; /* enum flow_role */
	__u8 way; /* enum flow_way */
	__u16 flags; /* enum flow_flag */
	__u8 icmp_type; /* ICMP and ICMPv6 only, not of later fragments */
	__u8 hops; /* TTL or hop limit */
	__u32 dir; /* enum policy_dir: which metric counts it */
	__be32 fragment_id; /* of fragments only */
	__u32 l4; /* offset of the transport header in the frame */
	__u32 length; /* of the IP packet */
	__u32 now; /* jiffies */
	__u32 generation; /* of the policy: read once a packet */
	__u32 mtu; /* with DROP_TOO_LONG: how long it may be */
	__u32 seen; /* enum ct_seen: where its connection was when somebody looked */
	/* Local endpoints at the ends as far as known, 0: none. Numbers, so subprograms take flows. */
	__u32 from_ifindex;
	__u32 to_ifindex;
};

static __always_inline _Bool flow_is_icmp(const struct flow *flow)
{
	return flow->proto == (flow->family == FLOW_IP4 ? 1 : 58);
}

static __always_inline _Bool proto_is_stream(__u8 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_SCTP;
}

static __always_inline _Bool proto_has_ports(__u8 proto)
{
	return proto_is_stream(proto) || proto == IPPROTO_UDP;
}

static __always_inline _Bool addr_is_multicast(const struct ip_addr *addr)
{
	if (addr->bytes[0] == 0xff)
		return 1;
	if (!ip_addr_is_v4(addr))
		return 0;
	return (addr->bytes[12] & 0xf0) == 0xe0 || addr->words[3] == 0xffffffff;
}

static __always_inline _Bool addr_is_none(const struct ip_addr *addr)
{
	return !(addr->halves[0] | addr->halves[1]);
}

static __always_inline _Bool addr_is_link_local(const struct ip_addr *addr)
{
	return addr->bytes[0] == 0xfe && (addr->bytes[1] & 0xc0) == 0x80;
}
