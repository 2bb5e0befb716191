// SPDX-License-Identifier: Apache-2.0
/*
 * Source ports of connections from outside that go on to another node: each has one of its
 * own for the same backend. The node of this test has two.
 */
#include <arpa/inet.h>

#include "engine_main.h"
#include "services.h"

#define WEB 1

static void web_away(bool v6)
{
	frontend_put(HOST, 30080, 6, WEB, FRONTEND_EXTERNAL);
	frontend_put(HOST, 30080, 17, WEB, FRONTEND_EXTERNAL);
	backend_put(1, WEB, POD_AWAY, 8080, BACKEND_IN_CLUSTER);
	set_put(WEB, SERVICE_CLUSTER, 1, 1);
}

/* The source port that a frame leaves with. */
static uint16_t source_port(const struct frame *out, bool v6)
{
	size_t l4 = v6 ? 54 : 34;

	return (uint16_t)(out->data[l4] << 8 | out->data[l4 + 1]);
}

/* Sends @packet in at the uplink; the reason for which it is refused. */
static int refusal_of(const struct packet *packet, struct frame *out, bool v6)
{
	uint64_t before = engine_metric(metric_index(DROP_SERVICE_PORTS, POLICY_INGRESS));
	struct engine_run run = { .program = FROM_WIRE, .ifindex = engine_ifindex(0),
				  .ingress_ifindex = engine_ifindex(0), .frame = out };

	packet_build(out, packet, v6);
	ck_assert(engine_run(&run));
	if (engine_metric(metric_index(DROP_SERVICE_PORTS, POLICY_INGRESS)) != before)
		return DROP_SERVICE_PORTS;
	ck_assert_int_eq(run.action, 7); /* TC_ACT_REDIRECT */
	return DROP_NONE;
}

static uint16_t port_for(enum packet_kind kind, enum who who, uint16_t sport, bool v6)
{
	struct packet packet = { kind, who, HOST, sport, 30080, kind == PACKET_TCP ? SYN : 0 };
	struct frame out;

	if (refusal_of(&packet, &out, v6))
		return 0;
	ck_assert(frame_checksums_fit(&out));
	return source_port(&out, v6);
}

/* The answer to @port gets to @who. @flags: of TCP, 0: it is UDP. */
static void expect_answer(uint16_t port, enum who who, uint16_t sport, uint8_t flags, bool v6)
{
	enum packet_kind kind = flags ? PACKET_TCP : PACKET_UDP;
	struct packet reply = { kind, POD_AWAY, HOST, 8080, port, flags };
	struct packet answer = { kind, HOST, who, 30080, sport, flags, .hops = 63 };
	struct frame out, wanted;

	ck_assert_int_eq(refusal_of(&reply, &out, v6), DROP_NONE);
	packet_build(&wanted, &answer, v6);
	ck_assert_mem_eq(out.data + 14, wanted.data + 14, wanted.len - 14);
}

static const bool families[] = { false, true };

START_TEST(each_client_has_a_port_of_its_own)
{
	bool v6 = families[_i];
	uint16_t first, second;

	world_reset();
	web_away(v6);
	first = port_for(PACKET_UDP, WORLD, 4000, v6);
	second = port_for(PACKET_UDP, WORLD_2, 4000, v6);
	ck_assert_uint_ge(first, SOURCE_PORT);
	ck_assert_uint_le(first, SOURCE_PORT + 1);
	ck_assert_uint_eq(second, 2 * SOURCE_PORT + 1 - first);
	expect_answer(first, WORLD, 4000, 0, v6);
	expect_answer(second, WORLD_2, 4000, 0, v6);
	/* Who has one keeps it. */
	ck_assert_uint_eq(port_for(PACKET_UDP, WORLD, 4000, v6), first);
}
END_TEST

START_TEST(when_all_are_taken_the_next_one_is_refused)
{
	bool v6 = families[_i];

	world_reset();
	web_away(v6);
	ck_assert(port_for(PACKET_UDP, WORLD, 4000, v6));
	ck_assert(port_for(PACKET_UDP, WORLD, 4001, v6));
	ck_assert(!port_for(PACKET_UDP, WORLD, 4002, v6));
	/* Of another protocol none is taken. */
	ck_assert(port_for(PACKET_TCP, WORLD, 4002, v6));
	ct_expire_all();
	ck_assert(port_for(PACKET_UDP, WORLD, 4002, v6));
}
END_TEST

#define FROM_CLIENT(who, port, bits) { PACKET_TCP, who, HOST, port, 30080, bits }

/* How many connections have lost their source port. */
static uint64_t ports_lost(void)
{
	return engine_metric(metric_index(DROP_SERVICE_PORT_LOST, POLICY_INGRESS));
}

static bool is_known(enum who who, uint16_t sport, bool v6)
{
	struct packet packet = FROM_CLIENT(who, sport, SYN);
	struct ct_entry entry;

	return ct_get("_new", &entry, &packet, v6) || ct_get("", &entry, &packet, v6);
}

/* A packet of @who's connection leaves from source port @port. */
static void expect_on(enum who who, uint16_t sport, uint8_t bits, uint16_t port, bool v6)
{
	struct packet packet = FROM_CLIENT(who, sport, bits);
	struct packet on = { PACKET_TCP, HOST, POD_AWAY, port, 8080, bits };

	step_play(&(struct step){ FROM_WIRE, packet, .fate = TO_WORLD, .becomes = &on }, v6, "on");
}

