// SPDX-License-Identifier: Apache-2.0
/* ARP and neighbour discovery of pods: one kind of scene for both. */
#include <string.h>

#include "engine_main.h"

static void expect_advert(const struct packet *advert, bool v6, const struct frame *out)
{
	struct frame wanted;

	packet_build(&wanted, advert, v6);
	ck_assert_uint_eq(out->len, wanted.len);
	ck_assert_mem_eq(out->data, wanted.data, wanted.len);
	ck_assert(!v6 || frame_checksums_fit(out));
}

static void gateway_answers_a(bool v6, const struct frame *out)
{
	expect_advert(&(struct packet){ PACKET_ADVERT, GATEWAY, POD_A, .target = GATEWAY,
					.flags = 0xe0 }, v6, out);
}

static void gateway_answers_c(bool v6, const struct frame *out)
{
	expect_advert(&(struct packet){ PACKET_ADVERT, GATEWAY, POD_C, .target = GATEWAY,
					.flags = 0xe0 }, v6, out);
}

static void local_gateway_answers(bool v6, const struct frame *out)
{
	expect_advert(&(struct packet){ PACKET_ADVERT, LOCAL_GATEWAY, LOCAL_A,
					.target = LOCAL_GATEWAY, .flags = 0xe0 }, v6, out);
}

static const struct scene questions[] = {
	{ "for the gateway", BOTH, {
		{ FROM_POD, { PACKET_SOLICIT, POD_A, GATEWAY, .target = GATEWAY },
		  .fate = SENT_BACK, .after = gateway_answers_a } } },
	{ "for the gateway, under policy", BOTH, {
		{ FROM_POD, { PACKET_SOLICIT, POD_A, ALL_NODES, .target = GATEWAY },
		  .fate = SENT_BACK, .before = a_sends_to_nobody, .after = gateway_answers_a } } },
	{ "for the gateway, of a chained pod", BOTH, {
		{ FROM_POD, { PACKET_SOLICIT, POD_C, GATEWAY, .target = GATEWAY },
		  .fate = SENT_BACK, .after = gateway_answers_c } } },
	{ "for the gateway, without the sender's MAC", ONLY_V6, {
		{ FROM_POD, { PACKET_SOLICIT, POD_A, GATEWAY, .target = GATEWAY, .poke_at = 19,
			      .poke = 24, .cut = 8 },
		  .fate = SENT_BACK, .after = gateway_answers_a } } },
	{ "for the gateway, with padding", ONLY_V6, {
		{ FROM_POD, { PACKET_SOLICIT, POD_A, GATEWAY, .target = GATEWAY, .payload = 40 },
		  .fate = SENT_BACK, .after = gateway_answers_a } } },
	{ "for the gateway's link-local address", ONLY_V6, {
		{ FROM_POD, { PACKET_SOLICIT, LOCAL_A, ALL_NODES, .target = LOCAL_GATEWAY },
		  .fate = SENT_BACK, .at = POD_A, .after = local_gateway_answers } } },
	{ "for another pod", BOTH, {
		{ FROM_POD, { PACKET_SOLICIT, POD_A, ALL_NODES, .target = POD_B },
		  DROP_MULTICAST } } },
	{ "for another pod, of a chained one", BOTH, {
		{ FROM_POD, { PACKET_SOLICIT, POD_C, ALL_NODES, .target = POD_B },
		  .fate = TO_STACK } } },
	{ "for itself", BOTH, {
		{ FROM_POD, { PACKET_SOLICIT, POD_A, ALL_NODES, .target = POD_A },
		  .fate = TO_STACK } } },
	{ "probe for its own address", BOTH, {
		{ FROM_POD, { PACKET_SOLICIT, NOBODY, ALL_NODES, .mac = POD_A, .target = POD_A },
		  .fate = TO_STACK, .at = POD_A } } },
	{ "probe for its link-local address", ONLY_V6, {
		{ FROM_POD, { PACKET_SOLICIT, NOBODY, ALL_NODES, .mac = POD_A,
			      .target = LOCAL_A }, .fate = TO_STACK, .at = POD_A } } },
	{ "router solicitation", ONLY_V6, {
		{ FROM_POD, { PACKET_ICMP, LOCAL_A, ALL_NODES, .type = 133, .hops = 255 },
		  .fate = TO_STACK, .at = POD_A, .before = a_sends_to_nobody } } },
};

