// SPDX-License-Identifier: Apache-2.0
/* Connections to services while backends come and go, and what their entries say. */
#include <arpa/inet.h>
#include <string.h>

#include "engine_main.h"
#include "services.h"

#define WEB 1

static void web(enum who who)
{
	frontend_put(VIP, 80, 6, WEB, FRONTEND_WHOLE);
	frontend_put(VIP, 80, 17, WEB, FRONTEND_WHOLE);
	frontend_put(VIP, 80, 132, WEB, FRONTEND_WHOLE);
	backend_put(1, WEB, who, 8080, BACKEND_IN_CLUSTER);
	backend_put(2, WEB, POD_C, 8080, BACKEND_IN_CLUSTER);
	set_put(WEB, SERVICE_CLUSTER, 1, 1);
	set_empty(WEB, SERVICE_LOCAL, SERVICE_SILENT);
}

static void web_at_b(bool v6)
{
	web(POD_B);
}

static void web_at_closed_b(bool v6)
{
	web(POD_B);
	b_hears_nobody(v6);
}

static void web_at_away(bool v6)
{
	web(POD_AWAY);
}

static void web_at_world(bool v6)
{
	web(WORLD);
}

/* The set is the other backend; the first one ends. */
static void web_moves_to_c(bool v6)
{
	set_put(WEB, SERVICE_CLUSTER, 2, 1);
	backend_end(1);
}

/* It terminates: in no set, but alive. */
static void web_terminates(bool v6)
{
	set_put(WEB, SERVICE_CLUSTER, 2, 1);
	backend_put(1, WEB, POD_B, 8080, 0);
}

static void web_is_gone(bool v6)
{
	web_moves_to_c(v6);
	peer_clear(POD_B);
	peer_clear(POD_AWAY);
}

static void web_is_deleted(bool v6)
{
	frontend_clear(VIP, 80, 6);
	frontend_clear(VIP, 80, 17);
	frontend_clear(VIP, 0, 0);
	the_generation_turns(v6);
}

static void web_is_made(bool v6)
{
	web(POD_B);
	generation_set(3);
}

#define PTR(...) (&(const struct packet)__VA_ARGS__)
#define THERE(kind, who, ...) { FROM_POD, { kind, POD_A, VIP, 4000, 80, __VA_ARGS__ }, \
	.becomes = PTR({ kind, POD_A, who, 4000, 8080, __VA_ARGS__ })
#define BACK(kind, who, ...) { FROM_POD, { kind, who, POD_A, 8080, 4000, __VA_ARGS__ }, \
	.becomes = PTR({ kind, VIP, POD_A, 80, 4000, __VA_ARGS__ })
#define HANDSHAKE(who, event) THERE(PACKET_TCP, who, SYN), .before = event }, \
	BACK(PACKET_TCP, who, SYN | ACK) }, THERE(PACKET_TCP, who, ACK) }