static void expect_refused(enum who who, uint16_t sport, uint8_t bits, enum drop_reason why,
			   bool v6)
{
	struct packet packet = FROM_CLIENT(who, sport, bits);

	step_play(&(struct step){ FROM_WIRE, packet, why, .rejected = bits == ACK }, v6, "refused");
}

/* A whole handshake: the source port that it has. */
static uint16_t connect_from(enum who who, uint16_t sport, bool v6)
{
	uint16_t port = port_for(PACKET_TCP, who, sport, v6);

	ck_assert(port);
	expect_answer(port, who, sport, SYN | ACK, v6);
	expect_on(who, sport, ACK, port, v6);
	return port;
}

START_TEST(an_unanswered_connection_loses_its_port_to_a_new_one)
{
	uint64_t before = ports_lost();
	bool v6 = families[_i];
	uint16_t taken, lost;

	world_reset();
	web_away(v6);
	ck_assert(port_for(PACKET_TCP, WORLD, 4000, v6));
	ck_assert(port_for(PACKET_TCP, WORLD, 4001, v6));
	ck_assert_uint_eq(ports_lost(), before);
	taken = port_for(PACKET_TCP, WORLD_2, 4000, v6);
	ck_assert(taken);
	ck_assert_uint_eq(ports_lost(), before + 1);
	ck_assert(is_known(WORLD, 4000, v6) != is_known(WORLD, 4001, v6));
	lost = is_known(WORLD, 4000, v6) ? 4001 : 4000;

	/* What was said to the one that lost goes to nobody but the new client, who resets it. */
	expect_answer(taken, WORLD_2, 4000, SYN | ACK, v6);
	expect_on(WORLD_2, 4000, RST, taken, v6);
	/* The one that lost is told so, and may begin again: what was reset has left a port. */
	expect_refused(WORLD, lost, ACK, DROP_SERVICE_BACKEND_GONE, v6);
	ck_assert(port_for(PACKET_TCP, WORLD, lost, v6));
	ck_assert(is_known(WORLD, lost, v6));
}
END_TEST

START_TEST(an_answered_connection_keeps_its_port)
{
	uint64_t before = ports_lost();
	bool v6 = families[_i];
	uint16_t first, second;

	world_reset();
	web_away(v6);
	first = connect_from(WORLD, 4000, v6);
	second = port_for(PACKET_TCP, WORLD, 4001, v6);
	ck_assert_uint_eq(second, 2 * SOURCE_PORT + 1 - first);
	for (uint16_t i = 0; i < 32; i++)
		ck_assert_uint_eq(port_for(PACKET_TCP, WORLD_2, 4000 + i, v6), second);
	ck_assert_uint_eq(ports_lost(), before + 32);
	expect_on(WORLD, 4000, ACK, first, v6);
	expect_answer(first, WORLD, 4000, ACK, v6);

	/* The last one is answered, so there is nothing left to take. */
	expect_answer(second, WORLD_2, 4031, SYN | ACK, v6);
	expect_on(WORLD_2, 4031, ACK, second, v6);
	for (uint16_t i = 0; i < 32; i++)
		expect_refused(WORLD_2, 5000 + i, SYN, DROP_SERVICE_PORTS, v6);
	expect_on(WORLD, 4000, ACK, first, v6);
	expect_on(WORLD_2, 4031, ACK, second, v6);
	ck_assert_uint_eq(ports_lost(), before + 32);
}
END_TEST

START_TEST(a_flood_costs_no_answered_connection)
{
	bool v6 = families[_i];
	struct packet ack = { PACKET_TCP, WORLD, POD_B, 4000, 8080, ACK };

	world_reset();
	web_away(v6);
	backend_put(1, WEB, POD_B, 8080, BACKEND_IN_CLUSTER);
	step_play(&(struct step){ FROM_WIRE, { PACKET_TCP, WORLD, HOST, 4000, 30080, SYN },
		  .becomes = &(struct packet){ PACKET_TCP, WORLD, POD_B, 4000, 8080, SYN } },
		  v6, "opening");
	step_play(&(struct step){ FROM_POD, { PACKET_TCP, POD_B, WORLD, 8080, 4000, SYN | ACK },
		  .fate = TO_STACK, .marked = true }, v6, "answer");
	step_play(&(struct step){ FROM_WIRE, { PACKET_TCP, WORLD, HOST, 4000, 30080, ACK },
		  .becomes = &ack }, v6, "confirmation");
	for (uint16_t i = 0; i < 8 * ENGINE_CT_MAX; i++) {
		struct packet flood = { PACKET_TCP, WORLD_2, HOST, 1024 + i, 30080, SYN };
		struct frame out;

		refusal_of(&flood, &out, v6);
	}
	step_play(&(struct step){ FROM_WIRE, { PACKET_TCP, WORLD, HOST, 4000, 30080, ACK },
		  .becomes = &ack }, v6, "after the flood");
	step_play(&(struct step){ FROM_POD, { PACKET_TCP, POD_B, WORLD, 8080, 4000, ACK },
		  .fate = TO_STACK, .marked = true }, v6, "answer after the flood");
}
END_TEST

int main(void)
{
	const struct check_row rows[] = {
		CHECK_LOOP(each_client_has_a_port_of_its_own, families),
		CHECK_LOOP(when_all_are_taken_the_next_one_is_refused, families),
		CHECK_LOOP(an_unanswered_connection_loses_its_port_to_a_new_one, families),
		CHECK_LOOP(an_answered_connection_keeps_its_port, families),
		CHECK_LOOP(a_flood_costs_no_answered_connection, families),
	};
	struct node_config config = engine_config;

	config.source_ports = 2;
	return engine_main("uplink_ports", &config, rows, CHECK_COUNT(rows));
}
