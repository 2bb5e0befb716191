// SPDX-License-Identifier: Apache-2.0
/* ICMP: errors belong to the connection that they quote, echoes are connections. */
#include "engine_main.h"

/* What the errors quote. */
static const struct packet
	tcp_out = { PACKET_TCP, POD_A, WORLD, 4000, 443, SYN },
	udp_out = { PACKET_UDP, POD_A, WORLD, 4000, 53, .payload = 20 },
	sctp_out = { PACKET_SCTP, POD_A, WORLD, 4000, 9999, 1 },
	echo_out = { PACKET_ECHO, POD_A, WORLD, 77 },
	gre_out = { PACKET_PROTO, POD_A, WORLD, .type = 47, .payload = 8 },
	udp_in = { PACKET_UDP, WORLD, POD_A, 53, 4000 },
	udp_to_b = { PACKET_UDP, POD_A, POD_B, 4000, 53 },
	udp_of_b = { PACKET_UDP, POD_B, WORLD, 4000, 53 },
	udp_first = { PACKET_UDP, POD_A, WORLD, 4000, 53, .id = 9, .more = true, .payload = 64 },
	udp_later = { PACKET_UDP, POD_A, WORLD, 4000, 53, .id = 9, .offset = 72, .payload = 64 },
	udp_options = { PACKET_UDP, POD_A, WORLD, 4000, 53, .extensions = { 60 } },
	udp_cut = { PACKET_UDP, POD_A, WORLD, 4000, 53, .cut = 4 },
	ip_cut = { PACKET_UDP, POD_A, WORLD, 4000, 53, .cut = 12 },
	wrong_version = { PACKET_UDP, POD_A, WORLD, 4000, 53, .poke_at = 14, .poke = 0x55 };

/* POD_A speaks to WORLD over UDP, or another protocol. */
#define A_SPEAKS { FROM_POD, { PACKET_UDP, POD_A, WORLD, 4000, 53 }, .fate = TO_STACK }
#define A_SPEAKS_TO_B { FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53 } }

/* An error about @what comes in from a router on the way. */
#define ERROR_ABOUT(what, ...)                                                          \
	{ FROM_WIRE, { PACKET_ERROR, WORLD_2, POD_A, .quote = &(what) }, __VA_ARGS__ }

static const struct scene related[] = {
	{ "UDP", BOTH, { A_SPEAKS, ERROR_ABOUT(udp_out) } },
	{ "TCP", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, WORLD, 4000, 443, SYN }, .fate = TO_STACK },
		ERROR_ABOUT(tcp_out) } },
	{ "SCTP", BOTH, {
		{ FROM_POD, { PACKET_SCTP, POD_A, WORLD, 4000, 9999, 1 }, .fate = TO_STACK },
		ERROR_ABOUT(sctp_out) } },
	{ "echo", BOTH, {
		{ FROM_POD, { PACKET_ECHO, POD_A, WORLD, 77 }, .fate = TO_STACK },
		ERROR_ABOUT(echo_out) } },
	{ "GRE", BOTH, {
		{ FROM_POD, { PACKET_PROTO, POD_A, WORLD, .type = 47 }, .fate = TO_STACK },
		ERROR_ABOUT(gre_out) } },
	{ "an answered connection", BOTH, {
		A_SPEAKS,
		{ FROM_WIRE, { PACKET_UDP, WORLD, POD_A, 53, 4000 } },
		ERROR_ABOUT(udp_out) } },
	{ "its first fragment", BOTH, { A_SPEAKS, ERROR_ABOUT(udp_first) } },
	{ "of the pod that it reached", BOTH, {
		A_SPEAKS_TO_B,
		{ FROM_POD, { PACKET_ERROR, POD_B, POD_A, .quote = &udp_to_b } } } },
	{ "what the pod got, to the world", BOTH, {
		{ FROM_WIRE, { PACKET_UDP, WORLD, POD_A, 53, 4000 } },
		{ FROM_POD, { PACKET_ERROR, POD_A, WORLD, .quote = &udp_in }, .fate = TO_STACK,
		  .marked = true } } },
	{ "fragmentation needed", ONLY_V4, {
		A_SPEAKS,
		{ FROM_WIRE, { PACKET_ERROR, WORLD_2, POD_A, .type = 3, .code = 4,
			       .quote = &udp_out } } } },
	{ "time exceeded", ONLY_V4, {
		A_SPEAKS,
		{ FROM_WIRE, { PACKET_ERROR, WORLD_2, POD_A, .type = 11, .quote = &udp_out } } } },
	{ "packet too big", ONLY_V6, {
		A_SPEAKS,
		{ FROM_WIRE, { PACKET_ERROR, WORLD_2, POD_A, .type = 2, .quote = &udp_out } } } },
	{ "parameter problem", ONLY_V6, {
		A_SPEAKS,
		{ FROM_WIRE, { PACKET_ERROR, WORLD_2, POD_A, .type = 4, .quote = &udp_out } } } },
	{ "from the stack, which could not deliver", BOTH, {
		A_SPEAKS_TO_B,
		{ TO_POD, { PACKET_ERROR, GATEWAY, POD_A, .quote = &udp_to_b }, .fate = TO_STACK,
		  .from_socket = true } } },
};

