// SPDX-License-Identifier: Apache-2.0
/* What the stack sends to a pod. */
#include "engine_main.h"

static const struct packet syn = { PACKET_TCP, POD_A, WORLD, 4000, 443, SYN };

static const struct scene arrivals[] = {
	{ "from the world", BOTH, {
		{ TO_POD, { PACKET_TCP, WORLD, POD_B, 4000, 80, SYN }, .fate = TO_STACK } } },
	{ "from another node", BOTH, {
		{ TO_POD, { PACKET_UDP, NODE, POD_B, 4000, 53 }, .fate = TO_STACK } } },
	{ "from a process of this node", BOTH, {
		{ TO_POD, { PACKET_TCP, HOST, POD_B, 4000, 80, SYN }, .fate = TO_STACK,
		  .from_socket = true } } },
	{ "the pod's packet, which was too long for the short way", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53, .payload = 1600 },
		  .fate = TO_STACK },
		{ TO_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53, .payload = 1600 },
		  .fate = TO_STACK } } },
	{ "SCTP and echo", BOTH, {
		{ TO_POD, { PACKET_SCTP, WORLD, POD_B, 4000, 80, 1 }, .fate = TO_STACK },
		{ TO_POD, { PACKET_ECHO, WORLD, POD_B, 9 }, .fate = TO_STACK } } },
	{ "no endpoint", BOTH, {
		{ TO_POD, { PACKET_TCP, WORLD, POD_B, 4000, 80, SYN }, DROP_NO_ENDPOINT,
		  .before = b_is_gone } } },
	{ "not ready", BOTH, {
		{ TO_POD, { PACKET_TCP, WORLD, POD_B, 4000, 80, SYN }, DROP_NOT_READY,
		  .before = b_is_not_ready } } },
	{ "no policy was ever loaded", BOTH, {
		{ TO_POD, { PACKET_TCP, HOST, POD_B, 4000, 80, SYN }, DROP_NOT_READY,
		  .from_socket = true, .before = no_policy_was_loaded } } },
	{ "address of another pod", BOTH, {
		{ TO_POD, { PACKET_TCP, WORLD, POD_A, 4000, 80, SYN }, DROP_NO_ENDPOINT,
		  .at = POD_B } } },
	{ "link-local address of the pod", ONLY_V6, {
		{ TO_POD, { PACKET_UDP, LOCAL_GATEWAY, LOCAL_A, 4000, 53 }, .fate = TO_STACK,
		  .at = POD_A, .from_socket = true } } },
	{ "link-local address of another pod", ONLY_V6, {
		{ TO_POD, { PACKET_UDP, LOCAL_GATEWAY, LOCAL_A, 4000, 53 }, DROP_NO_ENDPOINT,
		  .at = POD_B, .from_socket = true } } },
	{ "broken header", BOTH, {
		{ TO_POD, { PACKET_UDP, WORLD, POD_B, 4000, 53, .poke_at = 14, .poke = 0x50 },
		  DROP_BAD_HEADER } } },
	{ "shorter than its length says", BOTH, {
		{ TO_POD, { PACKET_UDP, WORLD, POD_B, 1, 2, .payload = 40, .cut = 1 },
		  DROP_SHORT_HEADER } } },
	{ "from a loopback address of the node, which no answer would find", ONLY_V4, {
		{ TO_POD, { PACKET_UDP, LOOPBACK, POD_B, 4000, 53 }, DROP_POD_FROM_WIRE,
		  .from_socket = true } } },
	{ "neither IP nor ARP", ONLY_V4, {
		{ TO_POD, { PACKET_ETHER, HOST, POD_B, 0x88cc, .payload = 40 },
		  DROP_UNKNOWN_L3 } } },
	{ "segments left", ONLY_V6, {
		{ TO_POD, { PACKET_UDP, WORLD, POD_B, 1, 2, .extensions = { 43 }, .poke_at = 57,
			    .poke = 1 }, DROP_EXTENSION_HEADER } } },
};

/* The uplink is not the only way into a node. */
static const struct scene spoofed[] = {
	{ "a pod's address from elsewhere", BOTH, {
		{ TO_POD, { PACKET_TCP, POD_A, POD_B, 4000, 80, SYN }, DROP_POD_FROM_WIRE,
		  .through = WORLD } } },
	{ "in a connection of that pod", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53 } },
		{ TO_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53 }, DROP_POD_FROM_WIRE,
		  .through = WORLD } } },
	{ "a pod's address from another pod's interface", BOTH, {
		{ TO_POD, { PACKET_TCP, POD_A, POD_B, 4000, 80, SYN }, DROP_POD_FROM_WIRE,
		  .through = POD_C } } },
	{ "a pod behind a bridge comes from the bridge", BOTH, {
		{ TO_POD, { PACKET_TCP, POD_C, POD_B, 4000, 80, SYN }, .fate = TO_STACK,
		  .through = WORLD } } },
};

