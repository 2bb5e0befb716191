// SPDX-License-Identifier: Apache-2.0
/* A fixed walk through random packets and events. */
#include "engine_main.h"
#include "hostsim/fuzz_one.h"

#define ROUNDS 250
#define INPUT_LEN 1024

static uint64_t next(uint64_t *state)
{
	/* splitmix64 */
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static const uint64_t seeds[] = { 1, 2, 3, 4 };

static void walk(uint64_t state, bool wild)
{
	uint8_t input[INPUT_LEN];

	for (int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < sizeof(input); i++)
			input[i] = (uint8_t)next(&state);
		fuzz_one(input, sizeof(input), wild);
	}
}

START_TEST(random_packets_break_nothing)
{
	walk(seeds[_i], false);
}
END_TEST

START_TEST(random_maps_and_services_break_nothing)
{
	walk(seeds[_i], true);
}
END_TEST

/* So that the walk is known to get anywhere. */
START_TEST(random_packets_see_most_reasons)
{
	int seen = 0;

	walk(seeds[0], false);
	for (uint32_t reason = 0; reason < DROP_REASON_MAX; reason++)
		seen += engine_metric(metric_index(reason, POLICY_EGRESS)) +
			engine_metric(metric_index(reason, POLICY_INGRESS)) > 0;
	ck_assert_int_ge(seen, 16);
}
END_TEST

ENGINE_MAIN("fuzz", CHECK_LOOP(random_packets_break_nothing, seeds),
	    CHECK_LOOP(random_maps_and_services_break_nothing, seeds),
	    CHECK_TEST(random_packets_see_most_reasons))
