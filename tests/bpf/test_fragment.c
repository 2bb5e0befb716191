// SPDX-License-Identifier: Apache-2.0
/* Fragments: the first one speaks for the others, which may have to wait for it. */
#include <netinet/in.h>
#include <string.h>

#include "engine_main.h"
#include "ruleset.h"

#define FIRST .id = 77, .more = true, .payload = 64
/* Behind a UDP header and the payload of FIRST. */
#define SECOND .id = 77, .offset = 72, .more = true, .payload = 72
#define LAST .id = 77, .offset = 144, .payload = 20

#define A_SENDS(...) { FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53, __VA_ARGS__ } }
#define WORLD_SENDS(...) { FROM_WIRE, { PACKET_UDP, WORLD, POD_B, 4000, 53, __VA_ARGS__ } }
#define REFUSED(reason, ...)                                                            \
	{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53, __VA_ARGS__ }, DROP_##reason }

/* Only UDP port 53 of B is open. */
static void b_answers_names_only(bool v6)
{
	ruleset_write(3, &(struct rules){ RULESET_ISOLATED, { 0, 1, 1 },
					  { { 0, .proto = IPPROTO_UDP, .port = 53 } }, 1 });
	endpoint_ruleset(POD_B, 1, POLICY_INGRESS, 3);
}

static void connection_has_all_bytes(bool v6, const struct frame *out)
{
	const struct packet packet = { PACKET_UDP, POD_A, POD_B, 4000, 53 };
	uint64_t header = v6 ? 48 : 20;
	struct ct_entry entry;

	ck_assert(ct_get("_new", &entry, &packet, v6));
	ck_assert_uint_eq(entry.packets[0] + entry.packets[1], 3);
	ck_assert_uint_eq(entry.bytes[0] + entry.bytes[1], 3 * header + 72 + 72 + 20);
}

static const struct scene in_order[] = {
	{ "UDP between pods", BOTH, {
		A_SENDS(FIRST), A_SENDS(SECOND),
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53, LAST },
		  .after = connection_has_all_bytes } } },
	{ "UDP from the wire", BOTH, { WORLD_SENDS(FIRST), WORLD_SENDS(SECOND), WORLD_SENDS(LAST) } },
	{ "UDP through the stack", BOTH, {
		{ TO_POD, { PACKET_UDP, WORLD, POD_B, 4000, 53, FIRST }, .fate = TO_STACK },
		{ TO_POD, { PACKET_UDP, WORLD, POD_B, 4000, 53, LAST }, .fate = TO_STACK } } },
	{ "under policy, the open port", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53, FIRST },
		  .before = b_answers_names_only },
		A_SENDS(LAST) } },
	{ "under policy, another port", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 54, FIRST }, DROP_POLICY_INGRESS,
		  .before = b_answers_names_only },
		REFUSED(POLICY_INGRESS, LAST) } },
	{ "echo and its answer", BOTH, {
		{ FROM_POD, { PACKET_ECHO, POD_A, POD_B, 7, FIRST } },
		{ FROM_POD, { PACKET_ECHO, POD_A, POD_B, 7, LAST } },
		{ FROM_POD, { PACKET_ECHO_REPLY, POD_B, POD_A, 7, FIRST } },
		{ FROM_POD, { PACKET_ECHO_REPLY, POD_B, POD_A, 7, LAST } } } },
	{ "a protocol without ports", BOTH, {
		{ FROM_POD, { PACKET_PROTO, POD_A, POD_B, .type = 47, FIRST } },
		{ FROM_POD, { PACKET_PROTO, POD_A, POD_B, .type = 47, LAST } } } },
	{ "behind other extension headers", ONLY_V6, {
		A_SENDS(.extensions = { 0, 43 }, FIRST), A_SENDS(.extensions = { 0, 43 }, LAST) } },
	{ "what a later one says of the next header does not count", ONLY_V6, {
		A_SENDS(FIRST), { FROM_POD, { PACKET_PROTO, POD_A, POD_B, .type = 60, LAST } } } },
	{ "a datagram in one fragment", ONLY_V6, { A_SENDS(.id = 77, .payload = 8) } },
	{ "a whole packet with an identification", ONLY_V4, { A_SENDS(.id = 77, .payload = 8) } },
};

