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
	struct ip_addr addr;
	__u32 ifindex; /* of the endpoint with that address; 0: not known, or no local pod */
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

/* With a protocol. */
#define POLICY_ITSELF 0x100

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
		BRANCH_APART(4);
	} else if (rules->flags & RULESET_CIDR6) {
		key6.prefixlen = 160;
		key6.set = bpf_htonl(set);
		key6.addr = *addr;
		bits = bpf_map_lookup_elem(&policy_cidr6, &key6);
		BRANCH_APART(6);
	}
	return bits ? *bits : 0;
}

/*
 * The verdict of rule set @set, never 0, about the peer of @class at @addr; @proto with
 * POLICY_ITSELF where that is the pod itself. A
 * subprogram, so its result is a plain number: enum verdict.
 */
int policy_evaluate(__u32 set, __u32 class, const struct ip_addr *addr, __u32 proto, __u16 port);

SUBPROGRAM int policy_evaluate(__u32 set, __u32 class, const struct ip_addr *addr, __u32 proto,
			       __u16 port)
{
	struct verdict_state verdict = { .itself = proto & POLICY_ITSELF };
	const struct ruleset *rules;
	__u64 ports, peers = 0, cidrs = 0;
	_Bool wide;

	rules = bpf_map_lookup_elem(&ruleset, &set);
	if (!addr || !rules || !rules->words)
		return VERDICT_BROKEN;
	ports = policy_port_bits(set, (__u8)proto, port);
	wide = rules->words > 1;
	/* Without ports no rule can match, whoever it is. */
	if (ports && (wide || !verdict_is_settled(rules, 0, ports)))
		peers = policy_class_bits(set, class);
	if (ports && (wide || !verdict_is_settled(rules, peers, ports)))
		cidrs = policy_cidr_bits(rules, set, addr);
	if (!wide)
		return verdict_inline(&verdict, rules, peers | cidrs, ports);
	return policy_wide(set, peers, cidrs, ports, verdict.itself);
}

/* What @set says about @peer, the other end. */
static __always_inline enum drop_reason policy_check(const struct policy_case *pc, __u32 set,
						     const struct policy_end *peer,
						     enum drop_reason denied, __u32 itself)
{
	int verdict;

	if (!set)
		return DROP_NONE;
	verdict = policy_evaluate(set, peer->class, &peer->addr, pc->proto | itself, pc->dport);
	if (verdict == VERDICT_ALLOW)
		return DROP_NONE;
	return verdict == VERDICT_DENY ? denied : DROP_POLICY_LOOKUP;
}

/* Fills @end and @set, its rule set, from the address; a known endpoint is only checked. */
static __always_inline enum drop_reason policy_resolve(struct policy_end *end, __u32 *set,
						       __u32 parity, enum policy_dir dir)
{
	const struct endpoint *ep;
	const struct peer *peer;

	*set = 0;
	end->class = 0;
	if (!end->ifindex) {
		peer = peer_find(&end->addr);
		if (!peer)
			return DROP_NONE;
		end->class = peer->class[parity & 1];
		if (peer->kind != PEER_LOCAL_POD)
			return DROP_NONE;
		end->ifindex = peer->ifindex;
		ep = peer_endpoint(end->ifindex, &end->addr);
	} else {
		/* Not by address: the pod may speak from its link-local one. */
		ep = endpoint_find(end->ifindex);
	}
	if (!ep)
		return DROP_NO_ENDPOINT;
	end->class = ep->class[parity & 1];
	*set = ep->ruleset[parity & 1][dir];
	return endpoint_is_ready(ep) ? DROP_NONE : DROP_NOT_READY;
}

/*
 * Judge the connection. On success the ends are resolved, and @exempt tells
 * whether the exemption for the node's own sockets was really due.
 */
int policy_judge(struct policy_case *pc);

SUBPROGRAM int policy_judge(struct policy_case *pc)
{
	__u32 parity, egress, ingress, itself = 0;
	enum drop_reason why;

	if (!pc)
		return DROP_INTERNAL;
	parity = pc->generation & 1;
	why = policy_resolve(&pc->opener, &egress, parity, POLICY_EGRESS);
	why = why ?: policy_resolve(&pc->responder, &ingress, parity, POLICY_INGRESS);
	if (why)
		return why;
	if (pc->opener.ifindex)
		pc->exempt = 0;
	if (pc->opener.ifindex && pc->opener.ifindex == pc->responder.ifindex) {
		/*
		 * A pod cannot be kept from itself; but through a service, where it has the
		 * gateway's address, it is a peer like others to the policies of a cluster.
		 */
		if (ip_addr_equal(&pc->opener.addr, &pc->responder.addr))
			return DROP_NONE;
		pc->opener.addr = pc->responder.addr;
		itself = POLICY_ITSELF;
	}
	why = policy_check(pc, egress, &pc->responder, DROP_POLICY_EGRESS, itself);
	if (why || pc->exempt)
		return why;
	return policy_check(pc, ingress, &pc->opener, DROP_POLICY_INGRESS, itself);
}
