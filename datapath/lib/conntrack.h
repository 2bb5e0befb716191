/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Connection tracking: the stage that every judged packet goes through.
 *
 * The fast path is one look-up: an answered flow whose verdict is of the current
 * generation. Everything else is track_slowly(): flows without an answer, new
 * ones, and those that have to be judged again.
 */
#pragma once

#include "lib/ct_book.h"
#include "lib/masquerade.h"
#include "lib/policy.h"
#include "lib/service_cidr.h"
#include "lib/service_fast.h"

/* Judge the connection of @flow from its opener, which is the sender when @forward. */
static __always_inline enum drop_reason ct_judge(struct policy_case *pc, const struct flow *flow,
						 _Bool forward)
{
	pc->generation = flow->generation;
	pc->proto = flow->proto;
	pc->dport = forward ? flow->dport : flow->sport;
	pc->opener.addr = forward ? flow->src : flow->dst;
	pc->opener.ifindex = forward ? flow->from_ifindex : flow->to_ifindex;
	pc->responder.addr = forward ? flow->dst : flow->src;
	pc->responder.ifindex = forward ? flow->to_ifindex : flow->from_ifindex;
	return policy_judge(pc);
}

static __always_inline __u8 ct_open_flags(const struct flow *flow, const struct policy_case *pc)
{
	return (pc->exempt ? CT_HOST_OPENED : 0) |
	       (flow->flags & FLOW_MASQUERADED ? CT_MASQUERADED : 0) |
	       (flow->dir == POLICY_INGRESS ? CT_STACK_OPENED : 0);
}

/*
 * The generation of a verdict about @flow. A link-local address names no endpoint, so
 * each end's policy is known at its own interface only: such a verdict is of no
 * generation, and is asked for again at either end.
 */
static __always_inline __u32 ct_generation(const struct flow *flow)
{
	if (addr_is_link_local(&flow->src) || addr_is_link_local(&flow->dst))
		return 0;
	return flow->generation;
}

/*
 * An entry whose opener is the sender of this packet. Verifier: both ends
 * by name, for the stack knows no index that is not a constant.
 */
static __always_inline void ct_fill(struct ct_value *value, const struct ct_key *key,
				    const struct flow *flow, const struct policy_case *pc)
{
	_Bool high = key->sender == CT_HIGH;
	struct ct_entry *entry = &value->entry;

	*value = (struct ct_value){ .entry = {
		.generation = ct_generation(flow),
		.opener = key->sender,
		.flags = ct_open_flags(flow, pc),
		.packets = { !high, high },
		.bytes = { high ? 0 : flow->length, high ? flow->length : 0 },
	} };
	entry->ifindex[CT_LOW] = high ? pc->responder.ifindex : pc->opener.ifindex;
	entry->ifindex[CT_HIGH] = high ? pc->opener.ifindex : pc->responder.ifindex;
	entry->expires = flow->now + ct_lifetime(entry, flow->proto);
}

int ct_open_again(struct flow *flow, const struct ct_key *key, const struct ct_value *value);

/*
 * There is an entry where none was seen: it has expired, or another CPU was faster. That
 * one's stays: the packet belongs to it, unless both have chosen the same source port.
 */
SUBPROGRAM int ct_open_again(struct flow *flow, const struct ct_key *key,
			     const struct ct_value *value)
{
	struct ct_hit hit;

	if (!flow || !key || !value)
		return DROP_INTERNAL;
	hit = ct_find_new(key, flow->now);
	if (!hit.entry)
		return ct_insert_new(key, value, BPF_ANY) ? DROP_CT_FULL : DROP_NONE;
	return service_second_is_ours(flow, hit) ? DROP_NONE : DROP_SERVICE_PORTS;
}

int ct_open(struct flow *flow, const struct ct_key *key, const struct policy_case *pc);

