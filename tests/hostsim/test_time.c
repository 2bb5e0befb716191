// SPDX-License-Identifier: Apache-2.0
/*
 * Time travel: how long connections live. The clock begins ten seconds before
 * the low 32 bits of jiffies wrap, so every row crosses that.
 */
#include "engine_main.h"
#include "hostsim/engine_host.h"

struct moment {
	uint32_t wait_ms; /* before the packet */
	struct step step;
};

struct story {
	const char *name;
	void (*begin)(bool v6);
	struct moment moments[8];
};

#define UDP(src, dst, sport, dport) { PACKET_UDP, src, dst, sport, dport }
#define ASK UDP(POD_B, POD_A, 4000, 53)
#define ANSWER UDP(POD_A, POD_B, 53, 4000)
#define TCP_B(bits) { PACKET_TCP, POD_B, POD_A, 4000, 80, bits }
#define TCP_A(bits) { PACKET_TCP, POD_A, POD_B, 80, 4000, bits }
#define PROTO_B { PACKET_PROTO, POD_B, POD_A, .type = 47 }
#define PROTO_A { PACKET_PROTO, POD_A, POD_B, .type = 47 }
#define SCTP_B(chunk) { PACKET_SCTP, POD_B, POD_A, 4000, 80, chunk }
#define SCTP_A(chunk) { PACKET_SCTP, POD_A, POD_B, 80, 4000, chunk }
#define LATER { PACKET_UDP, POD_A, POD_B, 4000, 53, .id = 7, .offset = 72, .payload = 20 }
#define FIRST { PACKET_UDP, POD_A, POD_B, 4000, 53, .id = 7, .more = true, .payload = 64 }
#define HANDSHAKE                                                                       \
	{ 0, { FROM_POD, TCP_B(SYN) } }, { 0, { FROM_POD, TCP_A(SYN | ACK) } },         \
		{ 0, { FROM_POD, TCP_B(ACK) } }

/* POD_A may not open anything: what it sends passes as an answer, or not at all. */
static const struct story stories[] = {
	{ "UDP, answered just in time", a_sends_to_nobody, {
		{ 0, { FROM_POD, ASK } }, { 29000, { FROM_POD, ANSWER } } } },
	{ "UDP, answered too late", a_sends_to_nobody, {
		{ 0, { FROM_POD, ASK } }, { 31500, { FROM_POD, ANSWER, DROP_POLICY_EGRESS } } } },
	{ "UDP in conversation", a_sends_to_nobody, {
		{ 0, { FROM_POD, ASK } }, { 1000, { FROM_POD, ANSWER } },
		{ 178000, { FROM_POD, ANSWER } }, { 178000, { FROM_POD, ASK } },
		{ 178000, { FROM_POD, ANSWER } },
		{ 182500, { FROM_POD, ANSWER, DROP_POLICY_EGRESS } } } },
	{ "UDP, asked again and again", a_sends_to_nobody, {
		{ 0, { FROM_POD, ASK } }, { 29000, { FROM_POD, ASK } },
		{ 29000, { FROM_POD, ASK } }, { 29000, { FROM_POD, ANSWER } } } },
	{ "TCP half open", NULL, {
		{ 0, { FROM_POD, TCP_B(SYN) } }, { 58500, { FROM_POD, TCP_A(SYN | ACK) } },
		{ 1000, { FROM_POD, TCP_B(ACK) } } } },
	{ "TCP half open for too long", NULL, {
		{ 0, { FROM_POD, TCP_B(SYN) } },
		{ 61500, { FROM_POD, TCP_A(SYN | ACK), DROP_CT_INVALID } } } },
	{ "TCP idle", a_sends_to_nobody, {
		HANDSHAKE, { 7198000, { FROM_POD, TCP_A(ACK) } },
		{ 7198000, { FROM_POD, TCP_B(ACK) } },
		{ 7201500, { FROM_POD, TCP_A(ACK), DROP_POLICY_EGRESS } } } },
	{ "TCP at its end", a_sends_to_nobody, {
		HANDSHAKE, { 0, { FROM_POD, TCP_A(FIN | ACK) } },
		{ 7000000, { FROM_POD, TCP_B(FIN | ACK) } }, { 8000, { FROM_POD, TCP_A(ACK) } },
		{ 11500, { FROM_POD, TCP_A(ACK), DROP_POLICY_EGRESS } } } },
	{ "TCP reset", a_sends_to_nobody, {
		HANDSHAKE, { 0, { FROM_POD, TCP_B(RST) } }, { 9000, { FROM_POD, TCP_A(ACK) } },
		{ 11500, { FROM_POD, TCP_A(ACK), DROP_POLICY_EGRESS } } } },
	{ "echo", NULL, {
		{ 0, { FROM_POD, { PACKET_ECHO, POD_B, POD_A, 7 } } },
		{ 29000, { FROM_POD, { PACKET_ECHO_REPLY, POD_A, POD_B, 7 } } },
		{ 31500, { FROM_POD, { PACKET_ECHO_REPLY, POD_A, POD_B, 7 }, DROP_CT_INVALID } } } },
	{ "SCTP", NULL, {
		{ 0, { FROM_POD, SCTP_B(1) } }, { 58000, { FROM_POD, SCTP_A(2) } },
		{ 58000, { FROM_POD, SCTP_B(10) } }, { 3590000, { FROM_POD, SCTP_A(8) } },
		{ 3602500, { FROM_POD, SCTP_A(8), DROP_CT_INVALID } } } },
	{ "a fragment waits", NULL, {
		{ 0, { FROM_POD, LATER, DROP_FRAGMENT_HELD } },
		{ 4500, { FROM_POD, FIRST, .released = 1 } } } },
	{ "a fragment does not wait for ever", NULL, {
		{ 0, { FROM_POD, LATER, DROP_FRAGMENT_HELD } },
		{ 5500, { FROM_POD, FIRST, .released = 0 } } } },
	{ "its place is free again", NULL, {
		{ 0, { FROM_POD, LATER, DROP_FRAGMENT_HELD } },
		{ 5500, { FROM_POD, LATER, DROP_FRAGMENT_HELD } },
		{ 0, { FROM_POD, FIRST, .released = 1 } } } },
	{ "a protocol without ports", a_sends_to_nobody, {
		{ 0, { FROM_POD, PROTO_B } }, { 58000, { FROM_POD, PROTO_A } },
		{ 62000, { FROM_POD, PROTO_A, DROP_POLICY_EGRESS } } } },
};

