// SPDX-License-Identifier: Apache-2.0
/* What scenes may do to the world before a packet. */
#include "fixture.h"

#define REFUSE_ALL 15 /* rule set without rules, for pods that are isolated */

static void pod_unready(enum who pod)
{
	struct endpoint ep = endpoint_get(pod);

	ep.flags &= (uint16_t)~ENDPOINT_READY;
	endpoint_put(pod, &ep);
}

static void pod_refuses(enum who pod, enum policy_dir dir)
{
	struct ruleset rules = { .words = 1, .flags = RULESET_ISOLATED };
	uint32_t set = REFUSE_ALL;

	ck_assert_int_eq(engine_update("ruleset", &set, &rules), 0);
	for (uint32_t half = 0; half < 2; half++)
		endpoint_ruleset(pod, half, dir, set);
}

void a_is_gone(bool v6)
{
	endpoint_clear(POD_A);
}

void b_is_gone(bool v6)
{
	endpoint_clear(POD_B);
}

void a_is_not_ready(bool v6)
{
	pod_unready(POD_A);
}

void b_is_not_ready(bool v6)
{
	pod_unready(POD_B);
}

void no_policy_was_loaded(bool v6)
{
	generation_set(0);
}

void a_sends_to_nobody(bool v6)
{
	pod_refuses(POD_A, POLICY_EGRESS);
}

void b_hears_nobody(bool v6)
{
	pod_refuses(POD_B, POLICY_INGRESS);
}

void the_generation_turns(bool v6)
{
	struct node_state state;
	uint32_t zero = 0;

	ck_assert_int_eq(engine_lookup("state", &zero, &state), 0);
	generation_set(state.generation + 1);
}

void time_passes(bool v6)
{
	ct_expire_all();
}
