// SPDX-License-Identifier: Apache-2.0
/* Connections: what opens, answers and ends one, and what the tables say about it. */
#include <string.h>

#include "engine_main.h"

static const struct packet
	tcp_syn = { PACKET_TCP, POD_A, POD_B, 4000, 80, SYN },
	udp = { PACKET_UDP, POD_A, POD_B, 4000, 53, .payload = 100 },
	udp_wire = { PACKET_UDP, WORLD, POD_B, 4000, 53 },
	echo = { PACKET_ECHO, POD_A, POD_B, 77 },
	sctp = { PACKET_SCTP, POD_A, POD_B, 4000, 9999, 1 };

/* Packets of one TCP connection. */
#define A_SAYS(bits, ...) { FROM_POD, { PACKET_TCP, POD_A, POD_B, 4000, 80, bits }, __VA_ARGS__ }
#define B_SAYS(bits, ...) { FROM_POD, { PACKET_TCP, POD_B, POD_A, 80, 4000, bits }, __VA_ARGS__ }
#define HANDSHAKE A_SAYS(SYN), B_SAYS(SYN | ACK), A_SAYS(ACK)
/* And of one over UDP. */
#define A_ASKS(...)                                                                         \
	{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53, .payload = 100 }, __VA_ARGS__ }
#define B_ANSWERS(...) { FROM_POD, { PACKET_UDP, POD_B, POD_A, 53, 4000 }, __VA_ARGS__ }

/* The entry, which must be in one table only. */
static struct ct_entry entry_of(const struct packet *packet, bool v6, bool answered)
{
	struct ct_entry entry, other;

	ck_assert_msg(ct_get(answered ? "" : "_new", &entry, packet, v6), "no entry");
	ck_assert_msg(!ct_get(answered ? "_new" : "", &other, packet, v6), "two entries");
	return entry;
}

/* The end of the key at which @who is. */
static int end_of(enum who who, enum who other, bool v6)
{
	struct ip_addr a = who_addr(who, v6), b = who_addr(other, v6);

	return memcmp(&a, &b, sizeof(a)) > 0 ? CT_HIGH : CT_LOW;
}

static void expect_lifetime(const struct ct_entry *entry, enum lifetime_kind kind,
			    enum lifetime_stage stage)
{
	uint32_t seconds = engine_config.lifetime_s[kind][stage];
	int32_t left = (int32_t)(entry->expires - clock_now());
	int32_t wanted = (int32_t)(seconds * engine_config.hz);

	/* A second late: the lifetime is not written for less, and tests take time. */
	ck_assert_int_le(left, wanted + (int32_t)engine_config.hz);
	ck_assert_int_ge(left, wanted - 3 * (int32_t)engine_config.hz);
}

static void is_half_open(bool v6, const struct frame *out)
{
	struct ct_entry entry = entry_of(&tcp_syn, v6, false);

	expect_lifetime(&entry, LIFETIME_TCP, LIFETIME_OPEN);
	ck_assert_uint_eq(entry.flags, 0);
	ck_assert_uint_eq(entry.generation, 1);
	ck_assert_uint_eq(entry.opener, end_of(POD_A, POD_B, v6));
	ck_assert_uint_eq(entry.ifindex[end_of(POD_A, POD_B, v6)], ifindex_of(POD_A));
	ck_assert_uint_eq(entry.ifindex[end_of(POD_B, POD_A, v6)], ifindex_of(POD_B));
	ck_assert_uint_eq(entry.packets[end_of(POD_A, POD_B, v6)], 1);
	ck_assert_uint_eq(entry.packets[end_of(POD_B, POD_A, v6)], 0);
	ck_assert_uint_eq(entry.bytes[end_of(POD_A, POD_B, v6)], v6 ? 60 : 40);
}

static void stays_half_open(bool v6, const struct frame *out)
{
	struct ct_entry entry = entry_of(&tcp_syn, v6, false);

	expect_lifetime(&entry, LIFETIME_TCP, LIFETIME_OPEN);
	ck_assert_uint_eq(entry.flags, 0);
}

static void is_established(bool v6, const struct frame *out)
{
	struct ct_entry entry = entry_of(&tcp_syn, v6, true);

	expect_lifetime(&entry, LIFETIME_TCP, LIFETIME_LIVE);
	ck_assert_uint_eq(entry.flags, CT_ANSWERED);
	ck_assert_uint_eq(entry.packets[end_of(POD_A, POD_B, v6)], 2);
	ck_assert_uint_eq(entry.packets[end_of(POD_B, POD_A, v6)], 1);
}