/* Two pods on one bridge. Their link-local addresses say to neither program who the other is. */
static const struct scene link_local[] = {
	{ "each end's policy holds", ONLY_V6, {
		{ FROM_POD, { PACKET_UDP, LOCAL_A, LOCAL_B, 4000, 53 }, .at = POD_A,
		  .fate = TO_STACK, .before = b_hears_nobody },
		{ TO_POD, { PACKET_UDP, LOCAL_A, LOCAL_B, 4000, 53 }, DROP_POLICY_INGRESS,
		  .at = POD_B } } },
	{ "of an answered connection as well", ONLY_V6, {
		{ FROM_POD, { PACKET_UDP, LOCAL_A, LOCAL_B, 4000, 53 }, .at = POD_A,
		  .fate = TO_STACK },
		{ TO_POD, { PACKET_UDP, LOCAL_A, LOCAL_B, 4000, 53 }, .at = POD_B,
		  .fate = TO_STACK },
		{ FROM_POD, { PACKET_UDP, LOCAL_B, LOCAL_A, 53, 4000 }, .at = POD_B,
		  .fate = TO_STACK, .marked = true },
		{ TO_POD, { PACKET_UDP, LOCAL_B, LOCAL_A, 53, 4000 }, .at = POD_A,
		  .fate = TO_STACK },
		{ FROM_POD, { PACKET_UDP, LOCAL_A, LOCAL_B, 4000, 53 }, DROP_POLICY_EGRESS,
		  .at = POD_A, .before = a_sends_to_nobody } } },
	{ "who is isolated may ask", ONLY_V6, {
		{ FROM_POD, { PACKET_UDP, LOCAL_B, LOCAL_A, 4000, 53 }, .at = POD_B,
		  .fate = TO_STACK, .before = b_hears_nobody },
		{ TO_POD, { PACKET_UDP, LOCAL_B, LOCAL_A, 4000, 53 }, .at = POD_A,
		  .fate = TO_STACK },
		{ FROM_POD, { PACKET_UDP, LOCAL_A, LOCAL_B, 53, 4000 }, .at = POD_A,
		  .fate = TO_STACK, .marked = true },
		{ TO_POD, { PACKET_UDP, LOCAL_A, LOCAL_B, 53, 4000 }, .at = POD_B,
		  .fate = TO_STACK } } },
};

static const struct scene neighbours[] = {
	{ "the node asks for the pod", BOTH, {
		{ TO_POD, { PACKET_SOLICIT, LOCAL_GATEWAY, POD_B, .target = POD_B },
		  .fate = TO_STACK, .from_socket = true, .before = b_hears_nobody } } },
	{ "the node answers", BOTH, {
		{ TO_POD, { PACKET_ADVERT, LOCAL_GATEWAY, POD_B, .target = LOCAL_GATEWAY },
		  .fate = TO_STACK, .from_socket = true, .before = b_hears_nobody } } },
	{ "a solicitation that came over a router", ONLY_V6, {
		{ TO_POD, { PACKET_SOLICIT, WORLD, POD_B, .target = POD_B, .hops = 254 },
		  DROP_POLICY_INGRESS, .before = b_hears_nobody } } },
};

static const struct scene multicast[] = {
	{ "forwarded, no policy", BOTH, {
		{ TO_POD, { PACKET_UDP, WORLD, ALL_NODES, 1, 2 }, .fate = TO_STACK,
		  .at = POD_B } } },
	{ "forwarded, isolated", BOTH, {
		{ TO_POD, { PACKET_UDP, WORLD, ALL_NODES, 1, 2 }, DROP_MULTICAST, .at = POD_B,
		  .before = b_hears_nobody } } },
	{ "a neighbour asks an isolated pod", ONLY_V6, {
		{ TO_POD, { PACKET_SOLICIT, POD_A, ALL_NODES, .target = POD_B },
		  .fate = TO_STACK, .at = POD_B, .before = b_hears_nobody } } },
	{ "a router asks it from afar", ONLY_V6, {
		{ TO_POD, { PACKET_SOLICIT, WORLD, ALL_NODES, .target = POD_B, .hops = 254 },
		  DROP_MULTICAST, .at = POD_B, .before = b_hears_nobody } } },
	{ "of this node, isolated", BOTH, {
		{ TO_POD, { PACKET_UDP, HOST, ALL_NODES, 1, 2 }, .fate = TO_STACK, .at = POD_B,
		  .from_socket = true, .before = b_hears_nobody } } },
};

