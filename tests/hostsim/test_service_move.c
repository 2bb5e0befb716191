// SPDX-License-Identifier: Apache-2.0
/*
 * A connection to a service becomes an answered one while another packet of it is on its way
 * on another CPU: wherever that one is, it goes where it would have gone.
 */
#include "engine_main.h"
#include "hostsim/engine_host.h"
#include "services.h"

#define WEB 1
#define LOOKS_MAX 16 /* more than any packet has */

#define PTR(...) (&(const struct packet)__VA_ARGS__)
#define ASKS(flags_) { FROM_POD, { PACKET_TCP, POD_A, VIP, 4000, 80, flags_ }, \
	.becomes = PTR({ PACKET_TCP, POD_A, POD_B, 4000, 8080, flags_ }) }
#define ANSWERS(flags_) { FROM_POD, { PACKET_TCP, POD_B, POD_A, 8080, 4000, flags_ }, \
	.becomes = PTR({ PACKET_TCP, VIP, POD_A, 80, 4000, flags_ }) }

static void connect_to_b(bool v6)
{
	const struct step syn = ASKS(SYN), answer = ANSWERS(SYN | ACK);

	world_reset();
	frontend_put(VIP, 80, 6, WEB, FRONTEND_WHOLE);
	backend_put(1, WEB, POD_B, 8080, BACKEND_IN_CLUSTER);
	set_put(WEB, SERVICE_CLUSTER, 1, 1);
	step_play(&syn, v6, "the opening");
	step_play(&answer, v6, "its answer");
}

static void move_meanwhile(const struct step *step, bool v6)
{
	bool moved = true;
	unsigned int looks;

	for (looks = 0; moved && looks < LOOKS_MAX; looks++) {
		connect_to_b(v6);
		sim_move(v6 ? "ct6_new" : "ct4_new", v6 ? "ct6" : "ct4", looks);
		step_play(step, v6, "a packet during which the connection is moved");
		moved = sim_move_end();
		step_play(step, v6, "another one after it");
	}
	ck_assert_uint_gt(looks, 2);
	ck_assert_uint_lt(looks, LOOKS_MAX);
}

START_TEST(the_client_s_packet_finds_its_backend)
{
	const struct step step = ASKS(ACK);

	move_meanwhile(&step, _i);
}
END_TEST

START_TEST(the_answer_comes_from_the_service)
{
	const struct step step = ANSWERS(SYN | ACK);

	move_meanwhile(&step, _i);
}
END_TEST

static const bool families[] = { false, true };

ENGINE_MAIN("service_move", CHECK_LOOP(the_client_s_packet_finds_its_backend, families),
	    CHECK_LOOP(the_answer_comes_from_the_service, families))
