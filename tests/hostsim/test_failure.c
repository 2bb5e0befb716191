// SPDX-License-Identifier: Apache-2.0
/* Helpers that fail: the packet is refused, whatever it was about to become. */
#include "engine_main.h"
#include "hostsim/engine_host.h"

#define UDP { PACKET_UDP, POD_A, POD_B, 4000, 53 }

static void new_table_fails(bool v6)
{
	sim_fail(v6 ? "ct6_new" : "ct4_new");
}

static void answered_table_fails(bool v6)
{
	sim_fail(v6 ? "ct6" : "ct4");
}

static void change_type_fails(bool v6)
{
	sim_fail("bpf_skb_change_type");
}

static void change_tail_fails(bool v6)
{
	sim_fail("bpf_skb_change_tail");
}

static void pull_fails(bool v6)
{
	sim_linear(14);
	sim_fail("bpf_skb_pull_data");
}

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
};

START_TEST(a_failed_helper_lets_nothing_pass)
{
	PLAY(failures);
}
END_TEST

ENGINE_MAIN("failure", SCENES(a_failed_helper_lets_nothing_pass, failures))
