// SPDX-License-Identifier: Apache-2.0
/*
 * A device that sums up the whole packet (CHECKSUM_COMPLETE): after a program has changed the
 * packet the sum is what it is told to be, or the receiver thinks that it was damaged.
 */
#include "engine_main.h"
#include "hostsim/shim.h"

static const struct {
	enum program via;
	struct packet packet;
} rows[] = {
	{ FROM_WIRE, { PACKET_TCP, WORLD, POD_B, 4000, 8080, SYN } },
	{ FROM_WIRE, { PACKET_UDP, POD_AWAY, POD_B, 4000, 8080, .payload = 33 } },
	{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 8080, .hops = 2 } },
};

/* Of the IP packet, as the device takes it; 0 and 0xffff are the same. */
static uint32_t sum_of(const struct frame *frame, uint64_t sum)
{
	for (size_t i = 14; i + 1 < frame->len; i += 2)
		sum += (uint32_t)(frame->data[i] | frame->data[i + 1] << 8);
	if (frame->len & 1)
		sum += frame->data[frame->len - 1];
	return (uint32_t)(sum % 0xffff);
}

START_TEST(the_sum_follows_the_packet)
{
	struct frame frame, before;
	struct engine_run run = { .program = rows[_i / 2].via, .frame = &frame,
				  .ifindex = engine_ifindex(0),
				  .ingress_ifindex = engine_ifindex(0) };

	world_reset();
	if (run.program == FROM_POD)
		run.ifindex = run.ingress_ifindex = ifindex_of(POD_A);
	packet_build(&frame, &rows[_i / 2].packet, _i % 2);
	before = frame;
	sim.csum = 0;
	ck_assert(engine_run(&run));
	ck_assert_uint_eq(run.redirect, ifindex_of(POD_B));
	ck_assert_uint_eq(sum_of(&before, sim.csum), sum_of(&frame, 0));
}
END_TEST

ENGINE_MAIN("complete", SCENES(the_sum_follows_the_packet, rows))
