// SPDX-License-Identifier: Apache-2.0
/* What comes from outside: only packets of local pods concern the program. */
#include "engine_main.h"

static const struct scene arrivals[] = {
	{ "from a pod of another node", BOTH, {
		{ FROM_WIRE, { PACKET_TCP, POD_AWAY, POD_B, 4000, 80, SYN } } } },
	{ "from the world", BOTH, {
		{ FROM_WIRE, { PACKET_UDP, WORLD, POD_B, 4000, 53, .payload = 100 } } } },
	{ "a connection each way", BOTH, {
		{ FROM_WIRE, { PACKET_TCP, WORLD, POD_B, 4000, 80, SYN } },
		{ FROM_POD, { PACKET_TCP, POD_B, WORLD, 80, 4000, SYN | ACK }, .fate = TO_STACK,
		  .marked = true },
		{ FROM_WIRE, { PACKET_TCP, WORLD, POD_B, 4000, 80, ACK } } } },
	{ "an answer to a pod", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_B, WORLD, 4000, 53 }, .fate = TO_STACK },
		{ FROM_WIRE, { PACKET_UDP, WORLD, POD_B, 53, 4000 } } } },
	{ "an answer to a pod that nobody else reaches", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_B, WORLD, 4000, 53 }, .fate = TO_STACK,
		  .before = b_hears_nobody },
		{ FROM_WIRE, { PACKET_UDP, WORLD, POD_B, 53, 4000 } },
		{ FROM_WIRE, { PACKET_UDP, WORLD_2, POD_B, 53, 4000 }, DROP_POLICY_INGRESS } } },
	{ "the last hop", BOTH, {
		{ FROM_WIRE, { PACKET_UDP, WORLD, POD_B, 4000, 53, .hops = 1 },
		  .fate = TO_STACK } } },
	{ "too long", BOTH, {
		{ FROM_WIRE, { PACKET_UDP, WORLD, POD_B, 4000, 53, .payload = 1600 },
		  .fate = TO_STACK } } },
	{ "the node's own address", BOTH, {
		{ FROM_WIRE, { PACKET_TCP, HOST, POD_B, 4000, 80, SYN }, DROP_POD_FROM_WIRE } } },
	{ "the node's own address in a connection that it has opened", BOTH, {
		{ TO_POD, { PACKET_UDP, HOST, POD_B, 4000, 53 }, .fate = TO_STACK,
		  .from_socket = true },
		{ FROM_WIRE, { PACKET_UDP, HOST, POD_B, 4000, 53 }, DROP_POD_FROM_WIRE } } },
	{ "a local pod's address", BOTH, {
		{ FROM_WIRE, { PACKET_TCP, POD_A, POD_B, 4000, 80, SYN }, DROP_POD_FROM_WIRE },
		{ FROM_WIRE, { PACKET_UDP, POD_A, HOST, 4000, 53 }, DROP_POD_FROM_WIRE } } },
	{ "a loopback address", ONLY_V4, {
		{ FROM_WIRE, { PACKET_TCP, LOOPBACK, POD_B, 4000, 80, SYN }, DROP_POD_FROM_WIRE },
		{ FROM_WIRE, { PACKET_UDP, LOOPBACK, HOST, 4000, 53 }, DROP_POD_FROM_WIRE },
		{ FROM_WIRE, { PACKET_TCP, WORLD, LOOPBACK, 4000, 80, SYN },
		  DROP_POD_FROM_WIRE } } },
	{ "no endpoint", BOTH, {
		{ FROM_WIRE, { PACKET_TCP, WORLD, POD_B, 4000, 80, SYN }, DROP_NO_ENDPOINT,
		  .before = b_is_gone } } },
	{ "not ready", BOTH, {
		{ FROM_WIRE, { PACKET_TCP, WORLD, POD_B, 4000, 80, SYN }, DROP_NOT_READY,
		  .before = b_is_not_ready } } },
	{ "no policy was ever loaded", BOTH, {
		{ FROM_WIRE, { PACKET_TCP, WORLD, POD_B, 4000, 80, SYN }, DROP_NOT_READY,
		  .before = no_policy_was_loaded } } },
	{ "short transport header", ONLY_V4, {
		{ FROM_WIRE, { PACKET_UDP, WORLD, POD_B, 1, 2, .poke_at = 17, .poke = 27 },
		  DROP_SHORT_HEADER } } },
	{ "segments left", ONLY_V6, {
		{ FROM_WIRE, { PACKET_UDP, WORLD, POD_B, 1, 2, .extensions = { 43 },
			       .poke_at = 57, .poke = 1 }, DROP_EXTENSION_HEADER } } },
};

static const struct scene foreign[] = {
	{ "to the node", BOTH, {
		{ FROM_WIRE, { PACKET_TCP, WORLD, HOST, 4000, 22, SYN }, .fate = TO_STACK } } },
	{ "to the node, before any policy", BOTH, {
		{ FROM_WIRE, { PACKET_TCP, WORLD, HOST, 4000, 22, SYN }, .fate = TO_STACK,
		  .before = no_policy_was_loaded } } },
	{ "to a pod of another node", BOTH, {
		{ FROM_WIRE, { PACKET_TCP, WORLD, POD_AWAY, 4000, 22, SYN }, .fate = TO_STACK } } },
	{ "what claims to be from the node, to the node", BOTH, {
		{ FROM_WIRE, { PACKET_TCP, HOST, HOST, 4000, 22, SYN }, .fate = TO_STACK } } },
	{ "through the node", BOTH, {
		{ FROM_WIRE, { PACKET_ECHO, WORLD, WORLD_2, 4000 }, .fate = TO_STACK } } },
	{ "to all nodes", BOTH, {
		{ FROM_WIRE, { PACKET_UDP, WORLD, ALL_NODES, 1, 2 }, .fate = TO_STACK } } },
	{ "neighbours", BOTH, {
		{ FROM_WIRE, { PACKET_SOLICIT, NODE, HOST, .target = HOST }, .fate = TO_STACK } } },
	{ "neither IP nor ARP", ONLY_V4, {
		{ FROM_WIRE, { PACKET_ETHER, NODE, HOST, 0x88cc, .payload = 40 },
		  .fate = TO_STACK } } },
	{ "what the parser does not follow: to_pod refuses it", BOTH, {
		{ FROM_WIRE, { PACKET_UDP, WORLD, POD_B, 4000, 53, .poke_at = 14, .poke = 0x50 },
		  .fate = TO_STACK } } },
};

START_TEST(packets_for_pods_are_judged_and_delivered)
{
	PLAY(arrivals);
}
END_TEST

START_TEST(everything_else_is_the_nodes)
{
	PLAY(foreign);
}
END_TEST

ENGINE_MAIN("from_wire", SCENES(packets_for_pods_are_judged_and_delivered, arrivals),
	    SCENES(everything_else_is_the_nodes, foreign))
