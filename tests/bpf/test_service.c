// SPDX-License-Identifier: Apache-2.0
/* Services: to a backend and back, at each place where a packet of theirs is seen. */
#include <string.h>

#include "engine_main.h"
#include "services.h"

#define WEB 1 /* VIP port 80, of all protocols, on its backends 8080 */

static void web_at(enum who who)
{
	frontend_put(VIP, 80, 6, WEB, FRONTEND_WHOLE);
	frontend_put(VIP, 80, 17, WEB, FRONTEND_WHOLE);
	frontend_put(VIP, 80, 132, WEB, FRONTEND_WHOLE);
	backend_put(1, WEB, who, 8080, BACKEND_IN_CLUSTER);
	set_put(WEB, SERVICE_CLUSTER, 1, 1);
	set_empty(WEB, SERVICE_LOCAL, SERVICE_SILENT);
}

static void web_at_b(bool v6)
{
	web_at(POD_B);
}

static void web_far_away(bool v6)
{
	web_at(POD_AWAY);
}

static void web_on_this_node(bool v6)
{
	web_at(HOST);
}

static void web_outside(bool v6)
{
	web_at(WORLD);
}

#define SENT(kind, ...) { kind, POD_A, VIP, 4000, 80, __VA_ARGS__ }
#define GOT(kind, who, ...) { kind, POD_A, who, 4000, 8080, __VA_ARGS__ }
#define ANSWER(kind, who, ...) { kind, who, POD_A, 8080, 4000, __VA_ARGS__ }
#define ANSWERED(kind, ...) { kind, VIP, POD_A, 80, 4000, __VA_ARGS__ }
#define PTR(...) (&(const struct packet)__VA_ARGS__)

/* To a backend on this node and back. */
#define THERE(kind, ...) { FROM_POD, SENT(kind, __VA_ARGS__), \
	.becomes = PTR(GOT(kind, POD_B, __VA_ARGS__)) }
#define BACK(kind, ...) { FROM_POD, ANSWER(kind, POD_B, __VA_ARGS__), \
	.becomes = PTR(ANSWERED(kind, __VA_ARGS__)) }
#define FIRST(kind, event, ...) { FROM_POD, SENT(kind, __VA_ARGS__), .before = event, \
	.becomes = PTR(GOT(kind, POD_B, __VA_ARGS__)) }

static const struct scene near[] = {
	{ "UDP", BOTH, {
		FIRST(PACKET_UDP, web_at_b, .payload = 31), BACK(PACKET_UDP, .payload = 100),
		THERE(PACKET_UDP, .payload = 7), BACK(PACKET_UDP, .payload = 1) } },
	{ "TCP", BOTH, {
		FIRST(PACKET_TCP, web_at_b, SYN), BACK(PACKET_TCP, SYN | ACK),
		THERE(PACKET_TCP, ACK), THERE(PACKET_TCP, ACK, .payload = 99),
		BACK(PACKET_TCP, ACK, .payload = 77), THERE(PACKET_TCP, FIN | ACK),
		BACK(PACKET_TCP, FIN | ACK), THERE(PACKET_TCP, ACK) } },
	{ "SCTP, checksums left to the device", BOTH, {
		FIRST(PACKET_SCTP, web_at_b, 1), BACK(PACKET_SCTP, 2), THERE(PACKET_SCTP, 10),
		THERE(PACKET_SCTP, 0, .payload = 50), BACK(PACKET_SCTP, 0, .payload = 50) } },
	{ "SCTP with checksums", BOTH, {
		FIRST(PACKET_SCTP, web_at_b, 1, .crc = true, .payload = 301),
		BACK(PACKET_SCTP, 2, .crc = true), THERE(PACKET_SCTP, 10, .crc = true),
		THERE(PACKET_SCTP, 0, .crc = true, .payload = 1400),
		BACK(PACKET_SCTP, 0, .crc = true, .payload = 50) } },
};

#define FAR(who, kind, event, ...) { FROM_POD, SENT(kind, __VA_ARGS__), .before = event, \
	.fate = TO_STACK, .becomes = PTR(GOT(kind, who, __VA_ARGS__)) }
#define FROM_FAR(via_, who, kind, fate_, ...) { via_, ANSWER(kind, who, __VA_ARGS__), \
	.fate = fate_, .becomes = PTR(ANSWERED(kind, __VA_ARGS__)) }