static void story_tell(const struct story *story, bool v6)
{
	char where[160];

	world_reset();
	if (story->begin)
		story->begin(v6);
	for (int i = 0; i < 8 && story->moments[i].step.packet.src; i++) {
		snprintf(where, sizeof(where), "%s, IPv%d, moment %d", story->name, v6 ? 6 : 4,
			 i + 1);
		sim_time_passes(story->moments[i].wait_ms);
		step_play(&story->moments[i].step, v6, where);
	}
}

START_TEST(a_connection_lives_as_long_as_it_should)
{
	story_tell(&stories[_i / 2], _i % 2);
}
END_TEST

/* The lifetime is not written for every packet: that must not shorten it. */
START_TEST(a_busy_connection_never_ends)
{
	const struct step ask = { FROM_POD, ASK }, answer = { FROM_POD, ANSWER };

	world_reset();
	a_sends_to_nobody(_i);
	step_play(&ask, _i, "the first packet");
	for (int i = 0; i < 2000; i++) {
		sim_time_passes(300);
		step_play(&answer, _i, "a packet of a busy connection");
	}
}
END_TEST

START_TEST(a_connection_survives_any_number_of_generations)
{
	const struct step ask = { FROM_POD, ASK }, answer = { FROM_POD, ANSWER };

	world_reset();
	a_sends_to_nobody(_i);
	step_play(&ask, _i, "the first packet");
	for (int i = 0; i < 100; i++) {
		the_generation_turns(_i);
		step_play(i & 1 ? &ask : &answer, _i, "a packet after the turn");
	}
}
END_TEST

/* The state starts empty: nothing passes. The number may wrap, but never to 0. */
START_TEST(the_generation_may_be_any_number_but_zero)
{
	const uint32_t generations[] = { 1, 2, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff };
	const struct step ask = { FROM_POD, ASK }, refused = { FROM_POD, ASK, DROP_NOT_READY };

	world_reset();
	for (int i = 0; i < CHECK_COUNT(generations); i++) {
		generation_set(generations[i]);
		step_play(&ask, _i, "a packet in a generation");
	}
	generation_set(0);
	step_play(&refused, _i, "a packet in generation 0");
}
END_TEST

static const bool families[] = { false, true };

ENGINE_MAIN("time", SCENES(a_connection_lives_as_long_as_it_should, stories),
	    CHECK_LOOP(a_busy_connection_never_ends, families),
	    CHECK_LOOP(a_connection_survives_any_number_of_generations, families),
	    CHECK_LOOP(the_generation_may_be_any_number_but_zero, families))
