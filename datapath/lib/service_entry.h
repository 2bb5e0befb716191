/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The two entries of a connection to a service: how they are written, found from each
 * other and kept alive together.
 */
#pragma once

#include "lib/ct_nat.h"
#include "lib/endpoint.h"
#include "lib/service_pick.h"

/* The search for what a masqueraded connection leaves as (masquerade_port.h). */
struct masquerade_search {
	__u32 number; /* of the source address; 0: none was found */
	__u32 port; /* the one that is tried, host byte order; first what is preferred, */
	__u32 start, stride; /* and then from @start on, in steps */
	__u32 oldest; /* port of an entry that nobody has answered; 0: none was met */
	__u32 left; /* time which that one has */
};

/*
 * One packet on its way through the stage of services. Not on the stack, which the
 * judging of policy behind it needs.
 */
struct service_case {
	struct ct6_nat from; /* the packet as it came, addresses v4-mapped */
	struct ct6_nat to; /* what it becomes */
	struct ct_key client; /* of the first entry */
	struct ct_key other; /* of the second one */
	__u32 backend; /* its number */
	__u32 flags; /* CT_BACKEND_POD, CT_BESIDE */
	__u32 here; /* the backend is a pod or a socket of this node */
	/* Source port that could be taken from its connection (source_port.h), 0: none; and */
	__u32 loose_left; /* what is left of that one's time, in jiffies */
	__be16 loose;
	__u16 taken; /* it was: from the connection which */
	struct ct6_nat lost; /* was this, and */
	struct ct_key loser; /* had this for its first entry */
	/* Of the second entry, when the packet has passed it. */
	__u32 expires;
	__u32 answered; /* CT_ANSWERED or 0 */
	struct ct_value value; /* that is being written */
	struct frontend frontend; /* that a connection which begins asks, */
	struct service_pick pick; /* and what it gets */
	struct masquerade_search search; /* of one that is masqueraded */
};

MAP_PRIVATE(service_scratch, PERCPU_ARRAY, __u32, struct service_case, 1, 0);

static __always_inline struct service_case *service_case(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&service_scratch, &zero);
}

static __always_inline void service_case_begin(struct service_case *sc, const struct flow *flow,
					       const struct ct_key *key)
{
	flow_tuple(&sc->from, flow);
	sc->client = *key;
	sc->backend = 0;
	sc->flags = 0;
	sc->taken = 0;
}

static __always_inline void service_other(struct service_case *sc, struct flow *flow)
{
	flow_become(flow, &sc->to);
	ct_key_pack(&sc->other, flow);
	flow_return(flow, &sc->from);
}

enum service_second {
	SECOND_NONE = 0,
	SECOND_LIVES,
	SECOND_ENDS, /* closing */
	SECOND_FOREIGN, /* the ends have another connection by now */
};

int service_second_find(struct flow *flow, struct service_case *sc);

/* What there is at the key of the second entry, which is @sc->other then: enum service_second. */
SUBPROGRAM int service_second_find(struct flow *flow, struct service_case *sc)
{
	struct ct_hit hit;

	if (!flow || !sc)
		return SECOND_NONE;
	service_other(sc, flow);
	hit = ct_seek(flow, &sc->other);
	if (!hit.entry)
		return SECOND_NONE;
	if (!ct_was(hit, &sc->from))
		return SECOND_FOREIGN;
	return hit.entry->flags & CT_CLOSING ? SECOND_ENDS : SECOND_LIVES;
}

int service_forget(struct flow *flow, struct service_case *sc);

/* Both entries go; the second one unless it is somebody else's by now. */
SUBPROGRAM int service_forget(struct flow *flow, struct service_case *sc)
{
	struct ct_hit hit;

	if (!flow || !sc)
		return 0;
	service_other(sc, flow);
	ct_delete(&sc->client);
	ct_delete_new(&sc->client);
	hit = ct_find_any(&sc->other, flow->now);
	if (!hit.entry || !ct_was(hit, &sc->from))
		return 0;
	ct_delete(&sc->other);
	ct_delete_new(&sc->other);
	return 1;
}

/* The nat part of a value that is being made. */
static __always_inline void ct_nat_fill(struct ct_value *value, const struct flow *flow,
					const struct ct6_nat *nat)
{
	if (flow->family == FLOW_IP4)
		ct4_nat_set(&value->nat.v4, nat);
	else
		value->nat.v6 = *nat;
}

/* The first entry, as it is now. Verifier: all of it is written, in either family. */
static __always_inline void service_first_fill(struct service_case *sc, const struct flow *flow)
{
	_Bool high = sc->client.sender == CT_HIGH;

	sc->value.entry = (struct ct_entry){
		.expires = sc->expires,
		.generation = flow->generation,
		.opener = sc->client.sender,
		.flags = CT_SERVICE | sc->flags | sc->answered,
		.backend = sc->backend,
		.ifindex = { high ? 0 : flow->from_ifindex, high ? flow->from_ifindex : 0 },
	};
	ct_nat_fill(&sc->value, flow, &sc->to);
}