static const struct scene unrelated[] = {
	{ "no such connection", BOTH, { ERROR_ABOUT(udp_out, DROP_ICMP_UNRELATED) } },
	{ "another port", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_A, WORLD, 4001, 53 }, .fate = TO_STACK },
		ERROR_ABOUT(udp_out, DROP_ICMP_UNRELATED) } },
	{ "another protocol", BOTH, { A_SPEAKS, ERROR_ABOUT(tcp_out, DROP_ICMP_UNRELATED) } },
	{ "a connection that is over", BOTH, {
		A_SPEAKS, ERROR_ABOUT(udp_out, DROP_ICMP_UNRELATED, .before = time_passes) } },
	{ "a connection judged under another policy", BOTH, {
		A_SPEAKS,
		ERROR_ABOUT(udp_out, DROP_ICMP_UNRELATED, .before = the_generation_turns) } },
	{ "the packet was somebody else's", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_B, WORLD, 4000, 53 }, .fate = TO_STACK },
		ERROR_ABOUT(udp_of_b, DROP_ICMP_UNRELATED) } },
	{ "the packet went the other way", BOTH, {
		A_SPEAKS, ERROR_ABOUT(udp_in, DROP_ICMP_UNRELATED) } },
	{ "a pod about what it sent itself", BOTH, {
		A_SPEAKS_TO_B,
		{ FROM_POD, { PACKET_ERROR, POD_A, POD_B, .quote = &udp_to_b },
		  DROP_ICMP_UNRELATED } } },
	{ "a pod about what others got", BOTH, {
		A_SPEAKS_TO_B,
		{ FROM_POD, { PACKET_ERROR, POD_C, POD_A, .quote = &udp_to_b },
		  DROP_ICMP_UNRELATED } } },
	{ "a later fragment", BOTH, { A_SPEAKS, ERROR_ABOUT(udp_later, DROP_ICMP_UNRELATED) } },
	{ "a quote without ports", BOTH, { A_SPEAKS, ERROR_ABOUT(udp_cut, DROP_ICMP_UNRELATED) } },
	{ "a quote without addresses", BOTH, {
		A_SPEAKS, ERROR_ABOUT(ip_cut, DROP_ICMP_UNRELATED) } },
	{ "a quote of another IP", BOTH, {
		A_SPEAKS, ERROR_ABOUT(wrong_version, DROP_ICMP_UNRELATED) } },
	{ "a quote with options is not followed", ONLY_V6, {
		A_SPEAKS, ERROR_ABOUT(udp_options, DROP_ICMP_UNRELATED) } },
};

static const struct scene echoes[] = {
	{ "question and answer", BOTH, {
		{ FROM_POD, { PACKET_ECHO, POD_A, POD_B, 7 } },
		{ FROM_POD, { PACKET_ECHO_REPLY, POD_B, POD_A, 7 } } } },
	{ "an answer to nothing", BOTH, {
		{ FROM_POD, { PACKET_ECHO_REPLY, POD_B, POD_A, 7 }, DROP_CT_INVALID } } },
	{ "an answer to another question", BOTH, {
		{ FROM_POD, { PACKET_ECHO, POD_A, POD_B, 7 } },
		{ FROM_POD, { PACKET_ECHO_REPLY, POD_B, POD_A, 8 }, DROP_CT_INVALID } } },
	{ "answers pass where questions may not", BOTH, {
		{ FROM_POD, { PACKET_ECHO, POD_B, POD_A, 7 }, .before = b_hears_nobody },
		{ FROM_POD, { PACKET_ECHO_REPLY, POD_A, POD_B, 7 } },
		{ FROM_POD, { PACKET_ECHO, POD_A, POD_B, 7 }, DROP_POLICY_INGRESS } } },
	{ "a question with the identifier of the other side's", BOTH, {
		{ FROM_POD, { PACKET_ECHO, POD_B, POD_A, 7 }, .before = a_sends_to_nobody },
		{ FROM_POD, { PACKET_ECHO_REPLY, POD_A, POD_B, 7 } },
		{ FROM_POD, { PACKET_ECHO, POD_A, POD_B, 7 }, DROP_POLICY_EGRESS } } },
};

static const struct scene queries[] = {
	{ "timestamp request", ONLY_V4, {
		{ FROM_POD, { PACKET_ICMP, POD_A, POD_B, .type = 13 } } } },
	{ "node information query", ONLY_V6, {
		{ FROM_POD, { PACKET_ICMP, POD_A, POD_B, .type = 139 } } } },
	{ "refused like a connection", BOTH, {
		{ FROM_POD, { PACKET_ICMP, POD_A, POD_B, .type = 150 }, DROP_POLICY_INGRESS,
		  .before = b_hears_nobody } } },
	{ "refused at the sender", BOTH, {
		{ FROM_POD, { PACKET_ICMP, POD_A, WORLD, .type = 150 }, DROP_POLICY_EGRESS,
		  .before = a_sends_to_nobody } } },
	{ "half a header", ONLY_V4, {
		{ FROM_POD, { PACKET_PROTO, POD_A, POD_B, .type = 1, .payload = 7 },
		  DROP_SHORT_HEADER } } },
	{ "half a header", ONLY_V6, {
		{ FROM_POD, { PACKET_PROTO, POD_A, POD_B, .type = 58, .payload = 7 },
		  DROP_SHORT_HEADER } } },
};

START_TEST(errors_reach_who_sent_the_quoted_packet)
{
	PLAY(related);
}
END_TEST

START_TEST(errors_about_nothing_are_refused)
{
	PLAY(unrelated);
}
END_TEST

START_TEST(an_echo_is_a_connection)
{
	PLAY(echoes);
}
END_TEST

START_TEST(a_query_leaves_no_connection)
{
	PLAY(queries);
	ck_assert_uint_eq(ct_count("ct4") + ct_count("ct6") + ct_count("ct4_new") +
			  ct_count("ct6_new"), 0);
}
END_TEST

ENGINE_MAIN("icmp", SCENES(errors_reach_who_sent_the_quoted_packet, related),
	    SCENES(errors_about_nothing_are_refused, unrelated),
	    SCENES(an_echo_is_a_connection, echoes), SCENES(a_query_leaves_no_connection, queries))
