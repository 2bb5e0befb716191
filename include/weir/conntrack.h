/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Connection tracking: one entry per flow, found from either direction.
 *
 * The key is canonical: the numerically lower (address, port) pair, compared as
 * big-endian bytes, is the low end. A packet travels from one end to the other;
 * enum ct_end says which. The entry remembers who opened the flow, so a reply
 * is never taken for a request, and the policy generation of its verdict, so
 * that a changed policy judges the flow once more on its next packet.
 *
 * Maps: `ct4`, `ct6` (hash) hold flows that were answered; `ct4_new`, `ct6_new`
 * (LRU) hold flows that were not, so that a flood of half-open connections can
 * evict only its own kind. A flow moves over with its first reply; TCP and SCTP,
 * whose first reply is easily had, with the opener's next packet after it.
 *
 * Ports of ICMP and ICMPv6 echo are the identifier at both ends; other
 * protocols without ports have 0.
 */
#pragma once

#include "weir/types.h"

enum ct_end {
	CT_LOW = 0,
	CT_HIGH = 1,
	CT_END_MAX,
};

struct ct4_key {
	union {
		struct {
			__be32 addr[CT_END_MAX];
			__be16 port[CT_END_MAX];
			__u8 proto;
			__u8 beside; /* CT_BESIDE */
			__u8 pad[2];
		};
		__u64 halves[2]; /* to write it at once */
	};
};
ABI_SIZE(struct ct4_key, 16);

struct ct6_key {
	struct ip_addr addr[CT_END_MAX];
	union {
		struct {
			__be16 port[CT_END_MAX];
			__u8 proto;
			__u8 beside; /* CT_BESIDE */
			__u8 pad[2];
		};
		__u64 rest; /* to write it at once */
	};
};
ABI_SIZE(struct ct6_key, 40);

enum ct_flag {
	CT_ANSWERED = 1 << 0, /* it is, or would be, in the table of answered flows */
	CT_CLOSING = 1 << 1, /* FIN both ways, RST, SCTP ABORT or SHUTDOWN COMPLETE */
	CT_HOST_OPENED = 1 << 2, /* by a socket of this node: ingress policy does not apply */
	/*
	 * Its opening came to the pod through the stack, which may have translated it
	 * (host ports): answers take the same way, so that they are translated back.
	 */
	CT_STACK_OPENED = 1 << 3,
	/*
	 * A connection to a service is two entries. This one is of the packet as its client
	 * sends it, to the service's address: it carries no verdict and tells only what the
	 * packet becomes. Its opener is the client.
	 */
	CT_SERVICE = 1 << 4,
	/* And this one is of the packet as the backend gets it: answers become what they were. */
	CT_TRANSLATED = 1 << 5,
	/* With CT_SERVICE: the backend was a pod, so its end of life is known (peer.h). */
	CT_BACKEND_POD = 1 << 6,
	/*
	 * Without CT_SERVICE: what the opener, a pod, sends is masqueraded where it leaves the
	 * node. @backend says as what (masquerade.h); 0: not chosen yet, it may leave elsewhere.
	 */
	CT_MASQUERADED = 1 << 6,
	/*
	 * Two such entries of no service, but of a direct connection whose own ends are those
	 * of a CT_TRANSLATED entry already: it has another source port. The first one is found
	 * by its own ends with @beside in the key, and names no backend.
	 */
	CT_BESIDE = 1 << 7,
	/*
	 * With CT_SERVICE, which has no use for that bit otherwise: the packet goes to the
	 * backend's node as it is, and that node answers (decisions/0012). There is no second
	 * entry, and this one stays among those that were not answered.
	 */
	CT_DIRECT = CT_STACK_OPENED,
	/*
	 * Both: a masqueraded connection as the outside sees it. The entry has no verdict; it
	 * is found by the answers, and says what its packets were: those of the connection
	 * whose own entry is CT_MASQUERADED. Its opener is the end that is this node.
	 */
	CT_OUTSIDE = CT_SERVICE | CT_TRANSLATED,
};

static inline __attribute__((always_inline)) _Bool ct_is_outside(__u8 flags)
{
	return (flags & CT_OUTSIDE) == CT_OUTSIDE;
}

static inline __attribute__((always_inline)) _Bool ct_is_masqueraded(__u8 flags)
{
	return (flags & (CT_SERVICE | CT_MASQUERADED)) == CT_MASQUERADED;
}

struct ct_entry {
	__u32 expires; /* low 32 bits of jiffies: dead when (__s32)(now - expires) > 0 */
	__u32 generation; /* policy generation of the verdict */
	__u8 opener; /* enum ct_end */
	__u8 flags; /* enum ct_flag */
	__u8 fin[CT_END_MAX]; /* TCP: this end has sent FIN */
	__u32 ifindex[CT_END_MAX]; /* local endpoint at each end, 0: none */
	__u32 backend; /* CT_SERVICE: number of the backend (service.h); or see CT_MASQUERADED */
	__u64 packets[CT_END_MAX]; /* sent by each end */
	__u64 bytes[CT_END_MAX];
};
ABI_SIZE(struct ct_entry, 56);

/*
 * The other addresses of a translated connection, in the direction of its opener: of
 * a CT_SERVICE entry what its packets become, of a CT_TRANSLATED entry what they were.
 * Without either flag its content means nothing.
 */
struct ct4_nat {
	__be32 src;
	__be32 dst;
	__be16 sport;
	__be16 dport;
	/*
	 * CT_SERVICE: of the backend. CT_MASQUERADED, whatever the rest means: @expires as the
	 * CT_OUTSIDE entry has it.
	 */
	__u32 generation;
};
ABI_SIZE(struct ct4_nat, 16);

struct ct6_nat {
	struct ip_addr src;
	struct ip_addr dst;
	__be16 sport;
	__be16 dport;
	__u32 generation;
};
ABI_SIZE(struct ct6_nat, 40);

/* The values of the tables; the common part comes first. */
struct ct4_value {
	struct ct_entry entry;
	struct ct4_nat nat;
};
ABI_SIZE(struct ct4_value, 72);

struct ct6_value {
	struct ct_entry entry;
	struct ct6_nat nat;
};
ABI_SIZE(struct ct6_value, 96);
