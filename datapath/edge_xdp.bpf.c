// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The node's edge before the kernel makes a packet of it: an XDP program on the uplink. It
 * forwards what goes on to another node, or comes back from one, of connections to services
 * that the outside uses. It only takes what it can do to the end, and decides nothing that
 * from_wire (uplink.bpf.c) would decide otherwise: they share stages and tables, and everything
 * else passes to that one untouched and uncounted.
 */
#include "lib/ctx_xdp.h"

#include "lib/conntrack.h"
#include "lib/direct.h"
#include "lib/drop.h"
#include "lib/node_cidr.h"
#include "lib/translate.h"

/* Stage: TCP and UDP, whole and without options: all else is the complete path's. */
static __always_inline _Bool edge_parse(struct flow *flow, struct xdp_md *xdp)
{
	if (parse_l3(flow, xdp))
		return 0;
	if (flow->family == FLOW_IP4 ? flow->l4 != ETH_HLEN + sizeof(struct iphdr) :
				       flow->family != FLOW_IP6)
		return 0;
	if (!proto_is_transport(flow->proto) || flow->flags & FLOW_FRAGMENT_FIRST ||
	    flow->flags & FLOW_FRAGMENT_LATER || flow->hops <= 1)
		return 0;
	flow->flags |= FLOW_FROM_WIRE;
	return !parse_transport(flow, xdp);
}

/*
 * On virtual devices a checksum may not be there yet: it is the sum of addresses, protocol and
 * length, for a device to add the rest. Out of XDP it would never be completed.
 */
static __always_inline _Bool checksum_is_open(const struct flow *flow, struct xdp_md *xdp)
{
	__u32 at = flow->l4 + (flow->proto == IPPROTO_TCP ? TCP_CHECKSUM : UDP_CHECKSUM);
	const __u16 *check = ctx_header(xdp, at, sizeof(*check));
	__u64 sum = bpf_htonl(flow->proto);
	__u16 open;

	sum += bpf_htonl(flow->length - (flow->l4 - ETH_HLEN));
	/* A v4-mapped address has 0xffff before it, which is 0 in this sum. */
	sum = csum_add(sum, &flow->src, 2 * sizeof(flow->src));
	open = (__u16)~csum_fold(sum);
	return !check || *check == open;
}

/* A packet of a known connection, and where it goes. */
struct edge_case {
	struct bpf_fib_lookup route;
	struct ct_key key;
	struct ct_hit hit;
};

/*
 * What a packet of the connection becomes, unless it concerns somebody here. A masqueraded
 * connection always does: its CT_OUTSIDE entry has no verdict, and so no generation, either.
 */
static __always_inline _Bool edge_translation(struct ct6_nat *ret, const struct edge_case *ec,
					      const struct flow *flow)
{
	const struct ct_entry *entry = ec->hit.entry;
	struct ct6_nat was;

	if (!entry || entry->generation != flow->generation || flow->role == ROLE_OPEN ||
	    entry->ifindex[CT_LOW] | entry->ifindex[CT_HIGH] || entry->flags & CT_BESIDE)
		return 0;
	if (entry->opener == ec->key.sender) {
		ct_nat_read(ret, ec->hit);
		return !!(entry->flags & CT_SERVICE);
	}
	ct_nat_read(&was, ec->hit);
	*ret = (struct ct6_nat){ was.dst, was.src, was.dport, was.sport };
	return !!(entry->flags & CT_TRANSLATED);
}

/* The way is asked for first, because the connection's books shall be written once. */
static __noinline _Bool edge_route(struct edge_case *ec, struct xdp_md *xdp, struct flow *flow)
{
	struct ct6_nat from, to;
	enum drop_reason why;

	if (!edge_translation(&to, ec, flow))
		return 0;
	flow_tuple(&from, flow);
	flow_become(flow, &to);
	why = route_find(&ec->route, xdp, flow);
	flow_return(flow, &from);
	return !why && ctx_may_leave(xdp, &ec->route);
}

int edge_known(struct xdp_md *xdp, struct flow *flow);

/* Stage: an answered connection with a backend elsewhere. The action, 0: it is none. */
SUBPROGRAM int edge_known(struct xdp_md *xdp, struct flow *flow)
{
	struct edge_case ec = {};

	if (!flow)
		return 0;
	ct_key_pack(&ec.key, flow);
	ec.hit = ct_find(&ec.key, flow->now);
	if (!edge_route(&ec, xdp, flow) || !track_fast(flow, &ec.key, ec.hit) ||
	    translate(xdp, flow) || hops_decrease(xdp, flow, 1))
		return 0;
	return ctx_leave(xdp, &ec.route);
}

SEC("xdp")
int edge(struct xdp_md *xdp)
{
	struct flow flow;
	int action = 0;

	flow_begin(&flow, POLICY_INGRESS);
	if (!flow.generation || !services_exist() || !edge_parse(&flow, xdp) ||
	    checksum_is_open(&flow, xdp) || (tunnels_find() && addr_is_tunnelled(&flow.src)))
		return XDP_PASS;
	if (direct_fits(&flow))
		action = direct_forward(xdp, &flow);
	if (!action)
		action = edge_known(xdp, &flow);
	if (action <= 0)
		return XDP_PASS;
	count(xdp, DROP_NONE, POLICY_INGRESS);
	return action;
}

char license_name[] SEC("license") = "Dual BSD/GPL";