static void is_closing(bool v6, const struct frame *out)
{
	struct ct_entry entry = entry_of(&tcp_syn, v6, true);

	expect_lifetime(&entry, LIFETIME_TCP, LIFETIME_CLOSING);
	ck_assert_uint_eq(entry.flags, CT_ANSWERED | CT_CLOSING);
}

static void is_still_live(bool v6, const struct frame *out)
{
	struct ct_entry entry = entry_of(&tcp_syn, v6, true);

	expect_lifetime(&entry, LIFETIME_TCP, LIFETIME_LIVE);
	ck_assert_uint_eq(entry.flags, CT_ANSWERED);
	ck_assert_uint_eq(entry.fin[end_of(POD_A, POD_B, v6)], 1);
}

static void is_half_closing(bool v6, const struct frame *out)
{
	struct ct_entry entry = entry_of(&tcp_syn, v6, false);

	expect_lifetime(&entry, LIFETIME_TCP, LIFETIME_CLOSING);
	ck_assert_uint_eq(entry.flags & CT_CLOSING, CT_CLOSING);
}

static void udp_is_new(bool v6, const struct frame *out)
{
	struct ct_entry entry = entry_of(&udp, v6, false);

	expect_lifetime(&entry, LIFETIME_UDP, LIFETIME_OPEN);
	ck_assert_uint_eq(entry.bytes[end_of(POD_A, POD_B, v6)], v6 ? 148 : 128);
}

static void udp_is_answered(bool v6, const struct frame *out)
{
	struct ct_entry entry = entry_of(&udp, v6, true);

	expect_lifetime(&entry, LIFETIME_UDP, LIFETIME_LIVE);
	ck_assert_uint_eq(entry.opener, end_of(POD_A, POD_B, v6));
}

static void wire_has_one_endpoint(bool v6, const struct frame *out)
{
	struct ct_entry entry = entry_of(&udp_wire, v6, false);

	ck_assert_uint_eq(entry.opener, end_of(WORLD, POD_B, v6));
	ck_assert_uint_eq(entry.ifindex[end_of(WORLD, POD_B, v6)], 0);
	ck_assert_uint_eq(entry.ifindex[end_of(POD_B, WORLD, v6)], ifindex_of(POD_B));
}

static void echo_is_new(bool v6, const struct frame *out)
{
	struct ct_entry entry = entry_of(&echo, v6, false);

	expect_lifetime(&entry, LIFETIME_ICMP, LIFETIME_OPEN);
}

static void sctp_is_new(bool v6, const struct frame *out)
{
	struct ct_entry entry = entry_of(&sctp, v6, false);

	expect_lifetime(&entry, LIFETIME_OTHER, LIFETIME_OPEN);
}

static void sctp_is_live(bool v6, const struct frame *out)
{
	struct ct_entry entry = entry_of(&sctp, v6, true);

	expect_lifetime(&entry, LIFETIME_SCTP, LIFETIME_LIVE);
}

static void nothing_is_left(bool v6, const struct frame *out)
{
	ck_assert_uint_eq(ct_count("ct4") + ct_count("ct4_new") + ct_count("ct6") +
			  ct_count("ct6_new"), 0);
}

static void the_refusal_is_kept(bool v6, const struct frame *out)
{
	ck_assert_uint_eq(ct_count("ct4") + ct_count("ct4_new") + ct_count("ct6") +
			  ct_count("ct6_new"), 1);
}

static void host_opened(bool v6, const struct frame *out)
{
	const struct packet syn = { PACKET_TCP, HOST, POD_B, 4000, 80, SYN };
	struct ct_entry entry = entry_of(&syn, v6, false);

	ck_assert_uint_eq(entry.flags, CT_HOST_OPENED | CT_STACK_OPENED);
}

