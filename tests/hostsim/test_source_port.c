// SPDX-License-Identifier: Apache-2.0
/*
 * Which connection loses its source port when none is free: time decides. The node of these
 * tests has four of them, and all are tried.
 */
#include "engine_main.h"
#include "hostsim/engine_host.h"
#include "services.h"

#define WEB 1
#define NODE_PORT 30080
#define PORTS 4

static void web_away(void)
{
	world_reset();
	frontend_put(HOST, NODE_PORT, 6, WEB, FRONTEND_EXTERNAL);
	frontend_put(HOST, NODE_PORT, 17, WEB, FRONTEND_EXTERNAL);
	backend_put(1, WEB, POD_AWAY, 8080, BACKEND_IN_CLUSTER);
	set_put(WEB, SERVICE_CLUSTER, 1, 1);
}

static struct packet opening(enum packet_kind kind, uint16_t sport)
{
	return (struct packet){ kind, WORLD, HOST, sport, NODE_PORT, kind == PACKET_TCP ? SYN : 0 };
}

/* From the uplink on to somebody else. False: for want of a port it was refused. */
static bool goes_on(const struct packet *packet, struct frame *out, bool v6)
{
	uint64_t refused = engine_metric(metric_index(DROP_SERVICE_PORTS, POLICY_INGRESS));
	struct engine_run run = { .program = FROM_WIRE, .ifindex = engine_ifindex(0),
				  .ingress_ifindex = engine_ifindex(0), .frame = out };

	packet_build(out, packet, v6);
	ck_assert(engine_run(&run));
	if (engine_metric(metric_index(DROP_SERVICE_PORTS, POLICY_INGRESS)) != refused)
		return false;
	ck_assert_int_eq(run.action, 7); /* TC_ACT_REDIRECT */
	return true;
}

/* The source port that the client's @sport has got now, 0: it was refused. */
static uint16_t open_from(enum packet_kind kind, uint16_t sport, bool v6)
{
	struct packet packet = opening(kind, sport);
	size_t l4 = v6 ? 54 : 34;
	struct frame out;

	if (!goes_on(&packet, &out, v6))
		return 0;
	return (uint16_t)(out.data[l4] << 8 | out.data[l4 + 1]);
}

static bool is_known(enum packet_kind kind, uint16_t sport, bool v6)
{
	struct packet packet = opening(kind, sport);
	struct ct_entry entry;

	return ct_get("_new", &entry, &packet, v6);
}

/* All ports are taken, by clients' ports 4000 on, one after the other. */
static void take_all(enum packet_kind kind, uint32_t seconds_between, bool v6)
{
	for (uint16_t i = 0; i < PORTS; i++) {
		ck_assert(open_from(kind, 4000 + i, v6));
		sim_time_passes(seconds_between * 1000);
	}
}

START_TEST(who_has_waited_longest_loses_it)
{
	uint16_t first;

	web_away();
	first = open_from(PACKET_TCP, 4000, _i);
	sim_time_passes(1000);
	for (uint16_t i = 1; i < PORTS; i++) {
		ck_assert(open_from(PACKET_TCP, 4000 + i, _i));
		sim_time_passes(1000);
	}
	ck_assert_uint_eq(open_from(PACKET_TCP, 5000, _i), first);
	for (uint16_t i = 0; i < PORTS; i++)
		ck_assert_int_eq(is_known(PACKET_TCP, 4000 + i, _i), i != 0);
}
END_TEST

START_TEST(who_has_just_asked_again_keeps_it)
{
	web_away();
	take_all(PACKET_TCP, 2, _i);
	ck_assert(open_from(PACKET_TCP, 4000, _i));
	ck_assert(open_from(PACKET_TCP, 5000, _i));
	for (uint16_t i = 0; i < PORTS; i++)
		ck_assert_int_eq(is_known(PACKET_TCP, 4000 + i, _i), i != 1);
}
END_TEST

/* Nothing in a datagram tells whose answer it is. */
START_TEST(datagrams_are_waited_for)
{
	uint64_t before = engine_metric(metric_index(DROP_SERVICE_PORT_LOST, POLICY_INGRESS));

	web_away();
	take_all(PACKET_UDP, 0, _i);
	sim_time_passes(4000);
	ck_assert(!open_from(PACKET_UDP, 5000, _i));
	ck_assert(open_from(PACKET_UDP, 4003, _i));
	sim_time_passes(2000);
	for (uint16_t i = 0; i < 3; i++)
		ck_assert(open_from(PACKET_UDP, 5000 + i, _i));
	ck_assert(is_known(PACKET_UDP, 4003, _i));
	ck_assert(!open_from(PACKET_UDP, 5003, _i));
	ck_assert_uint_eq(engine_metric(metric_index(DROP_SERVICE_PORT_LOST, POLICY_INGRESS)),
			  before + 3);
}
END_TEST

START_TEST(datagrams_that_were_answered_keep_it)
{
	struct packet reply = { PACKET_UDP, POD_AWAY, HOST, 8080, 0 };
	struct frame out;

	web_away();
	for (uint16_t i = 0; i < PORTS; i++) {
		reply.dport = open_from(PACKET_UDP, 4000 + i, _i);
		ck_assert(goes_on(&reply, &out, _i));
	}
	sim_time_passes(100000);
	ck_assert(!open_from(PACKET_UDP, 5000, _i));
	/* Nothing was moved either. */
	ck_assert_uint_eq(open_from(PACKET_UDP, 4003, _i), reply.dport);
}
END_TEST

static const bool families[] = { false, true };

int main(void)
{
	const struct check_row rows[] = {
		CHECK_LOOP(who_has_waited_longest_loses_it, families),
		CHECK_LOOP(who_has_just_asked_again_keeps_it, families),
		CHECK_LOOP(datagrams_are_waited_for, families),
		CHECK_LOOP(datagrams_that_were_answered_keep_it, families),
	};
	struct node_config config = engine_config;

	config.source_ports = PORTS;
	return engine_main("source_port", &config, rows, CHECK_COUNT(rows));
}