/* Make the entry of a connection that begins. A function: policy needs its stack before. */
SUBPROGRAM int ct_open(struct flow *flow, const struct ct_key *key, const struct policy_case *pc)
{
	struct ct_value value;
	long r;

	if (!flow || !key || !pc)
		return DROP_INTERNAL;
	ct_fill(&value, key, flow, pc);
	if (flow->flags & FLOW_TRANSLATED)
		service_second_fill(&value, flow);
	r = ct_insert_new(key, &value, flow->seen == CT_SEEN_NOWHERE ? BPF_NOEXIST : BPF_ANY);
	if (r == -EEXIST)
		return ct_open_again(flow, key, &value);
	return r ? DROP_CT_FULL : DROP_NONE;
}

/* The entry's verdict is of another generation, and it has now passed again. */
static __always_inline void ct_renew(struct ct_entry *entry, const struct flow *flow,
				     const struct policy_case *pc)
{
	__u32 opener = entry->opener & 1;

	entry->ifindex[opener] = pc->opener.ifindex;
	entry->ifindex[opener ^ 1] = pc->responder.ifindex;
	entry->generation = ct_generation(flow);
}

/* The packet is, or comes after, the answer to the connection's opening. */
static __always_inline _Bool ct_is_answered(const struct ct_entry *entry, const struct flow *flow,
					    __u8 sender)
{
	_Bool answer = sender != entry->opener;

	/* An open port answers a flood as well: what counts is that the opener goes on. */
	if (flow->proto == IPPROTO_TCP || flow->proto == IPPROTO_SCTP)
		return !answer && flow->role != ROLE_OPEN && entry->packets[(sender & 1) ^ 1];
	return answer;
}

/* The packet opens a connection, in place of the one that was seen, if there was one. */
static __noinline enum drop_reason track_new(struct flow *flow, const struct ct_key *key)
{
	struct policy_case pc = { .exempt = !!(flow->flags & FLOW_FROM_SOCKET) };
	enum drop_reason why = ct_judge(&pc, flow, 1);

	why = why ?: masquerade_ask(flow, pc.responder.ifindex);
	if (why)
		return why;
	if (flow->seen == CT_SEEN_ANSWERED)
		ct_delete(key);
	flow->to_ifindex = pc.responder.ifindex;
	return ct_open(flow, key, &pc);
}

static __always_inline _Bool is_refusal(enum drop_reason why)
{
	return why == DROP_POLICY_EGRESS || why == DROP_POLICY_INGRESS;
}

/*
 * The connection was judged in another generation. What policy refuses now stays in
 * the table as long as somebody tries, and is judged again each time: without it the
 * next packet of the other end would look like an opening of its own, and what had
 * been revoked would go on as the answer to it.
 */
static __noinline enum drop_reason track_again(const struct flow *flow, const struct ct_key *key,
					       struct ct_entry *entry)
{
	struct policy_case pc = { .exempt = !!(entry->flags & CT_HOST_OPENED) };
	enum drop_reason why = ct_judge(&pc, flow, entry->opener == key->sender);

	if (is_refusal(why)) {
		entry->expires = flow->now + lifetime(LIFETIME_OTHER, LIFETIME_OPEN);
		return why;
	}
	if (why) {
		ct_delete(key);
		ct_delete_new(key);
		return why;
	}
	ct_renew(entry, flow, &pc);
	return DROP_NONE;
}

/*
 * TCP or SCTP in the middle of a connection that is not known: forgotten, or older
 * than weir. Nobody can tell who opened it, so either end must be allowed to; but what
 * comes from outside to a service was opened by its client.
 */
static __noinline enum drop_reason track_midstream(const struct flow *flow)
{
	const __u32 from_client = FLOW_FROM_WIRE | FLOW_TRANSLATED;
	struct policy_case pc = {};

	if ((flow->flags & from_client) == from_client)
		return DROP_NONE;
	if (flow->role != ROLE_ANY || (flow->proto != IPPROTO_TCP && flow->proto != IPPROTO_SCTP))
		return DROP_NONE;
	return ct_judge(&pc, flow, 0) ? DROP_CT_INVALID : DROP_NONE;
}

