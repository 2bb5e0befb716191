// SPDX-License-Identifier: Apache-2.0
/* Helpers that fail: the packet is refused, whatever it was about to become. */
#include "engine_main.h"
#include "hostsim/engine_host.h"

#define UDP { PACKET_UDP, POD_A, POD_B, 4000, 53 }

static void new_table_fails(bool v6)
{
	sim_fail(v6 ? "ct6_new" : "ct4_new", 0);
}

static void answered_table_fails(bool v6)
{
	sim_fail(v6 ? "ct6" : "ct4", 0);
}

static void change_type_fails(bool v6)
{
	sim_fail("bpf_skb_change_type", 0);
}

static void change_tail_fails(bool v6)
{
	sim_fail("bpf_skb_change_tail", 0);
}

static void pull_fails(bool v6)
{
	sim_linear(14);
	sim_fail("bpf_skb_pull_data", 0);
}

/* The packet carries what waited (one call), then it becomes itself again (another). */
static void emission_fails(bool v6)
{
	sim_fail("bpf_skb_store_bytes", 0);
}

static void return_fails(bool v6)
{
	sim_fail("bpf_skb_store_bytes", 1);
}

static void clone_fails(bool v6)
{
	sim_fail("bpf_clone_redirect", 0);
}

static void held_fails(bool v6)
{
	sim_fail("held", 0);
}

#define LATER { PACKET_UDP, POD_A, POD_B, 4000, 53, .id = 7, .offset = 72, .payload = 20 }
#define FIRST { PACKET_UDP, POD_A, POD_B, 4000, 53, .id = 7, .more = true, .payload = 64 }

static const struct scene failures[] = {
	{ "no memory for a connection", BOTH, {
		{ FROM_POD, UDP, DROP_CT_FULL, .before = new_table_fails },
		{ FROM_POD, UDP } } },
	{ "no memory for an answered one: it stays where it is", BOTH, {
		{ FROM_POD, UDP },
		{ FROM_POD, { PACKET_UDP, POD_B, POD_A, 53, 4000 },
		  .before = answered_table_fails },
		{ FROM_POD, UDP } } },
	{ "the frame cannot be addressed to the pod", BOTH, {
		{ FROM_POD, UDP, DROP_INTERNAL, .before = change_type_fails } } },
	{ "the answer does not fit", ONLY_V6, {
		{ FROM_POD, { PACKET_SOLICIT, POD_A, GATEWAY, .target = GATEWAY, .payload = 8 },
		  DROP_INTERNAL, .before = change_tail_fails } } },
	{ "the head cannot be pulled", BOTH, {
		{ FROM_POD, UDP, DROP_SHORT_HEADER, .before = pull_fails } } },
	{ "the head cannot be pulled on arrival", BOTH, {
		{ TO_POD, { PACKET_UDP, WORLD, POD_B, 4000, 53 }, DROP_SHORT_HEADER,
		  .before = pull_fails } } },
	{ "no memory for a fragment that has to wait", BOTH, {
		{ FROM_POD, LATER, DROP_FRAGMENT_UNKNOWN, .before = held_fails },
		{ FROM_POD, FIRST } } },
	{ "a fragment that cannot be emitted is lost, the first one is not", BOTH, {
		{ FROM_POD, LATER, DROP_FRAGMENT_HELD },
		{ FROM_POD, FIRST, .before = emission_fails } } },
	{ "nor when it cannot be copied", BOTH, {
		{ FROM_POD, LATER, DROP_FRAGMENT_HELD },
		{ FROM_POD, FIRST, .before = clone_fails } } },
	{ "a packet that cannot become itself again is lost", BOTH, {
		{ FROM_POD, LATER, DROP_FRAGMENT_HELD },
		{ FROM_POD, FIRST, DROP_INTERNAL, .before = return_fails, .released = 1 } } },
};

START_TEST(a_failed_helper_lets_nothing_pass)
{
	PLAY(failures);
}
END_TEST

ENGINE_MAIN("failure", SCENES(a_failed_helper_lets_nothing_pass, failures))