static const struct scene tcp[] = {
	{ "half open, answered, established", BOTH, {
		A_SAYS(SYN, .after = is_half_open),
		B_SAYS(SYN | ACK, .after = stays_half_open),
		A_SAYS(ACK, .after = is_established) } },
	{ "a repeated opening", BOTH, {
		A_SAYS(SYN), A_SAYS(SYN), B_SAYS(SYN | ACK), A_SAYS(SYN),
		B_SAYS(SYN | ACK, .after = stays_half_open), A_SAYS(ACK) } },
	{ "an answer to nothing", BOTH, { B_SAYS(SYN | ACK, DROP_CT_INVALID) } },
	{ "an end of nothing", BOTH, { A_SAYS(FIN | ACK, DROP_CT_INVALID) } },
	{ "a reset of nothing", BOTH, { A_SAYS(RST, DROP_CT_INVALID) } },
	{ "picked up in the middle", BOTH, { A_SAYS(ACK), B_SAYS(ACK) } },
	{ "an end each way", BOTH, {
		HANDSHAKE, A_SAYS(FIN | ACK, .after = is_still_live),
		B_SAYS(FIN | ACK, .after = is_closing), A_SAYS(ACK, .after = is_closing) } },
	{ "reset", BOTH, { HANDSHAKE, B_SAYS(RST, .after = is_closing) } },
	{ "refused by the receiver", BOTH, {
		A_SAYS(SYN), B_SAYS(RST | ACK, .after = is_half_closing) } },
	{ "opened anew after its end", BOTH, {
		HANDSHAKE, A_SAYS(RST), A_SAYS(SYN, .after = is_half_open), B_SAYS(SYN | ACK),
		A_SAYS(ACK, .after = is_established) } },
	{ "opened anew after being refused", BOTH, {
		A_SAYS(SYN), B_SAYS(RST | ACK), A_SAYS(SYN, .after = is_half_open) } },
	{ "opened anew by the other side", BOTH, {
		HANDSHAKE, A_SAYS(RST), B_SAYS(SYN), A_SAYS(SYN | ACK), B_SAYS(ACK) } },
	{ "over", BOTH, {
		HANDSHAKE, A_SAYS(FIN | ACK, DROP_CT_INVALID, .before = time_passes) } },
	{ "half open and over", BOTH, {
		A_SAYS(SYN), B_SAYS(SYN | ACK, DROP_CT_INVALID, .before = time_passes) } },
};

static const struct scene others[] = {
	{ "UDP", BOTH, {
		A_ASKS(.after = udp_is_new), A_ASKS(),
		B_ANSWERS(.after = udp_is_answered), A_ASKS(.after = udp_is_answered) } },
	{ "UDP over, and again", BOTH, {
		A_ASKS(), B_ANSWERS(), A_ASKS(.before = time_passes) } },
	{ "from the wire", BOTH, {
		{ FROM_WIRE, { PACKET_UDP, WORLD, POD_B, 4000, 53 },
		  .after = wire_has_one_endpoint } } },
	{ "echo", BOTH, {
		{ FROM_POD, { PACKET_ECHO, POD_A, POD_B, 77 }, .after = echo_is_new } } },
	{ "SCTP", BOTH, {
		{ FROM_POD, { PACKET_SCTP, POD_A, POD_B, 4000, 9999, 1 }, .after = sctp_is_new },
		{ FROM_POD, { PACKET_SCTP, POD_B, POD_A, 9999, 4000, 2 }, .after = sctp_is_new },
		{ FROM_POD, { PACKET_SCTP, POD_A, POD_B, 4000, 9999, 10 },
		  .after = sctp_is_live },
		{ FROM_POD, { PACKET_SCTP, POD_B, POD_A, 9999, 4000, 14 } } } },
	{ "SCTP, answers to nothing", BOTH, {
		{ FROM_POD, { PACKET_SCTP, POD_A, POD_B, 4000, 9999, 2 }, DROP_CT_INVALID },
		{ FROM_POD, { PACKET_SCTP, POD_A, POD_B, 4000, 9999, 6 }, DROP_CT_INVALID },
		{ FROM_POD, { PACKET_SCTP, POD_A, POD_B, 4000, 9999, 14 }, DROP_CT_INVALID } } },
	{ "a protocol without ports", BOTH, {
		{ FROM_POD, { PACKET_PROTO, POD_A, POD_B, .type = 47 } },
		{ FROM_POD, { PACKET_PROTO, POD_B, POD_A, .type = 47 },
		  .before = a_sends_to_nobody } } },
	{ "opened by the node", BOTH, {
		{ TO_POD, { PACKET_TCP, HOST, POD_B, 4000, 80, SYN }, .fate = TO_STACK,
		  .from_socket = true, .after = host_opened } } },
};

