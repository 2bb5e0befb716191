/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Packets of connections to services that are known, answered and judged: there and
 * back.
 */
#pragma once

#include "lib/ct_book.h"
#include "lib/service_entry.h"
#include "lib/service_table.h"

/* What the look-up on the fast path has found, without pointers into the tables. */
struct service_step {
	struct ct6_nat nat; /* of the entry */
	__u32 backend;
	__u32 expires; /* of the second entry, when it has @moved */
	__u32 moved;
	__u32 flags; /* of the entry */
};

int service_fast_forward(struct flow *flow, const struct ct_key *key,
			 const struct service_step *step);

/* The client's packet, with the second entry as it should be. 0: there is something to ask. */
SUBPROGRAM int service_fast_forward(struct flow *flow, const struct ct_key *key,
				    const struct service_step *step)
{
	struct ct6_nat from;
	struct ct_hit second;
	struct ct_key other;
	__u32 expires;

	if (!flow || !key || !step || !backend_is_current(step->backend, step->nat.generation))
		return 0;
	flow_tuple(&from, flow);
	flow_become(flow, &step->nat);
	ct_key_pack(&other, flow);
	second = ct_find(&other, flow->now);
	if (!second.entry || second.entry->generation != flow->generation ||
	    !ct_was(second, &from)) {
		flow_return(flow, &from);
		return 0;
	}
	ct_place(flow, &other, second.entry);
	expires = second.entry->expires;
	ct_book(second.entry, flow, other.sender);
	if (second.entry->expires != expires)
		service_refresh_first(key, flow->now, second.entry->expires, 1);
	return 1;
}

int service_fast_answer(struct flow *flow, const struct service_step *step);

/* The answer is booked, and now it comes from where its opener has asked. */
SUBPROGRAM int service_fast_answer(struct flow *flow, const struct service_step *step)
{
	if (!flow || !step)
		return 0;
	flow_answer(flow, &step->nat);
	if (step->moved)
		service_refresh(flow, step->flags, step->expires, 1);
	return 1;
}

/* What a direct packet may not carry on: it would get the answers of somebody's service. */
static __always_inline _Bool service_is_foreign(const struct flow *flow, const struct ct_key *key,
						const struct ct_entry *entry)
{
	if (entry->flags & CT_SERVICE)
		return 1;
	if (!(entry->flags & CT_TRANSLATED) || entry->opener != key->sender)
		return 0;
	/* To a pod of this node it comes once more, from the stack that had to care for it. */
	return !(flow->flags & FLOW_TRANSLATED) &&
	       (!(flow->flags & FLOW_AT_EGRESS) || flow->flags & FLOW_FROM_SOCKET);
}

/* A packet of either entry, when nothing is left to ask. 0: there is. */
static __noinline int service_fast(struct flow *flow, const struct ct_key *key,
				   struct ct_entry *entry, __u64 wide)
{
	struct ct_hit hit = { entry, wide };
	struct service_step step;

	if (ct_is_outside(entry->flags))
		return 0;
	step.backend = entry->backend;
	step.expires = entry->expires;
	step.flags = entry->flags;
	if (entry->flags & CT_SERVICE) {
		if (flow->flags & FLOW_AT_EGRESS || entry->opener != key->sender)
			return 0;
		step.moved = 0;
		ct_nat_read(&step.nat, hit);
		return service_fast_forward(flow, key, &step);
	}
	if (service_is_foreign(flow, key, entry))
		return 0;
	ct_place(flow, key, entry);
	ct_book(entry, flow, key->sender);
	if (entry->opener == key->sender)
		return 1;
	step.moved = entry->expires != step.expires;
	step.expires = entry->expires;
	ct_nat_read(&step.nat, hit);
	return service_fast_answer(flow, &step);
}