/* What a host port looks like from here: A asked another address than B answers from. */
static const struct scene translated[] = {
	{ "answers go the way of the opening", BOTH, {
		{ TO_POD, { PACKET_TCP, POD_A, POD_B, 4000, 80, SYN }, .fate = TO_STACK },
		{ FROM_POD, { PACKET_TCP, POD_B, POD_A, 80, 4000, SYN | ACK }, .fate = TO_STACK,
		  .marked = true },
		{ TO_POD, { PACKET_TCP, POD_A, POD_B, 4000, 80, ACK }, .fate = TO_STACK },
		{ FROM_POD, { PACKET_TCP, POD_B, POD_A, 80, 4000, ACK }, .fate = TO_STACK,
		  .marked = true } } },
	{ "also under a new policy", BOTH, {
		{ TO_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53 }, .fate = TO_STACK },
		{ FROM_POD, { PACKET_UDP, POD_B, POD_A, 53, 4000 }, .fate = TO_STACK,
		  .marked = true, .before = the_generation_turns } } },
	{ "a connection of its own is delivered", BOTH, {
		{ TO_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53 }, .fate = TO_STACK },
		{ FROM_POD, { PACKET_UDP, POD_B, POD_A, 54, 4000 }, .fate = TO_PEER } } },
};

static const struct scene exemption[] = {
	{ "the world is refused", BOTH, {
		{ TO_POD, { PACKET_TCP, WORLD, POD_B, 4000, 80, SYN }, DROP_POLICY_INGRESS,
		  .before = b_hears_nobody } } },
	{ "a process of this node is not", BOTH, {
		{ TO_POD, { PACKET_TCP, HOST, POD_B, 4000, 80, SYN }, .fate = TO_STACK,
		  .from_socket = true, .before = b_hears_nobody },
		{ FROM_POD, { PACKET_TCP, POD_B, HOST, 80, 4000, SYN | ACK }, .fate = TO_STACK,
		  .marked = true },
		{ TO_POD, { PACKET_TCP, HOST, POD_B, 4000, 80, ACK }, .fate = TO_STACK,
		  .from_socket = true } } },
	{ "its address is not enough", BOTH, {
		{ TO_POD, { PACKET_TCP, HOST, POD_B, 4000, 80, SYN }, DROP_POLICY_INGRESS,
		  .before = b_hears_nobody } } },
	{ "a pod's address excludes it", BOTH, {
		{ TO_POD, { PACKET_TCP, POD_A, POD_B, 4000, 80, SYN }, DROP_POLICY_INGRESS,
		  .from_socket = true, .before = b_hears_nobody } } },
	{ "nor may it get round that pod's own policy", BOTH, {
		{ TO_POD, { PACKET_TCP, POD_A, POD_B, 4000, 80, SYN }, DROP_POLICY_EGRESS,
		  .from_socket = true, .before = a_sends_to_nobody } } },
	{ "its queries pass", BOTH, {
		{ TO_POD, { PACKET_ICMP, HOST, POD_B, .type = 150 }, .fate = TO_STACK,
		  .from_socket = true, .before = b_hears_nobody },
		{ TO_POD, { PACKET_ICMP, NODE, POD_B, .type = 150 }, DROP_POLICY_INGRESS } } },
	{ "its errors about a connection pass", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, WORLD, 4000, 443, SYN }, .fate = TO_STACK },
		{ TO_POD, { PACKET_ERROR, HOST, POD_A, .quote = &syn }, .fate = TO_STACK,
		  .from_socket = true, .before = b_hears_nobody } } },
};

START_TEST(the_stack_reaches_the_pod)
{
	PLAY(arrivals);
}
END_TEST

START_TEST(a_pods_address_comes_from_its_interface_only)
{
	PLAY(spoofed);
}
END_TEST

START_TEST(link_local_addresses_do_not_hide_from_policy)
{
	PLAY(link_local);
}
END_TEST

START_TEST(neighbours_are_not_subject_to_policy)
{
	PLAY(neighbours);
}
END_TEST

START_TEST(forwarded_multicast_stays_out_of_isolated_pods)
{
	PLAY(multicast);
}
END_TEST

START_TEST(answers_to_what_came_through_the_stack_go_through_it)
{
	PLAY(translated);
}
END_TEST

START_TEST(processes_of_the_node_always_reach_its_pods)
{
	PLAY(exemption);
}
END_TEST

ENGINE_MAIN("to_pod", SCENES(the_stack_reaches_the_pod, arrivals),
	    SCENES(a_pods_address_comes_from_its_interface_only, spoofed),
	    SCENES(link_local_addresses_do_not_hide_from_policy, link_local),
	    SCENES(neighbours_are_not_subject_to_policy, neighbours),
	    SCENES(forwarded_multicast_stays_out_of_isolated_pods, multicast),
	    SCENES(answers_to_what_came_through_the_stack_go_through_it, translated),
	    SCENES(processes_of_the_node_always_reach_its_pods, exemption))