static const struct scene confusion[] = {
	{ "another identification", BOTH, {
		A_SENDS(FIRST), REFUSED(FRAGMENT_HELD, .id = 78, .offset = 72, .payload = 8) } },
	{ "another protocol", ONLY_V4, {
		A_SENDS(FIRST),
		{ FROM_POD, { PACKET_TCP, POD_A, POD_B, .id = 77, .offset = 72, .payload = 8 },
		  DROP_FRAGMENT_HELD } } },
	{ "another sender", BOTH, {
		A_SENDS(FIRST),
		{ FROM_POD, { PACKET_UDP, POD_C, POD_B, 4000, 53, LAST },
		  DROP_FRAGMENT_HELD } } },
	{ "a forged first one leaves no trace", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_C, POD_B, 4000, 53, FIRST, .mac = POD_A },
		  DROP_SOURCE_ADDRESS, .at = POD_A },
		{ FROM_POD, { PACKET_UDP, POD_C, POD_B, 4000, 53, LAST },
		  DROP_FRAGMENT_HELD } } },
	{ "a first one without the whole TCP header", BOTH, {
		{ FROM_POD, { PACKET_PROTO, POD_A, POD_B, .type = 6, .id = 77, .more = true,
			      .payload = 16 }, DROP_SHORT_HEADER } } },
	{ "a second one over the TCP flags", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, POD_B, 4000, 80, SYN, .id = 77, .more = true,
			      .payload = 4 } },
		{ FROM_POD, { PACKET_TCP, POD_A, POD_B, 4000, 80, .id = 77, .offset = 8,
			      .payload = 16 }, DROP_BAD_HEADER } } },
	{ "a second one over the TCP flags that calls itself UDP", ONLY_V6, {
		{ FROM_POD, { PACKET_TCP, POD_A, POD_B, 4000, 80, SYN, .id = 77, .more = true,
			      .payload = 4 } },
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 80, .id = 77, .offset = 8,
			      .payload = 16 }, DROP_BAD_HEADER } } },
	{ "echo whose question was refused", BOTH, {
		{ FROM_POD, { PACKET_ECHO, POD_A, POD_B, 7, FIRST }, DROP_POLICY_INGRESS,
		  .before = b_hears_nobody },
		{ FROM_POD, { PACKET_ECHO, POD_A, POD_B, 7, LAST }, DROP_CT_INVALID } } },
};

#define HELD(...)                                                                       \
	{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53, __VA_ARGS__ }, DROP_FRAGMENT_HELD }
/* The first one, behind which @n that waited pass. */
#define RELEASES(n, ...)                                                                \
	{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53, FIRST }, .released = n, __VA_ARGS__ }