static const struct scene changes[] = {
	{ "UDP goes to the new backend with its next datagram", BOTH, {
		THERE(PACKET_UDP, POD_B), .before = web_at_b }, BACK(PACKET_UDP, POD_B) },
		THERE(PACKET_UDP, POD_C), .before = web_moves_to_c }, BACK(PACKET_UDP, POD_C) } } },
	{ "UDP, not answered yet", BOTH, {
		THERE(PACKET_UDP, POD_B), .before = web_at_b },
		THERE(PACKET_UDP, POD_C), .before = web_moves_to_c } } },
	{ "UDP stays with a terminating backend", BOTH, {
		THERE(PACKET_UDP, POD_B), .before = web_at_b }, BACK(PACKET_UDP, POD_B) },
		THERE(PACKET_UDP, POD_B), .before = web_terminates } } },
	{ "TCP stays while the pod is there", BOTH, {
		HANDSHAKE(POD_B, web_at_b),
		THERE(PACKET_TCP, POD_B, ACK, .payload = 9), .before = web_moves_to_c },
		BACK(PACKET_TCP, POD_B, ACK, .payload = 9) } } },
	{ "TCP in the handshake stays as well", BOTH, {
		THERE(PACKET_TCP, POD_B, SYN), .before = web_at_b },
		BACK(PACKET_TCP, POD_B, SYN | ACK) },
		THERE(PACKET_TCP, POD_B, ACK), .before = web_moves_to_c } } },
	{ "a SYN that was lost goes to the new backend", BOTH, {
		THERE(PACKET_TCP, POD_B, SYN), .before = web_at_b },
		THERE(PACKET_TCP, POD_C, SYN), .before = web_moves_to_c } } },
	{ "a SYN sent again stays", BOTH, {
		THERE(PACKET_TCP, POD_B, SYN), .before = web_at_b },
		THERE(PACKET_TCP, POD_B, SYN), .before = web_terminates } } },
	{ "a SYN after the end chooses anew", BOTH, {
		HANDSHAKE(POD_B, web_at_b), THERE(PACKET_TCP, POD_B, RST) },
		THERE(PACKET_TCP, POD_C, SYN), .before = web_terminates } } },
	{ "TCP whose pod is gone is reset", BOTH, {
		HANDSHAKE(POD_B, web_at_b),
		{ FROM_POD, { PACKET_TCP, POD_A, VIP, 4000, 80, ACK, .payload = 9 },
		  DROP_SERVICE_BACKEND_GONE, .before = web_is_gone, .rejected = true },
		THERE(PACKET_TCP, POD_C, SYN) } } },
	{ "a FIN to a pod that is gone is not answered", BOTH, {
		HANDSHAKE(POD_B, web_at_b),
		{ FROM_POD, { PACKET_TCP, POD_A, VIP, 4000, 80, FIN | ACK }, DROP_CT_INVALID,
		  .before = web_is_gone } } },
	{ "TCP to an endpoint that is no pod goes on", BOTH, {
		THERE(PACKET_TCP, WORLD, SYN), .before = web_at_world, .fate = TO_STACK },
		{ TO_POD, { PACKET_TCP, WORLD, POD_A, 8080, 4000, SYN | ACK }, .fate = TO_STACK,
		  .becomes = PTR({ PACKET_TCP, VIP, POD_A, 80, 4000, SYN | ACK }) },
		THERE(PACKET_TCP, WORLD, ACK), .fate = TO_STACK },
		THERE(PACKET_TCP, WORLD, ACK), .before = web_moves_to_c, .fate = TO_STACK } } },
	{ "SCTP stays too", BOTH, {
		THERE(PACKET_SCTP, POD_B, 1), .before = web_at_b }, BACK(PACKET_SCTP, POD_B, 2) },
		THERE(PACKET_SCTP, POD_B, 10), .before = web_moves_to_c } } },
	{ "a service that is deleted: TCP goes on", BOTH, {
		HANDSHAKE(POD_B, web_at_b),
		THERE(PACKET_TCP, POD_B, ACK), .before = web_is_deleted } } },
	{ "a service that is deleted: UDP does not", BOTH, {
		THERE(PACKET_UDP, POD_B), .before = web_at_b }, BACK(PACKET_UDP, POD_B) },
		{ FROM_POD, { PACKET_UDP, POD_A, VIP, 4000, 80 }, .fate = TO_STACK,
		  .before = web_is_deleted } } },
	{ "a service that is made later", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_A, VIP, 4000, 80 }, .fate = TO_STACK },
		THERE(PACKET_UDP, POD_B), .before = web_is_made }, BACK(PACKET_UDP, POD_B) } } },
	{ "a service that is made while a client tries", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, VIP, 4000, 80, SYN }, .fate = TO_STACK },
		THERE(PACKET_TCP, POD_B, SYN), .before = web_is_made },
		BACK(PACKET_TCP, POD_B, SYN | ACK) } } },
	{ "the policy turns: there and back are judged again", BOTH, {
		HANDSHAKE(POD_B, web_at_b),
		BACK(PACKET_TCP, POD_B, ACK), .before = the_generation_turns },
		THERE(PACKET_TCP, POD_B, ACK), .before = the_generation_turns },
		BACK(PACKET_TCP, POD_B, ACK) } } },
	{ "policy is asked about the backend", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, VIP, 4000, 80, SYN }, DROP_POLICY_INGRESS,
		  .before = web_at_closed_b },
		{ FROM_POD, { PACKET_TCP, POD_A, VIP, 4000, 80, SYN }, DROP_POLICY_INGRESS } } },
};

