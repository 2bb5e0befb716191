// SPDX-License-Identifier: Apache-2.0
/*
 * Masquerade in time: the entries of a connection end together, whoever goes on. And ports
 * that sockets of the node have.
 */
#include "engine_main.h"
#include "hostsim/engine_host.h"
#include "weir/masquerade.h"

#define PORTS 4

static const struct packet
	sent = { PACKET_UDP, POD_A, WORLD, 4000, 80 },
	came_to = { PACKET_UDP, WORLD, HOST, 80, SOURCE_PORT },
	got = { PACKET_UDP, WORLD, POD_A, 80, 4000 };

/* Sends what the pod sends out of the node: the port that it has there, 0: it is refused. */
static uint16_t port_of(const struct packet *packet, bool v6)
{
	size_t l4 = v6 ? 54 : 34;
	struct frame frame;
	struct engine_run run = { .program = FROM_POD, .ifindex = ifindex_of(packet->src),
				  .ingress_ifindex = ifindex_of(packet->src), .frame = &frame };

	packet_build(&frame, packet, v6);
	ck_assert(engine_run(&run));
	ck_assert_int_eq(run.action, 0); /* TC_ACT_OK */
	run.program = TO_WIRE;
	run.ifindex = engine_ifindex(0);
	ck_assert(engine_run(&run));
	if (run.action)
		return 0;
	ck_assert(frame_checksums_fit(&frame));
	return (uint16_t)(frame.data[l4] << 8 | frame.data[l4 + 1]);
}

static void answer_to(uint16_t port, bool v6, const char *where)
{
	struct packet came = came_to;

	came.dport = port;
	step_play(&(struct step){ FROM_WIRE, came, .becomes = &got }, v6, where);
}

static uint16_t begin(bool v6)
{
	uint16_t port;

	world_reset();
	sim_socket(0);
	masquerade_set(MASQUERADE_ON, HOST);
	port = port_of(&sent, v6);
	ck_assert_uint_ge(port, SOURCE_PORT);
	ck_assert_uint_lt(port, SOURCE_PORT + PORTS);
	return port;
}

START_TEST(questions_keep_the_port)
{
	uint16_t port = begin(_i);

	for (int i = 0; i < 5; i++) {
		sim_time_passes(25000);
		ck_assert_uint_eq(port_of(&sent, _i), port);
	}
	answer_to(port, _i, "an answer long after");
	for (int i = 0; i < 5; i++) {
		sim_time_passes(170000);
		ck_assert_uint_eq(port_of(&sent, _i), port);
	}
	answer_to(port, _i, "another one");
}
END_TEST

START_TEST(answers_keep_the_port)
{
	uint16_t port = begin(_i);

	for (int i = 0; i < 5; i++) {
		answer_to(port, _i, "an answer");
		sim_time_passes(170000);
	}
	ck_assert_uint_eq(port_of(&sent, _i), port);
}
END_TEST

START_TEST(both_entries_end_together)
{
	uint16_t port = begin(_i);
	struct packet came = came_to;

	came.dport = port;
	answer_to(port, _i, "an answer");
	sim_time_passes(183000);
	step_play(&(struct step){ FROM_WIRE, came, .fate = TO_STACK }, _i, "after its time");
}
END_TEST

/* A pod's port is mapped to one and the same towards all, which others are told. */
START_TEST(a_pods_port_keeps_its_port_towards_others)
{
	struct packet other = sent;
	uint16_t port = begin(_i);

	other.dst = WORLD_2;
	ck_assert_uint_eq(port_of(&other, _i), port);
	other.dst = NODE;
	ck_assert_uint_eq(port_of(&other, _i), port);
	/* Even when it was forgotten. */
	ct_expire_all();
	ck_assert_uint_eq(port_of(&sent, _i), port);
}
END_TEST

START_TEST(each_of_a_destination_has_its_own)
{
	bool had[PORTS] = {};
	uint16_t port = begin(_i);
	struct packet other = sent;

	answer_to(port, _i, "an answer");
	had[port - SOURCE_PORT] = true;
	for (int i = 1; i < PORTS; i++) {
		other.src = i % 2 ? POD_B : POD_A;
		other.sport = (uint16_t)(4000 + i / 2);
		port = port_of(&other, _i);
		ck_assert_uint_ge(port, SOURCE_PORT);
		ck_assert_msg(!had[port - SOURCE_PORT], "port %u twice", port);
		had[port - SOURCE_PORT] = true;
	}
	/* Those without an answer may still get one, and then there is nothing else left. */
	other.sport = 5000;
	ck_assert_uint_eq(port_of(&other, _i), 0);
	sim_time_passes(5000);
	port = port_of(&other, _i);
	ck_assert_uint_ge(port, SOURCE_PORT);
	ck_assert_uint_eq(ct_count(map_of("ct", _i, "_new")), 2 * (PORTS - 1));
}
END_TEST

START_TEST(a_port_of_a_socket_is_not_taken)
{
	uint16_t port = begin(_i);
	struct packet other = sent;

	sim_socket(port);
	/* Who has it keeps it, others have others. */
	ck_assert_uint_eq(port_of(&sent, _i), port);
	for (uint16_t i = 0; i < 20; i++) {
		other.sport = 5000 + i;
		other.dport = 100 + i;
		ck_assert_uint_ne(port_of(&other, _i), port);
		ck_assert_uint_ge(port_of(&other, _i), SOURCE_PORT);
	}
	sim_socket(0);
}
END_TEST

START_TEST(a_lost_entry_of_the_outside_is_made_again)
{
	uint16_t port = begin(_i);
	struct ct6_value value;
	uint8_t key[sizeof(struct ct6_key)];
	const char *table = map_of("ct", _i, "_new");

	/* Other packets have pushed it out. */
	for (int r = engine_next(table, NULL, key); !r; r = engine_next(table, key, key)) {
		ck_assert_int_eq(engine_lookup(table, key, &value), 0);
		if (ct_is_outside(value.entry.flags))
			break;
	}
	ck_assert_int_eq(engine_delete(table, key), 0);
	sim_time_passes(2000);
	ck_assert_uint_eq(port_of(&sent, _i), port);
	answer_to(port, _i, "an answer");
}
END_TEST

#define TWICE(test) { #test, test, 2 }

int main(void)
{
	const struct check_row rows[] = {
		TWICE(questions_keep_the_port),
		TWICE(answers_keep_the_port),
		TWICE(both_entries_end_together),
		TWICE(a_pods_port_keeps_its_port_towards_others),
		TWICE(each_of_a_destination_has_its_own),
		TWICE(a_port_of_a_socket_is_not_taken),
		TWICE(a_lost_entry_of_the_outside_is_made_again),
	};
	struct node_config config = engine_config;

	for (int i = 0; i < MASQUERADE_KINDS; i++)
		config.masquerade_ports[i].count = PORTS;
	return engine_main("masquerade_time", &config, rows, CHECK_COUNT(rows));
}