static const struct scene out_of_order[] = {
	{ "the last one first", BOTH, { HELD(LAST), RELEASES(1), A_SENDS(SECOND) } },
	{ "all reversed", BOTH, {
		HELD(LAST), HELD(SECOND), RELEASES(2, .after = connection_has_all_bytes) } },
	{ "longer ones before a short first one", BOTH, {
		HELD(.id = 77, .offset = 72, .payload = 1400),
		HELD(.id = 77, .offset = 1472, .payload = 4), RELEASES(2) } },
	{ "each waits for its own datagram", BOTH, {
		HELD(LAST), HELD(.id = 78, .offset = 72, .payload = 8), RELEASES(1),
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53, .id = 78, .more = true,
			      .payload = 64 }, .released = 1 } } },
	{ "nothing is released twice", BOTH, { HELD(LAST), RELEASES(1), RELEASES(0) } },
	{ "from the wire", BOTH, {
		{ FROM_WIRE, { PACKET_UDP, WORLD, POD_B, 4000, 53, LAST }, DROP_FRAGMENT_HELD },
		{ FROM_WIRE, { PACKET_UDP, WORLD, POD_B, 4000, 53, FIRST }, .released = 1 } } },
	{ "through the stack", BOTH, {
		{ TO_POD, { PACKET_UDP, WORLD, POD_B, 4000, 53, LAST }, DROP_FRAGMENT_HELD },
		{ TO_POD, { PACKET_UDP, WORLD, POD_B, 4000, 53, SECOND }, DROP_FRAGMENT_HELD },
		{ TO_POD, { PACKET_UDP, WORLD, POD_B, 4000, 53, FIRST }, .fate = TO_STACK,
		  .released = 2 } } },
	{ "to the world", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_A, WORLD, 4000, 53, LAST }, DROP_FRAGMENT_HELD },
		{ FROM_POD, { PACKET_UDP, POD_A, WORLD, 4000, 53, FIRST }, .fate = TO_STACK,
		  .released = 1 } } },
	{ "echo", BOTH, {
		{ FROM_POD, { PACKET_ECHO, POD_A, POD_B, 7, LAST }, DROP_FRAGMENT_HELD },
		{ FROM_POD, { PACKET_ECHO, POD_A, POD_B, 7, FIRST }, .released = 1 } } },
	{ "TCP", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, POD_B, 4000, 80, LAST }, DROP_FRAGMENT_HELD },
		{ FROM_POD, { PACKET_TCP, POD_A, POD_B, 4000, 80, SYN, FIRST }, .released = 1 } } },
	{ "a first one that is refused releases nothing", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53, LAST }, DROP_FRAGMENT_HELD,
		  .before = b_hears_nobody },
		REFUSED(POLICY_INGRESS, FIRST), REFUSED(POLICY_INGRESS, LAST) } },
	{ "a forged one releases nothing", BOTH, {
		HELD(LAST),
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53, FIRST, .mac = POD_C },
		  DROP_SOURCE_ADDRESS, .at = POD_C },
		RELEASES(1) } },
	{ "what is too long is not kept", BOTH, {
		REFUSED(FRAGMENT_UNKNOWN, .id = 77, .offset = 72, .payload = 2100), RELEASES(0) } },
	{ "a first one that is too long releases nothing", BOTH, {
		HELD(.id = 77, .offset = 2208, .payload = 8),
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53, .id = 77, .more = true,
			      .payload = 2200 }, .fate = TO_STACK } } },
};

START_TEST(the_first_fragment_speaks_for_the_others)
{
	PLAY(in_order);
}
END_TEST

START_TEST(a_fragment_passes_for_no_other_datagram)
{
	PLAY(confusion);
}
END_TEST

START_TEST(fragments_may_come_in_any_order)
{
	PLAY(out_of_order);
}
END_TEST

/* As many as 64 KiB need; one more is refused. */
START_TEST(there_is_room_for_a_whole_datagram)
{
	struct step last = REFUSED(FRAGMENT_HELD, LAST), first = RELEASES(48);

	world_reset();
	for (uint16_t i = 1; i <= 48; i++) {
		last.packet.offset = (uint16_t)(72 + 24 * i);
		step_play(&last, _i, "a fragment that has to wait");
	}
	last.why = DROP_FRAGMENT_UNKNOWN;
	step_play(&last, _i, "one too many");
	step_play(&first, _i, "the first fragment");
}
END_TEST

static const bool families[] = { false, true };

ENGINE_MAIN("fragment", SCENES(the_first_fragment_speaks_for_the_others, in_order),
	    SCENES(a_fragment_passes_for_no_other_datagram, confusion),
	    SCENES(fragments_may_come_in_any_order, out_of_order),
	    CHECK_LOOP(there_is_room_for_a_whole_datagram, families))