static const struct scene foreign[] = {
	{ "a direct packet does not carry on a service's connection", BOTH, {
		THERE(PACKET_UDP, POD_B), .before = web_at_b }, BACK(PACKET_UDP, POD_B) },
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 8080 }, DROP_CT_INVALID } } },
	{ "nor one that is not answered", BOTH, {
		THERE(PACKET_TCP, POD_B, SYN), .before = web_at_b },
		{ FROM_POD, { PACKET_TCP, POD_A, POD_B, 4000, 8080, SYN }, DROP_CT_INVALID } } },
	{ "after its end the ports are free", BOTH, {
		HANDSHAKE(POD_B, web_at_b), THERE(PACKET_TCP, POD_B, RST) },
		{ FROM_POD, { PACKET_TCP, POD_A, POD_B, 4000, 8080, SYN } },
		{ FROM_POD, { PACKET_TCP, POD_B, POD_A, 8080, 4000, SYN | ACK } } } },
	{ "what has taken its ends is left alone", BOTH, {
		HANDSHAKE(POD_B, web_at_b), THERE(PACKET_TCP, POD_B, RST) },
		{ FROM_POD, { PACKET_TCP, POD_A, POD_B, 4000, 8080, SYN } },
		{ FROM_POD, { PACKET_TCP, POD_B, POD_A, 8080, 4000, SYN | ACK } },
		{ FROM_POD, { PACKET_TCP, POD_A, POD_B, 4000, 8080, ACK } },
		{ FROM_POD, { PACKET_TCP, POD_A, VIP, 4000, 80, ACK }, DROP_SERVICE_BACKEND_GONE,
		  .rejected = true },
		{ FROM_POD, { PACKET_TCP, POD_B, POD_A, 8080, 4000, ACK } } } },
	{ "from the service's address nothing comes by the wire", BOTH, {
		THERE(PACKET_UDP, POD_AWAY), .before = web_at_away, .fate = TO_STACK },
		{ FROM_WIRE, { PACKET_UDP, VIP, POD_A, 80, 4000 }, DROP_CT_INVALID } } },
};

static const struct packet as_sent = { PACKET_UDP, POD_A, VIP, 4000, 80 };
static const struct packet as_got = { PACKET_UDP, POD_A, POD_B, 4000, 8080 };

static bool get(struct ct6_value *ret, const struct packet *packet, bool v6, bool answered)
{
	struct ct6_value other;

	ck_assert(!ct_get_value(answered ? "_new" : "", &other, packet, v6));
	return ct_get_value(answered ? "" : "_new", ret, packet, v6);
}

/* Both entries, in one table. */
static void expect_entries(bool v6, bool answered)
{
	uint8_t table = answered ? CT_ANSWERED : 0;
	struct ct6_value first, second;

	ck_assert(get(&first, &as_sent, v6, answered));
	ck_assert(get(&second, &as_got, v6, answered));
	ck_assert_uint_eq(first.entry.flags, CT_SERVICE | CT_BACKEND_POD | table);
	ck_assert_uint_eq(second.entry.flags, CT_TRANSLATED | table);
	ck_assert_uint_eq(first.entry.expires, second.entry.expires);
	ck_assert_uint_eq(first.entry.backend, NUMBER_OF(1, v6));
	ck_assert_uint_eq(first.entry.ifindex[0] + first.entry.ifindex[1], ifindex_of(POD_A));
}

START_TEST(both_entries_are_of_one_table)
{
	const struct step there = THERE(PACKET_UDP, POD_B) }, back = BACK(PACKET_UDP, POD_B) };

	world_reset();
	web_at_b(_i);
	step_play(&there, _i, "a question");
	expect_entries(_i, false);
	step_play(&back, _i, "its answer");
	expect_entries(_i, true);
	step_play(&there, _i, "another question");
	expect_entries(_i, true);
}
END_TEST

START_TEST(tcp_is_promoted_with_the_handshake)
{
	const struct step steps[] = { HANDSHAKE(POD_B, NULL) };
	const struct packet sent = { PACKET_TCP, POD_A, VIP, 4000, 80 };
	struct ct6_value value;

	world_reset();
	web_at_b(_i);
	step_play(&steps[0], _i, "SYN");
	step_play(&steps[1], _i, "SYN ACK");
	ck_assert(get(&value, &sent, _i, false));
	step_play(&steps[2], _i, "ACK");
	ck_assert(get(&value, &sent, _i, true));
}
END_TEST

START_TEST(the_backend_stays_or_not)
{
	PLAY(changes);
}
END_TEST

START_TEST(nobody_else_has_part_in_it)
{
	PLAY(foreign);
}
END_TEST

static const bool families[] = { false, true };

ENGINE_MAIN("service_life", SCENES(the_backend_stays_or_not, changes),
	    SCENES(nobody_else_has_part_in_it, foreign),
	    CHECK_LOOP(both_entries_are_of_one_table, families),
	    CHECK_LOOP(tcp_is_promoted_with_the_handshake, families))