static const struct scene far[] = {
	{ "a pod of another node", BOTH, {
		FAR(POD_AWAY, PACKET_TCP, web_far_away, SYN),
		FROM_FAR(FROM_WIRE, POD_AWAY, PACKET_TCP, TO_PEER, SYN | ACK),
		FAR(POD_AWAY, PACKET_TCP, NULL, ACK),
		FAR(POD_AWAY, PACKET_TCP, NULL, ACK, .payload = 9),
		FROM_FAR(FROM_WIRE, POD_AWAY, PACKET_TCP, TO_PEER, ACK, .payload = 5) } },
	{ "this node", BOTH, {
		FAR(HOST, PACKET_UDP, web_on_this_node, .payload = 5),
		FROM_FAR(TO_POD, HOST, PACKET_UDP, TO_STACK, .payload = 9),
		FAR(HOST, PACKET_UDP, NULL, .payload = 5),
		FROM_FAR(TO_POD, HOST, PACKET_UDP, TO_STACK, .payload = 9) } },
	{ "the outside, masqueraded", BOTH, {
		FAR(WORLD, PACKET_TCP, web_outside, SYN),
		FROM_FAR(TO_POD, WORLD, PACKET_TCP, TO_STACK, SYN | ACK),
		FAR(WORLD, PACKET_TCP, NULL, ACK),
		FROM_FAR(TO_POD, WORLD, PACKET_TCP, TO_STACK, ACK, .payload = 3) } },
};

/* What delivery leaves to the stack: the question is translated, the answer not yet. */
static const struct scene routed[] = {
	{ "hops that end", BOTH, {
		{ FROM_POD, SENT(PACKET_TCP, SYN, .hops = 1), .before = web_at_b, .fate = TO_STACK,
		  .becomes = PTR(GOT(PACKET_TCP, POD_B, SYN, .hops = 1)) },
		{ TO_POD, GOT(PACKET_TCP, POD_B, SYN), .fate = TO_STACK },
		{ FROM_POD, ANSWER(PACKET_TCP, POD_B, SYN | ACK, .hops = 1), .fate = TO_STACK },
		{ TO_POD, ANSWER(PACKET_TCP, POD_B, SYN | ACK), .fate = TO_STACK,
		  .becomes = PTR(ANSWERED(PACKET_TCP, SYN | ACK)) },
		THERE(PACKET_TCP, ACK), BACK(PACKET_TCP, ACK) } },
	{ "too long for the pod", BOTH, {
		{ FROM_POD, SENT(PACKET_UDP, .payload = 1600), .before = web_at_b,
		  .fate = TO_STACK, .becomes = PTR(GOT(PACKET_UDP, POD_B, .payload = 1600)) },
		{ FROM_POD, ANSWER(PACKET_UDP, POD_B, .payload = 1600), .fate = TO_STACK } } },
	{ "segments are translated as one", BOTH, {
		{ FROM_POD, SENT(PACKET_TCP, SYN), .before = web_at_b,
		  .becomes = PTR(GOT(PACKET_TCP, POD_B, SYN)) },
		BACK(PACKET_TCP, SYN | ACK),
		{ FROM_POD, SENT(PACKET_TCP, ACK, .payload = 2800), .gso_size = 1400,
		  .becomes = PTR(GOT(PACKET_TCP, POD_B, ACK, .payload = 2800)) } } },
	{ "behind extension headers", ONLY_V6, {
		{ FROM_POD, SENT(PACKET_UDP, .extensions = { 60, 0 }), .before = web_at_b,
		  .becomes = PTR(GOT(PACKET_UDP, POD_B, .extensions = { 60, 0 })) },
		{ FROM_POD, ANSWER(PACKET_UDP, POD_B, .extensions = { 43 }),
		  .becomes = PTR(ANSWERED(PACKET_UDP, .extensions = { 43 })) } } },
};

/* Of UDP over IPv4 a checksum of 0 means none, and stays. */
START_TEST(without_a_checksum_there_is_none)
{
	struct packet got = GOT(PACKET_UDP, POD_B, .payload = 9);
	struct packet sent = SENT(PACKET_UDP, .payload = 9);
	struct frame frame, wanted;
	struct engine_run run = { .program = FROM_POD, .ifindex = ifindex_of(POD_A),
				  .ingress_ifindex = ifindex_of(POD_A), .frame = &frame };

	world_reset();
	web_at_b(false);
	packet_build(&frame, &sent, false);
	packet_build(&wanted, &got, false);
	memset(frame.data + frame.l4 + 6, 0, 2);
	memset(wanted.data + wanted.l4 + 6, 0, 2);
	ck_assert(engine_run(&run));
	ck_assert_mem_eq(frame.data + wanted.l4, wanted.data + wanted.l4, wanted.len - wanted.l4);
}
END_TEST

START_TEST(the_stack_may_have_to_help)
{
	PLAY(routed);
}
END_TEST

START_TEST(a_backend_on_this_node_is_reached_and_answers)
{
	PLAY(near);
}
END_TEST

START_TEST(a_backend_elsewhere_is_reached_and_answers)
{
	PLAY(far);
}
END_TEST

ENGINE_MAIN("service", SCENES(a_backend_on_this_node_is_reached_and_answers, near),
	    SCENES(a_backend_elsewhere_is_reached_and_answers, far),
	    SCENES(the_stack_may_have_to_help, routed),
	    CHECK_TEST(without_a_checksum_there_is_none))