static const struct scene lies[] = {
	{ "question under another pod's address", ONLY_V4, {
		{ FROM_POD, { PACKET_SOLICIT, POD_B, GATEWAY, .mac = POD_A, .target = GATEWAY },
		  DROP_ARP_SPOOF, .at = POD_A } } },
	{ "question under another pod's address", ONLY_V6, {
		{ FROM_POD, { PACKET_SOLICIT, POD_B, GATEWAY, .mac = POD_A, .target = GATEWAY },
		  DROP_SOURCE_ADDRESS, .at = POD_A } } },
	{ "question under another pod's MAC", ONLY_V4, {
		{ FROM_POD, { PACKET_SOLICIT, POD_A, GATEWAY, .target = GATEWAY, .poke_at = 27,
			      .poke = 3 }, DROP_ARP_SPOOF } } },
	{ "frame of another pod's MAC", BOTH, {
		{ FROM_POD, { PACKET_SOLICIT, POD_A, GATEWAY, .mac = POD_B, .target = GATEWAY },
		  DROP_SOURCE_MAC } } },
	{ "answer for another pod", BOTH, {
		{ FROM_POD, { PACKET_ADVERT, POD_A, ALL_NODES, .target = POD_B },
		  DROP_ARP_SPOOF } } },
	{ "answer for the gateway", BOTH, {
		{ FROM_POD, { PACKET_ADVERT, POD_A, POD_B, .target = GATEWAY },
		  DROP_ARP_SPOOF } } },
	{ "answer without an address", ONLY_V4, {
		{ FROM_POD, { PACKET_ADVERT, POD_A, POD_B, .target = NOBODY },
		  DROP_ARP_SPOOF } } },
	{ "probe for another pod's address", ONLY_V6, {
		{ FROM_POD, { PACKET_SOLICIT, NOBODY, ALL_NODES, .mac = POD_A, .target = POD_B },
		  DROP_ARP_SPOOF, .at = POD_A } } },
	{ "ARP for other hardware", ONLY_V4, {
		{ FROM_POD, { PACKET_SOLICIT, POD_A, GATEWAY, .target = GATEWAY, .poke_at = 15,
			      .poke = 6 }, DROP_BAD_HEADER } } },
	{ "ARP cut", ONLY_V4, {
		{ FROM_POD, { PACKET_SOLICIT, POD_A, GATEWAY, .target = GATEWAY, .cut = 1 },
		  DROP_SHORT_HEADER } } },
	{ "solicitation without a whole target", ONLY_V6, {
		{ FROM_POD, { PACKET_ICMP, POD_A, GATEWAY, .type = 135, .hops = 255,
			      .payload = 15 }, DROP_SHORT_HEADER } } },
	{ "solicitation from afar", ONLY_V6, {
		{ FROM_POD, { PACKET_SOLICIT, POD_A, GATEWAY, .target = GATEWAY, .hops = 254 },
		  DROP_BAD_HEADER } } },
	{ "solicitation behind an option", ONLY_V6, {
		{ FROM_POD, { PACKET_SOLICIT, POD_A, GATEWAY, .target = GATEWAY,
			      .extensions = { 60 } }, DROP_BAD_HEADER } } },
	{ "solicitation in fragments", ONLY_V6, {
		{ FROM_POD, { PACKET_SOLICIT, POD_A, GATEWAY, .target = GATEWAY, .id = 5,
			      .more = true }, DROP_BAD_HEADER } } },
	{ "router advertisement", ONLY_V6, {
		{ FROM_POD, { PACKET_ICMP, LOCAL_A, ALL_NODES, .type = 134, .hops = 255 },
		  DROP_ROGUE_CONTROL, .at = POD_A } } },
	{ "redirect", ONLY_V6, {
		{ FROM_POD, { PACKET_ICMP, LOCAL_A, POD_B, .type = 137, .hops = 255 },
		  DROP_SOURCE_ADDRESS, .at = POD_A },
		{ FROM_POD, { PACKET_ICMP, LOCAL_A, LOCAL_GATEWAY, .type = 137, .hops = 255 },
		  DROP_ROGUE_CONTROL, .at = POD_A } } },
	{ "router advertisement behind an option", ONLY_V6, {
		{ FROM_POD, { PACKET_ICMP, LOCAL_A, ALL_NODES, .type = 134, .hops = 255,
			      .extensions = { 60 } }, DROP_ROGUE_CONTROL, .at = POD_A } } },
	{ "redirect, IPv4", ONLY_V4, {
		{ FROM_POD, { PACKET_ICMP, POD_A, POD_B, .type = 5 }, DROP_ROGUE_CONTROL } } },
};

static const struct scene announcements[] = {
	{ "its own address", BOTH, {
		{ FROM_POD, { PACKET_ADVERT, POD_A, ALL_NODES, .target = POD_A },
		  .fate = TO_STACK } } },
	{ "its own address, to the gateway that asked", BOTH, {
		{ FROM_POD, { PACKET_ADVERT, POD_A, GATEWAY, .target = POD_A },
		  .fate = TO_STACK, .before = a_sends_to_nobody } } },
	{ "its link-local address", ONLY_V6, {
		{ FROM_POD, { PACKET_ADVERT, LOCAL_A, LOCAL_GATEWAY, .target = LOCAL_A },
		  .fate = TO_STACK, .at = POD_A } } },
	{ "group membership, before it has an address", ONLY_V6, {
		{ FROM_POD, { PACKET_ICMP, NOBODY, ALL_NODES, .mac = POD_A, .type = 143,
			      .hops = 1 }, .fate = TO_STACK, .at = POD_A } } },
	{ "something else, before it has an address", ONLY_V6, {
		{ FROM_POD, { PACKET_ECHO, NOBODY, ALL_NODES, 7, .mac = POD_A },
		  DROP_SOURCE_ADDRESS, .at = POD_A } } },
};

START_TEST(the_gateway_is_the_only_neighbour)
{
	PLAY(questions);
}
END_TEST

START_TEST(no_pod_claims_what_is_not_its_own)
{
	PLAY(lies);
}
END_TEST

START_TEST(a_pod_may_announce_itself)
{
	PLAY(announcements);
}
END_TEST

ENGINE_MAIN("neighbour", SCENES(the_gateway_is_the_only_neighbour, questions),
	    SCENES(no_pod_claims_what_is_not_its_own, lies),
	    SCENES(a_pod_may_announce_itself, announcements))