static __always_inline enum drop_reason track_known(struct flow *flow, const struct ct_key *key,
						    struct ct_entry *entry)
{
	enum drop_reason why;

	if (entry->generation != flow->generation) {
		/* Of a pod that is its own backend the opener has another's address. */
		if (entry->flags & CT_TRANSLATED && entry->opener != key->sender)
			flow->to_ifindex = entry->ifindex[(key->sender & 1) ^ 1];
		why = track_again(flow, key, entry);
		if (why)
			return why;
	}
	ct_place(flow, key, entry);
	return DROP_NONE;
}

/*
 * The packet of a known connection may pass: it is booked, and what it becomes is read. The
 * entry may move over, and its place be another's, so that comes last.
 */
static __always_inline enum drop_reason track_pass(struct flow *flow, const struct ct_key *key,
						   struct ct_hit hit)
{
	struct ct_entry *entry = hit.entry;
	struct service_passed second;

	if (flow->flags & FLOW_TRANSLATED)
		service_second_claim(hit);
	if (flow->seen == CT_SEEN_NEW && ct_is_answered(entry, flow, key->sender))
		entry->flags |= CT_ANSWERED;
	ct_book_apart(entry, flow, key->sender);
	service_second_note(&second, flow, hit);
	if (flow->seen == CT_SEEN_NEW && entry->flags & CT_ANSWERED && ct_promote(key, hit))
		flow->seen = CT_SEEN_ANSWERED;
	if (second.answer)
		service_refresh(flow, second.flags, second.expires, flow->seen == CT_SEEN_ANSWERED);
	return DROP_NONE;
}

int track_slowly(struct flow *flow, const struct ct_key *key);

/* @flow->seen says where the connection was, or where it may still be. */
SUBPROGRAM int track_slowly(struct flow *flow, const struct ct_key *key)
{
	struct ct_entry *entry;
	enum drop_reason why;
	struct ct_hit hit;

	if (!flow || !key)
		return DROP_INTERNAL;
	hit = ct_seek_seen(flow, key);
	entry = hit.entry;
	if (!entry && flow->role == ROLE_ANSWER)
		return DROP_CT_INVALID;
	if (entry && service_is_foreign(flow, key, entry) && !ct_reopens(entry, flow, key->sender))
		return DROP_CT_INVALID;
	if (!entry || ct_reopens(entry, flow, key->sender)) {
		why = entry ? DROP_NONE : track_midstream(flow);
		return why ?: track_new(flow, key);
	}
	why = track_known(flow, key, entry);
	return why ?: track_pass(flow, key, hit);
}

/* ICMP queries other than echo have nothing that ties an answer to them: each by itself. */
int track_alone(struct flow *flow);

SUBPROGRAM int track_alone(struct flow *flow)
{
	struct policy_case pc = {};
	enum drop_reason why;

	if (!flow)
		return DROP_INTERNAL;
	if (addr_is_unallocated(&flow->dst))
		return DROP_SERVICE_NO_ADDRESS;
	pc.exempt = !!(flow->flags & FLOW_FROM_SOCKET);
	why = ct_judge(&pc, flow, 1);
	why = why ?: masquerade_ask(flow, pc.responder.ifindex);
	if (!why)
		flow->to_ifindex = pc.responder.ifindex;
	return why;
}

/* Of an answered flow that was judged in this generation: nothing is left to ask. */
static __always_inline _Bool track_fast(struct flow *flow, const struct ct_key *key,
					struct ct_hit hit)
{
	struct ct_entry *entry = hit.entry;

	if (!entry || entry->generation != flow->generation || flow->role == ROLE_OPEN)
		return 0;
	if (entry->flags & (CT_SERVICE | CT_TRANSLATED))
		return service_fast(flow, key, entry, hit.wide);
	ct_place(flow, key, entry);
	ct_book(entry, flow, key->sender);
	return 1;
}
