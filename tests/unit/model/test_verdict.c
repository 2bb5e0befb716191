// SPDX-License-Identifier: Apache-2.0
#include <stdbool.h>

#include "lib/check_main.h"

#include "weir/verdict.h"

#define GROUPS 4
#define BITS (1U << GROUPS)
#define ACTIONS 3 /* deny, allow, pass */

/* Number @n of all rule sets of four groups that tier ends, actions and flags make. */
static struct ruleset ruleset_of(uint32_t n)
{
	struct ruleset set = { .words = 1 };

	set.flags = n % 2 ? RULESET_ISOLATED : 0;
	n /= 2;
	set.any_peer = n % BITS;
	n /= BITS;
	for (uint32_t i = 0; i < GROUPS; i++, n /= ACTIONS) {
		if (n % ACTIONS == 1)
			set.allow |= 1U << i;
		if (n % ACTIONS == 2)
			set.pass |= 1U << i;
	}
	set.tier_end[TIER_ADMIN] = n % (GROUPS + 1);
	n /= GROUPS + 1;
	set.tier_end[TIER_NETWORK_POLICY] = set.tier_end[TIER_ADMIN] + n % (GROUPS + 1);
	set.tier_end[TIER_BASELINE] = GROUPS;
	return set;
}

#define RULESETS (2 * BITS * 81 * (GROUPS + 1) * (GROUPS + 1))

START_TEST(what_is_settled_is_allowed_whatever_else_the_peer_is)
{
	uint32_t settled = 0;

	for (uint32_t n = 0; n < RULESETS; n++) {
		struct ruleset set = ruleset_of(n);
		uint32_t ports = n * 2654435761U >> 28, some = n * 40503U >> 12 & (BITS - 1);

		if (set.tier_end[TIER_NETWORK_POLICY] > GROUPS ||
		    !verdict_is_settled(&set, some, ports))
			continue;
		settled++;
		for (uint32_t more = 0; more < BITS; more++) {
			for (uint32_t itself = 0; itself < 2; itself++) {
				struct verdict_state state = { .itself = itself };

				ck_assert_int_eq(verdict_inline(&state, &set, some | more, ports),
						 VERDICT_ALLOW);
			}
		}
	}
	ck_assert_uint_gt(settled, RULESETS / 100);
}
END_TEST

static const struct {
	uint64_t peers;
	uint32_t flags;
	bool settled;
	const char *why;
} cases[] = {
	{ 0x1, 0, true, "the first group allows" },
	{ 0x4, 0, false, "the second, which denies, comes first if it is the peer's" },
	{ 0x8, 0, false, "so it does here" },
	{ 0x0, 0, false, "nothing is known of the peer" },
	{ 0x9, RULESET_ISOLATED, true, "the lowest counts" },
};

START_TEST(it_depends_on_the_groups_that_come_first)
{
	struct ruleset set = { .words = 1, .allow = 0xd, .flags = cases[_i].flags,
			       .tier_end = { 2, 3, 4 } };

	ck_assert_msg(verdict_is_settled(&set, cases[_i].peers, 0xf) == cases[_i].settled, "%s",
		      cases[_i].why);
}
END_TEST

/* The tier of NetworkPolicies ends with deny. */
START_TEST(a_later_tier_settles_nothing_for_an_isolated_pod)
{
	struct ruleset set = { .words = 1, .allow = 0xf, .flags = RULESET_ISOLATED,
			       .tier_end = { 0, 2, 4 } };

	ck_assert(verdict_is_settled(&set, 0x2, 0xf));
	ck_assert(!verdict_is_settled(&set, 0x4, 0xf));
	set.flags = 0;
	ck_assert(verdict_is_settled(&set, 0x4, 0xf));
}
END_TEST

CHECK_MAIN("verdict", CHECK_TEST(what_is_settled_is_allowed_whatever_else_the_peer_is),
	   CHECK_LOOP(it_depends_on_the_groups_that_come_first, cases),
	   CHECK_TEST(a_later_tier_settles_nothing_for_an_isolated_pod))
