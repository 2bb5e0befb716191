// SPDX-License-Identifier: Apache-2.0
/* What waited for its first fragment arrives as it was. */
#include <string.h>

#include "engine_main.h"
#include "hostsim/engine_host.h"

/* Of either side of an interface: shorter and longer than the first one. */
static const struct {
	enum program program;
	enum fate fate;
	uint16_t payload;
} rows[] = {
	{ FROM_POD, TO_PEER, 8 },	{ FROM_POD, TO_PEER, 64 },   { FROM_POD, TO_PEER, 1400 },
	{ FROM_WIRE, TO_PEER, 8 },	{ FROM_WIRE, TO_PEER, 1400 },
	{ TO_POD, TO_STACK, 8 },	{ TO_POD, TO_STACK, 1400 },
};

START_TEST(a_fragment_arrives_as_it_was)
{
	enum program program = rows[_i / 2].program;
	enum who src = program == FROM_POD ? POD_A : WORLD;
	const struct step later = { program, { PACKET_UDP, src, POD_B, 4000, 53, .id = 7,
					       .offset = 72, .payload = rows[_i / 2].payload },
				    DROP_FRAGMENT_HELD };
	const struct step first = { program, { PACKET_UDP, src, POD_B, 4000, 53, .id = 7,
					       .more = true, .payload = 64 },
				    .fate = rows[_i / 2].fate, .released = 1 };
	unsigned int before = sim_clones()->count;
	struct frame frame;

	world_reset();
	step_play(&later, _i % 2, "the later fragment");
	step_play(&first, _i % 2, "the first fragment");
	ck_assert_uint_eq(sim_clones()->count, before + 1);
	packet_build(&frame, &later.packet, _i % 2);
	ck_assert_uint_eq(sim_clones()->last.len, frame.len);
	ck_assert_mem_eq(sim_clones()->last.data, frame.data, frame.len);
}
END_TEST

ENGINE_MAIN("held", SCENES(a_fragment_arrives_as_it_was, rows))