/* The first entry goes into the table in which the second one is. */
static __always_inline enum drop_reason service_first_put(const struct service_case *sc,
							  _Bool answered)
{
	if (answered && !CT_PUT(ct4, ct6, &sc->client, &sc->value, BPF_ANY)) {
		ct_delete_new(&sc->client);
		return DROP_NONE;
	}
	if (ct_insert_new(&sc->client, &sc->value, BPF_ANY))
		return DROP_CT_FULL;
	ct_delete(&sc->client);
	return DROP_NONE;
}

/* The second entry is being made, for what service_enter() has translated. */
static __always_inline void service_second_fill(struct ct_value *value, const struct flow *flow)
{
	struct service_case *sc = service_case();

	if (!sc)
		return;
	value->entry.flags |= CT_TRANSLATED | (sc->flags & CT_BESIDE);
	ct_nat_fill(value, flow, &sc->from);
	sc->expires = value->entry.expires;
	sc->answered = 0;
}

/* It is there already, perhaps as that of another connection, which is over. */
static __always_inline void service_second_claim(struct ct_hit second)
{
	struct service_case *sc = service_case();

	if (!sc || ct_was(second, &sc->from))
		return;
	ct_nat_write(second, &sc->from);
	second.entry->flags |= CT_TRANSLATED | (sc->flags & CT_BESIDE);
}

/* The entry at the place of the one that is being made is of the same connection. */
static __always_inline _Bool service_second_is_ours(const struct flow *flow, struct ct_hit hit)
{
	struct service_case *sc = service_case();

	if (!(flow->flags & FLOW_TRANSLATED))
		return 1;
	return sc && ct_was(hit, &sc->from);
}

int service_commit(struct flow *flow);

/*
 * Stage: the packet of @flow, translated by service_enter(), may pass, and the second entry
 * is there: so shall be the first one. Whose source port was taken may have been answered in
 * that moment, and then has it back. Looked at only now, when who answers finds the new entry
 * or was done before: else both could go on.
 */
SUBPROGRAM int service_commit(struct flow *flow)
{
	struct service_case *sc = service_case();

	if (!flow || !sc)
		return DROP_INTERNAL;
	if (sc->taken && ct_find(&sc->other, flow->now).entry) {
		ct_delete_new(&sc->other);
		return DROP_SERVICE_PORTS;
	}
	service_first_fill(sc, flow);
	return service_first_put(sc, flow->seen == CT_SEEN_ANSWERED);
}

int service_refresh_first(const struct ct_key *key, __u32 now, __u32 expires, int answered);

/*
 * The first entry lives as long as the second one, and is in the table of answered
 * flows with it.
 */
SUBPROGRAM int service_refresh_first(const struct ct_key *key, __u32 now, __u32 expires,
				     int answered)
{
	struct ct_hit first;

	if (!key)
		return 0;
	first = ct_find(key, now);
	if (first.entry) {
		if (first.entry->flags & CT_SERVICE)
			first.entry->expires = expires;
		return 1;
	}
	first = ct_find_new(key, now);
	if (!first.entry || !(first.entry->flags & CT_SERVICE))
		return 0;
	first.entry->expires = expires;
	if (!answered)
		return 1;
	first.entry->flags |= CT_ANSWERED;
	ct_promote(key, first);
	return 1;
}

/* The same, when @flow is that of an answer, translated, of a second entry with @flags. */
static __noinline void service_refresh(const struct flow *flow, __u32 flags, __u32 expires,
				       _Bool answered)
{
	struct ct_key key;

	ct_key_pack(&key, flow);
	if (flags & CT_BESIDE)
		ct_key_beside(&key);
	service_refresh_first(&key, flow->now, expires, answered);
}

/* The answer becomes one of the address that its opener has asked. */
static __always_inline void service_answer_become(struct flow *flow, struct ct_hit second)
{
	struct ct6_nat was;

	ct_nat_read(&was, second);
	flow_answer(flow, &was);
}

/* A second entry, after its packet was booked. */
struct service_passed {
	__u32 expires;
	__u32 flags;
	_Bool answer; /* the packet answers the connection, and its flow has become what that was */
};

/* The entry, which may be that of no service, lets the packet pass. */
static __always_inline void service_second_note(struct service_passed *ret, struct flow *flow,
						struct ct_hit hit)
{
	struct service_case *sc = service_case();

	ret->expires = hit.entry->expires;
	ret->flags = hit.entry->flags;
	ret->answer = 0;
	if (flow->flags & FLOW_TRANSLATED) {
		if (!sc)
			return;
		sc->expires = ret->expires;
		sc->answered = ret->flags & CT_ANSWERED;
	} else if (flow->flags & FLOW_ANSWER && ret->flags & CT_TRANSLATED) {
		ret->answer = 1;
		service_answer_become(flow, hit);
	}
}
