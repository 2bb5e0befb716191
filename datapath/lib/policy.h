/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Policy: may this connection be? Judged from the opener to the responder, at
 * both ends that are pods of this node, in one run.
 */
#pragma once

#include "lib/peer.h"
#include "lib/policy_wide.h"
#include "weir/verdict.h"



/* One end of the connection. */
struct policy_end {
	const struct ip_addr *addr;
	const struct endpoint *ep; /* NULL: not a pod of this node */
	__u32 class;
};

struct policy_case {
	struct policy_end opener;
	struct policy_end responder;
	__u32 generation;
	__be16 dport;
	__u8 proto;
	__u8 exempt; /* opened by a socket of this node: its pods may not refuse */
};

static __always_inline __u64 policy_port_bits(__u32 set, __u8 proto, __be16 port)
{
	struct policy_port_key key = {
		.prefixlen = POLICY_PORT_FULL_BITS,
		.set = bpf_htonl(set),
		.proto = proto,
		.port = port,
	};
	const __u64 *bits = bpf_map_lookup_elem(&policy_port, &key);

	return bits ? *bits : 0;
}

static __always_inline __u64 policy_class_bits(__u32 set, __u32 class)
{
	struct policy_class_key key = { .set = set, .class = class };
	const __u64 *bits;

	if (!class)
		return 0;
	bits = bpf_map_lookup_elem(&policy_class, &key);
	return bits ? *bits : 0;
}

static __always_inline __u64 policy_cidr_bits(const struct ruleset *rules, __u32 set,
					      const struct ip_addr *addr)
{
	struct policy_cidr4_key key4;
	struct policy_cidr6_key key6;
	const __u64 *bits = NULL;

	if (ip_addr_is_v4(addr)) {
		if (!(rules->flags & RULESET_CIDR4))
			return 0;
		key4.prefixlen = 64;
		key4.set = bpf_htonl(set);
		key4.addr = addr->words[3];
		bits = bpf_map_lookup_elem(&policy_cidr4, &key4);
	} else if (rules->flags & RULESET_CIDR6) {
		key6.prefixlen = 160;
		key6.set = bpf_htonl(set);
		key6.addr = *addr;
		bits = bpf_map_lookup_elem(&policy_cidr6, &key6);
	}
	return bits ? *bits : 0;
}

/*
 * The verdict of rule set @set, never 0, about the peer of @class at @addr. A
 * subprogram, so its result is a plain number: enum verdict.
 */
int policy_evaluate(__u32 set, __u32 class, const struct ip_addr *addr, __u8 proto, __u16 port);

SUBPROGRAM int policy_evaluate(__u32 set, __u32 class, const struct ip_addr *addr, __u8 proto,
			       __u16 port)
{
	struct verdict_state verdict = {};
	const struct ruleset *rules;
	__u64 ports, peers, cidrs;

	rules = bpf_map_lookup_elem(&ruleset, &set);
	if (!addr || !rules || !rules->words)
		return VERDICT_NEXT;
	ports = policy_port_bits(set, proto, port);
	peers = policy_class_bits(set, class);
	cidrs = policy_cidr_bits(rules, set, addr);
	if (rules->words == 1)
		return verdict_inline(&verdict, rules, peers | cidrs, ports);
	return policy_wide(set, peers, cidrs, ports);
}

/* What @set says about @peer, the other end. */
static __always_inline enum drop_reason policy_check(const struct policy_case *pc, __u32 set,
						     const struct policy_end *peer,
						     enum drop_reason denied)
{
	int verdict;

	if (!set)
		return DROP_NONE;
	verdict = policy_evaluate(set, peer->class, peer->addr, pc->proto, pc->dport);
	if (verdict == VERDICT_ALLOW)
		return DROP_NONE;
	return verdict == VERDICT_DENY ? denied : DROP_POLICY_LOOKUP;
}

/* Fills @end from its address; an end that is known already is only checked. */
static __noinline enum drop_reason policy_resolve(struct policy_end *end, __u32 parity)
{
	const struct peer *peer;

	end->class = 0;
	if (!end->ep) {
		peer = peer_find(end->addr);
		if (!peer)
			return DROP_NONE;
		end->class = peer->class[parity & 1];
		if (peer->kind != PEER_LOCAL_POD)
			return DROP_NONE;
		end->ep = peer_endpoint(peer->ifindex, end->addr);
		if (!end->ep)
			return DROP_NO_ENDPOINT;
	}
	end->class = end->ep->class[parity & 1];
	return endpoint_is_ready(end->ep) ? DROP_NONE : DROP_NOT_READY;
}

/*
 * Judge the connection. On success the ends are resolved and @exempt tells
 * whether the exemption for the node's own sockets was really due.
 */
static __noinline enum drop_reason policy_judge(struct policy_case *pc)
{
	enum drop_reason why;
	__u32 parity = pc->generation & 1, set;

	why = policy_resolve(&pc->opener, parity);
	why = why ?: policy_resolve(&pc->responder, parity);
	if (why)
		return why;
	if (pc->opener.ep)
		pc->exempt = 0;
	/* A pod cannot be kept from itself. */
	if (pc->opener.ep && pc->opener.ep == pc->responder.ep)
		return DROP_NONE;

	set = pc->opener.ep ? pc->opener.ep->ruleset[parity][POLICY_EGRESS] : 0;
	why = policy_check(pc, set, &pc->responder, DROP_POLICY_EGRESS);
	if (why || pc->exempt)
		return why;
	set = pc->responder.ep ? pc->responder.ep->ruleset[parity][POLICY_INGRESS] : 0;
	return policy_check(pc, set, &pc->opener, DROP_POLICY_INGRESS);
}
