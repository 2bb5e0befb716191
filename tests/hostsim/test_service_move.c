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

#define NODE_PORT 30080

#define FROM_OUTSIDE(fate_, ...) { FROM_WIRE, { PACKET_TCP, WORLD, HOST, 4000, NODE_PORT, SYN }, \
	.fate = fate_, .becomes = PTR(__VA_ARGS__) }
#define LEAVES(who, ...) { TO_WIRE, { PACKET_TCP, who, WORLD, 8080, 4000, SYN | ACK }, \
	.fate = TO_STACK, .becomes = PTR({ PACKET_TCP, HOST, WORLD, NODE_PORT, 4000, SYN | ACK }), \
	__VA_ARGS__ }

static void node_port_at(enum who who)
{
	world_reset();
	frontend_put(HOST, NODE_PORT, 6, WEB, FRONTEND_EXTERNAL);
	backend_put(1, WEB, who, 8080, BACKEND_IN_CLUSTER);
	set_put(WEB, SERVICE_CLUSTER, 1, 1);
}

static void connect_far(bool v6)
{
	const struct step syn = FROM_OUTSIDE(TO_WORLD, { PACKET_TCP, HOST, POD_AWAY, SOURCE_PORT,
							 8080, SYN });

	node_port_at(POD_AWAY);
	step_play(&syn, v6, "the opening");
}

static void connect_to_pod(bool v6)
{
	const struct step syn = FROM_OUTSIDE(TO_PEER, { PACKET_TCP, WORLD, POD_B, 4000, 8080,
							SYN });

	node_port_at(POD_B);
	step_play(&syn, v6, "the opening");
}

static void connect_to_host(bool v6)
{
	const struct step syn = FROM_OUTSIDE(TO_STACK, { PACKET_TCP, WORLD, HOST, 4000, 8080,
							 SYN });

	node_port_at(HOST);
	step_play(&syn, v6, "the opening");
}

static void move_meanwhile(void (*connect)(bool v6), const struct step *step, bool v6)
{
	bool moved = true;
	unsigned int looks;

	for (looks = 0; moved && looks < LOOKS_MAX; looks++) {
		connect(v6);
		sim_move(v6 ? "ct6_new" : "ct4_new", v6 ? "ct6" : "ct4", looks);
		step_play(step, v6, "a packet during which the connection is moved");
		moved = sim_move_end();
		step_play(step, v6, "another one after it");
	}
	ck_assert_uint_gt(looks, 1);
	ck_assert_uint_lt(looks, LOOKS_MAX);
}

START_TEST(the_client_s_packet_finds_its_backend)
{
	const struct step step = ASKS(ACK);

	move_meanwhile(connect_to_b, &step, _i);
}
END_TEST

START_TEST(the_answer_comes_from_the_service)
{
	const struct step step = ANSWERS(SYN | ACK);

	move_meanwhile(connect_to_b, &step, _i);
}
END_TEST

START_TEST(the_answer_from_elsewhere_goes_to_its_client)
{
	const struct step step = { FROM_WIRE,
		{ PACKET_TCP, POD_AWAY, HOST, 8080, SOURCE_PORT, SYN | ACK }, .fate = TO_WORLD,
		.becomes = PTR({ PACKET_TCP, HOST, WORLD, NODE_PORT, 4000, SYN | ACK }) };

	move_meanwhile(connect_far, &step, _i);
}
END_TEST

START_TEST(a_pod_s_answer_leaves_as_the_service_s)
{
	const struct step step = LEAVES(POD_B, .marked = true);

	move_meanwhile(connect_to_pod, &step, _i);
}
END_TEST

START_TEST(a_socket_s_answer_leaves_as_the_service_s)
{
	const struct step step = LEAVES(HOST, .from_socket = true);

	move_meanwhile(connect_to_host, &step, _i);
}
END_TEST

static const bool families[] = { false, true };

ENGINE_MAIN("service_move", CHECK_LOOP(the_client_s_packet_finds_its_backend, families),
	    CHECK_LOOP(the_answer_comes_from_the_service, families),
	    CHECK_LOOP(the_answer_from_elsewhere_goes_to_its_client, families),
	    CHECK_LOOP(a_pod_s_answer_leaves_as_the_service_s, families),
	    CHECK_LOOP(a_socket_s_answer_leaves_as_the_service_s, families))
