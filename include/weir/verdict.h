/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The policy evaluation: one implementation for the kernel, `weir why` and tests.
 *
 * Tier by tier, the lowest rule group that is in the peer's bits as well as in
 * the port's bits decides: allow, deny, or pass to the next tier. The tier of
 * NetworkPolicies ends with deny when the rule set is isolated, unless the peer is
 * the pod itself; what no tier decides is allowed.
 *
 * A bit set is walked 64 groups at a time, lowest first: verdict_word() takes the
 * words of one position, and the state carries the tier over to the next. Words
 * without hits may be left out, but for the last one. How the words are fetched
 * is the caller's business. When they end before a decision (VERDICT_NEXT after
 * the last), the rule set is broken: refuse.
 */
#pragma once

#include "weir/policy.h"

enum verdict {
	VERDICT_NEXT = 0, /* not decided in this word */
	VERDICT_ALLOW,
	VERDICT_DENY,
	VERDICT_BROKEN, /* the rule set is not whole: refuse */
};

struct verdict_state {
	__u32 tier; /* enum policy_tier under evaluation; start with 0 */
	__u32 start; /* first group of that tier */
	__u64 bit; /* with @base: the group that decided; 0: a default did */
	__u32 base;
	__u32 itself; /* the peer is the pod: NetworkPolicies cannot keep it from itself */
};

/* The bits below @end, a group number, in the word whose first group is @base. */
static inline __attribute__((always_inline)) __u64 verdict_below(__u32 end, __u32 base)
{
	if (end <= base)
		return 0;
	if (end - base >= 64)
		return ~0ULL;
	return (1ULL << (end - base)) - 1;
}

/*
 * Judge the groups [@base, @base + 64): @hits is peers & ports, @allow and @pass
 * are the actions of the same groups.
 */
static inline __attribute__((always_inline)) enum verdict
verdict_word(struct verdict_state *state, const struct ruleset *set, __u32 base, __u64 hits,
	     __u64 allow, __u64 pass)
{
	__u64 mask, bit;
	__u32 tier;

	hits &= ~verdict_below(state->start, base);
	for (tier = 0; tier < TIER_MAX; tier++) {
		/* Verifier: counted from 0, so that the loop unrolls and the index is constant. */
		if (tier < state->tier)
			continue;
		mask = verdict_below(set->tier_end[tier], base);
		bit = hits & mask;
		bit &= -bit;
		if (bit & ~pass) {
			state->base = base;
			state->bit = bit;
			return allow & bit ? VERDICT_ALLOW : VERDICT_DENY;
		}
		if (!bit && set->tier_end[tier] > base + 64)
			break;
		if (!bit && tier == TIER_NETWORK_POLICY && (set->flags & RULESET_ISOLATED) &&
		    !state->itself)
			return VERDICT_DENY;
		hits &= ~mask;
		state->start = set->tier_end[tier];
	}
	state->tier = tier;
	return tier < TIER_MAX ? VERDICT_NEXT : VERDICT_ALLOW;
}

/* A rule set whose bit sets stand in the values themselves (words == 1). */
static inline __attribute__((always_inline)) enum verdict
verdict_inline(struct verdict_state *state, const struct ruleset *set, __u64 peers, __u64 ports)
{
	return verdict_word(state, set, 0, (set->any_peer | peers) & ports, set->allow, set->pass);
}

/*
 * Whether such a rule set allows already because of @peers, some of the peer's bits,
 * whatever its others are: no group that comes earlier does anything else, and no
 * default comes earlier. What else would be looked up need not be.
 */
static inline __attribute__((always_inline)) _Bool
verdict_is_settled(const struct ruleset *set, __u64 peers, __u64 ports)
{
	__u64 hits = (set->any_peer | peers) & ports;
	__u64 bit = hits & -hits;

	if (!(bit & set->allow) || ports & (bit - 1) & ~set->allow)
		return 0;
	return !(set->flags & RULESET_ISOLATED) ||
	       bit & verdict_below(set->tier_end[TIER_NETWORK_POLICY], 0);
}
