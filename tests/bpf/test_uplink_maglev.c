// SPDX-License-Identifier: Apache-2.0
/* What comes from outside finds the same backend at every node, and in the middle as well. */
#include <arpa/inet.h>
#include <string.h>

#include "engine_main.h"
#include "ruleset.h"
#include "model/maglev.h"
#include "services.h"

#define WEB 1
#define SIZE 2039
#define BACKENDS 10
#define FLOWS 2000
#define PORT_FIRST 8000 /* of the backends */

/* How a node numbers the backends. */
struct node {
	uint32_t first;
	bool backwards;
};

static uint32_t number_on(const struct node *node, uint32_t backend)
{
	return node->first + (node->backwards ? BACKENDS - 1 - backend : backend);
}

/* The tables of a node, as its agent makes them; without backend @gone. */
static void become_node(const struct node *node, uint32_t gone, bool v6)
{
	struct backend records[BACKENDS] = {};
	const struct backend *list[BACKENDS];
	uint32_t table[SIZE], numbers[BACKENDS], count = 0;

	world_reset();
	frontend_put(VIP, 80, 17, WEB, FRONTEND_EXTERNAL | FRONTEND_WHOLE);
	for (uint32_t i = 0; i < BACKENDS; i++) {
		if (i == gone)
			continue;
		records[i].addr = who_addr(i % 2 ? POD_B : POD_C, v6);
		records[i].port = htons((uint16_t)(PORT_FIRST + i));
		records[i].proto = 17;
		numbers[count] = number_on(node, i);
		backend_put(numbers[count], WEB, i % 2 ? POD_B : POD_C, (uint16_t)(PORT_FIRST + i),
			    BACKEND_IN_CLUSTER);
		list[count++] = &records[i];
	}
	ck_assert_int_eq(maglev_fill(table, SIZE, list, count), 0);
	for (uint32_t i = 0; i < SIZE; i++)
		table[i] = numbers[table[i]];
	table_put(WEB, SERVICE_CLUSTER, table, SIZE);
}

/* Which backend a client's packet goes to. */
static uint32_t chosen(enum who client, uint16_t sport, bool v6)
{
	const struct packet sent = { PACKET_UDP, client, VIP, sport, 80 };
	size_t port_at = v6 ? 56 : 36; /* the destination's */
	struct frame frame;
	struct engine_run run = { .program = FROM_WIRE, .ifindex = engine_ifindex(0),
				  .ingress_ifindex = engine_ifindex(0), .frame = &frame };

	packet_build(&frame, &sent, v6);
	ck_assert(engine_run(&run));
	ck_assert(frame_checksums_fit(&frame));
	return (uint32_t)(frame.data[port_at] << 8 | frame.data[port_at + 1]) - PORT_FIRST;
}

static void choose_all(uint32_t *ret, enum who client, bool v6)
{
	for (uint32_t i = 0; i < FLOWS; i++)
		ret[i] = chosen(client, (uint16_t)(20000 + i), v6);
}

static const struct node one = { 1, false }, other = { 13, true };
static uint32_t before[FLOWS], after[FLOWS];

START_TEST(nodes_choose_alike)
{
	uint32_t shares[BACKENDS] = {};

	become_node(&one, BACKENDS, _i);
	choose_all(before, WORLD, _i);
	become_node(&other, BACKENDS, _i);
	choose_all(after, WORLD, _i);
	ck_assert_mem_eq(before, after, sizeof(before));
	for (uint32_t i = 0; i < FLOWS; i++)
		shares[before[i]]++;
	/* 200 each; the hash is always the same, so this is no matter of chance. */
	for (uint32_t i = 0; i < BACKENDS; i++)
		ck_assert_msg(shares[i] > 150 && shares[i] < 250, "backend %u has %u", i, shares[i]);
	/* The address counts, not only the port. */
	choose_all(after, WORLD_2, _i);
	ck_assert_mem_ne(before, after, sizeof(before));
}
END_TEST

START_TEST(flows_of_others_stay_when_a_backend_leaves)
{
	uint32_t moved = 0, left = 0;

	become_node(&one, BACKENDS, _i);
	choose_all(before, WORLD, _i);
	become_node(&other, 3, _i);
	choose_all(after, WORLD, _i);
	for (uint32_t i = 0; i < FLOWS; i++) {
		ck_assert_uint_ne(after[i], 3);
		left += before[i] == 3;
		moved += before[i] != 3 && before[i] != after[i];
	}
	ck_assert_uint_gt(left, 100);
	/* A table for 20 backends: less than 3 % (the unit test has the table of each size). */
	ck_assert_msg(moved <= FLOWS * 3 / 100, "%u of %u flows moved", moved, FLOWS);
}
END_TEST