static const struct scene policy[] = {
	{ "an answer needs no rule", BOTH, {
		A_SAYS(SYN, .before = b_hears_nobody, .why = DROP_POLICY_INGRESS,
		       .after = nothing_is_left) } },
	{ "a pod that may send to nobody may answer", BOTH, {
		B_SAYS(SYN, .before = a_sends_to_nobody), A_SAYS(SYN | ACK), B_SAYS(ACK),
		A_SAYS(ACK), A_SAYS(SYN, DROP_POLICY_EGRESS), A_SAYS(ACK) } },
	{ "nor does the answer become an opening", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_B, POD_A, 53, 4000 }, .before = a_sends_to_nobody },
		A_ASKS(), B_ANSWERS(), A_ASKS(.before = time_passes, .why = DROP_POLICY_EGRESS) } },
	{ "what was revoked does not go on as an answer", BOTH, {
		A_ASKS(), B_ANSWERS(), A_ASKS(.before = b_hears_nobody),
		B_ANSWERS(.before = the_generation_turns, .why = DROP_POLICY_INGRESS),
		A_ASKS(.why = DROP_POLICY_INGRESS) } },
	{ "the middle of an unknown connection is nobody's opening", BOTH, {
		B_SAYS(ACK, .before = b_hears_nobody, .why = DROP_CT_INVALID,
		       .after = nothing_is_left) } },
	{ "a changed policy counts at the next packet", BOTH, {
		A_ASKS(), B_ANSWERS(), A_ASKS(.before = b_hears_nobody),
		A_ASKS(.before = the_generation_turns, .why = DROP_POLICY_INGRESS,
		       .after = the_refusal_is_kept) } },
	{ "also at the next answer", BOTH, {
		A_ASKS(), B_ANSWERS(.before = b_hears_nobody),
		B_ANSWERS(.before = the_generation_turns, .why = DROP_POLICY_INGRESS,
			  .after = the_refusal_is_kept) } },
	{ "also while half open", BOTH, {
		A_SAYS(SYN), B_SAYS(SYN | ACK, .before = b_hears_nobody),
		A_SAYS(ACK, .before = the_generation_turns, .why = DROP_POLICY_INGRESS,
		       .after = the_refusal_is_kept) } },
	{ "what is still allowed goes on", BOTH, {
		HANDSHAKE, A_SAYS(ACK, .before = the_generation_turns), B_SAYS(ACK), A_SAYS(ACK) } },
	{ "what the node opened stays exempt", BOTH, {
		{ TO_POD, { PACKET_TCP, HOST, POD_B, 4000, 80, SYN }, .fate = TO_STACK,
		  .from_socket = true, .before = b_hears_nobody },
		{ FROM_POD, { PACKET_TCP, POD_B, HOST, 80, 4000, SYN | ACK }, .fate = TO_STACK,
		  .marked = true, .before = the_generation_turns },
		{ TO_POD, { PACKET_TCP, HOST, POD_B, 4000, 80, ACK }, .fate = TO_STACK } } },
};

START_TEST(tcp_opens_answers_and_ends)
{
	PLAY(tcp);
}
END_TEST

START_TEST(other_protocols_have_their_lifetimes)
{
	PLAY(others);
}
END_TEST

START_TEST(a_verdict_is_of_its_generation)
{
	PLAY(policy);
}
END_TEST

/* Fills the table of answered flows with foreign ones. */
static void table_fills_up(bool v6)
{
	struct packet other = { PACKET_UDP, POD_C, WORLD, .dport = 1 };
	struct ct6_value value = { .entry.expires = clock_now() + 100000 };
	uint8_t key[sizeof(struct ct6_key)] = {};
	uint32_t n = 0;

	do {
		n++;
		memcpy(key, &n, sizeof(n));
	} while (!engine_update(map_of("ct", v6, ""), key, &value));
	ck_assert_uint_ge(n, ENGINE_CT_MAX);
	ck_assert(!ct_get("", &value.entry, &other, v6));
}

static const struct scene full[] = {
	{ "UDP stays where it is", BOTH, {
		A_ASKS(.before = table_fills_up), B_ANSWERS(), A_ASKS(), B_ANSWERS() } },
	{ "TCP stays where it is", BOTH, {
		A_SAYS(SYN, .before = table_fills_up), B_SAYS(SYN | ACK), A_SAYS(ACK), B_SAYS(ACK),
		A_SAYS(FIN | ACK), B_SAYS(FIN | ACK) } },
};

START_TEST(a_full_table_keeps_nobody_from_speaking)
{
	PLAY(full);
}
END_TEST

ENGINE_MAIN("conntrack", SCENES(tcp_opens_answers_and_ends, tcp),
	    SCENES(other_protocols_have_their_lifetimes, others),
	    SCENES(a_verdict_is_of_its_generation, policy),
	    SCENES(a_full_table_keeps_nobody_from_speaking, full))
