// SPDX-License-Identifier: Apache-2.0
/* Packets that the stack made anew: they do not know any more where they came in. */
#include "engine_main.h"
#include "hostsim/engine_host.h"

static void nobody_sent_it(bool v6)
{
	sim_orphan(true);
	b_hears_nobody(v6);
}

static const struct scene orphans[] = {
	{ "a connection", BOTH, {
		{ TO_POD, { PACKET_TCP, WORLD, POD_B, 4000, 80, SYN }, DROP_POLICY_INGRESS,
		  .from_socket = true, .before = nobody_sent_it } } },
	{ "a query", BOTH, {
		{ TO_POD, { PACKET_ICMP, HOST, POD_B, .type = 150 }, DROP_POLICY_INGRESS,
		  .from_socket = true, .before = nobody_sent_it } } },
	{ "a pod's address", BOTH, {
		{ TO_POD, { PACKET_TCP, POD_A, POD_B, 4000, 80, SYN }, DROP_POD_FROM_WIRE,
		  .from_socket = true, .before = nobody_sent_it } } },
};

START_TEST(without_a_socket_nothing_is_exempt)
{
	sim_orphan(false);
	PLAY(orphans);
}
END_TEST

ENGINE_MAIN("orphan", SCENES(without_a_socket_nothing_is_exempt, orphans))