/* Of a pod every connection is drawn anew. */
START_TEST(pods_choose_by_chance)
{
	const struct packet sent = { PACKET_UDP, POD_A, VIP, 4000, 80 };
	uint32_t same = 0, first = 0;

	for (uint32_t i = 0; i < 30; i++) {
		struct ct6_value value;
		struct frame frame;

		become_node(&one, BACKENDS, _i);
		packet_send(FROM_POD, &sent, &frame, _i);
		ck_assert(ct_get_value("_new", &value, &sent, _i));
		first = i ? first : value.entry.backend;
		same += value.entry.backend == first;
	}
	ck_assert_uint_lt(same, 30);
}
END_TEST

static void web(enum who who, uint32_t flags)
{
	frontend_put(VIP, 80, 6, WEB, flags);
	frontend_put(VIP, 80, 132, WEB, flags);
	backend_put(1, WEB, who, 8080, BACKEND_IN_CLUSTER);
	set_put(WEB, SERVICE_CLUSTER, 1, 1);
}

static void balancer(bool v6)
{
	web(POD_B, FRONTEND_EXTERNAL | FRONTEND_WHOLE);
}

static void balancer_at_host(bool v6)
{
	web(HOST, FRONTEND_EXTERNAL | FRONTEND_WHOLE);
}

static void balancer_away(bool v6)
{
	web(POD_AWAY, FRONTEND_EXTERNAL | FRONTEND_WHOLE);
}

static void cluster_ip(bool v6)
{
	web(POD_B, FRONTEND_WHOLE);
}

static void b_hears_nobody_else(bool v6)
{
	balancer(v6);
	b_hears_nobody(v6);
}

static void b_sends_to_nobody(bool v6)
{
	static const struct rules none = { .flags = RULESET_ISOLATED };

	balancer(v6);
	ruleset_write(1, &none);
	endpoint_ruleset(POD_B, 1, POLICY_EGRESS, 1);
}

static void others_get_c(bool v6)
{
	backend_put(2, WEB, POD_C, 8080, BACKEND_IN_CLUSTER);
	set_put(WEB, SERVICE_CLUSTER, 2, 1);
}

#define PTR(...) (&(const struct packet)__VA_ARGS__)
#define ASKS(flags_, ...) { FROM_WIRE, { PACKET_TCP, WORLD, VIP, 4000, 80, flags_ }, __VA_ARGS__ }
#define GOT(who, flags_) .becomes = PTR({ PACKET_TCP, WORLD, who, 4000, 8080, flags_ })
#define GONE DROP_SERVICE_BACKEND_GONE, .rejected = true

static const struct scene middles[] = {
	{ "it goes on at a pod here", BOTH, {
		ASKS(ACK, .before = balancer, GOT(POD_B, ACK)), ASKS(ACK, GOT(POD_B, ACK)) } },
	{ "and stays there when others go elsewhere", BOTH, {
		ASKS(ACK, .before = balancer, GOT(POD_B, ACK)),
		ASKS(ACK, .before = others_get_c, GOT(POD_B, ACK)) } },
	{ "SCTP", BOTH, {
		{ FROM_WIRE, { PACKET_SCTP, WORLD, VIP, 4000, 80, .flags = 0 },
		  .before = balancer,
		  .becomes = PTR({ PACKET_SCTP, WORLD, POD_B, 4000, 8080, .flags = 0 }) } } },
	{ "at a socket of the node", BOTH, {
		ASKS(ACK, .before = balancer_at_host, .fate = TO_STACK, GOT(HOST, ACK)) } },
	{ "a pod elsewhere knew another source", BOTH, { ASKS(ACK, GONE, .before = balancer_away) } },
	{ "policy must allow it to begin", BOTH, {
		ASKS(ACK, DROP_POLICY_INGRESS, .before = b_hears_nobody_else) } },
	{ "and nothing else: the client has opened it", BOTH, {
		ASKS(ACK, .before = b_sends_to_nobody, GOT(POD_B, ACK)) } },
	{ "what only answers begins nothing", BOTH, {
		ASKS(RST, DROP_CT_INVALID, .before = balancer) } },
	{ "a ClusterIP has no tables", BOTH, { ASKS(ACK, GONE, .before = cluster_ip) } },
	{ "of a pod it is forgotten", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, VIP, 4000, 80, ACK }, GONE, .before = balancer } } },
};

START_TEST(the_middle_of_a_connection_finds_its_backend)
{
	PLAY(middles);
}
END_TEST

static const bool families[] = { false, true };

ENGINE_MAIN("uplink_maglev", CHECK_LOOP(nodes_choose_alike, families),
	    CHECK_LOOP(flows_of_others_stay_when_a_backend_leaves, families),
	    CHECK_LOOP(pods_choose_by_chance, families),
	    SCENES(the_middle_of_a_connection_finds_its_backend, middles))
