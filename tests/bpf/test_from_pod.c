// SPDX-License-Identifier: Apache-2.0
/* What a pod may send, and where it goes. Policy, connections and neighbours have their own. */
#include "engine_main.h"

static void b_has_no_address(bool v6)
{
	struct endpoint ep = endpoint_get(POD_B);

	ep.addr4 = 0;
	ep.addr6 = (struct ip_addr){};
	endpoint_put(POD_B, &ep);
}

/* The slot of A belongs to an interface that shares it. */
static void a_slot_is_taken(bool v6)
{
	struct endpoint ep = endpoint_get(POD_A);
	uint32_t slot = ep.ifindex & 4095;

	ep.ifindex += 4096;
	ck_assert_int_eq(engine_update("endpoint", &slot, &ep), 0);
}

static const struct scene delivery[] = {
	{ "TCP to a pod of this node", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, POD_B, 4000, 80, SYN } } } },
	{ "UDP to a pod of this node", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53, .payload = 100 } } } },
	{ "SCTP to a pod of this node", BOTH, {
		{ FROM_POD, { PACKET_SCTP, POD_A, POD_B, 4000, 9999, 1 } } } },
	{ "echo to a pod of this node", BOTH, {
		{ FROM_POD, { PACKET_ECHO, POD_A, POD_B, 77, .payload = 56 } } } },
	{ "GRE to a pod of this node", BOTH, {
		{ FROM_POD, { PACKET_PROTO, POD_A, POD_B, .type = 47, .payload = 40 } } } },
	{ "empty packet of an unknown protocol", BOTH, {
		{ FROM_POD, { PACKET_PROTO, POD_A, POD_B, .type = 253 } } } },
	{ "to itself, through the node", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, POD_A, 4000, 80, SYN } } } },
	{ "to a pod of another node", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, POD_AWAY, 4000, 80, SYN }, .fate = TO_STACK } } },
	{ "to the node", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, HOST, 4000, 80, SYN }, .fate = TO_STACK } } },
	{ "to the gateway", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_A, GATEWAY, 4000, 53 }, .fate = TO_STACK } } },
	{ "to another node", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, NODE, 4000, 80, SYN }, .fate = TO_STACK } } },
	{ "to the world", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, WORLD, 4000, 443, SYN }, .fate = TO_STACK } } },
	{ "the last hop is the router's to answer", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53, .hops = 1 }, .fate = TO_STACK } } },
	{ "options are the router's to care for", ONLY_V4, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53, .payload = 40, .poke_at = 14,
			      .poke = 0x46 }, .fate = TO_STACK } } },
	{ "two hops are enough", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53, .hops = 2 } } } },
	{ "from the link-local address to the gateway's", ONLY_V6, {
		{ FROM_POD, { PACKET_UDP, LOCAL_A, LOCAL_GATEWAY, 4000, 53 }, .fate = TO_STACK,
		  .at = POD_A } } },
	{ "multicast of a pod without policy", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_A, ALL_NODES, 4000, 53 }, .fate = TO_STACK } } },
	{ "one router header without segments", ONLY_V6, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53, .extensions = { 43 } } } } },
};

/* The longest that fits POD_B's 1500 bytes; one more is the router's to answer. */
static const struct scene size[] = {
	{ "exactly the MTU", ONLY_V4, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53, .payload = 1472 } } } },
	{ "exactly the MTU", ONLY_V6, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53, .payload = 1452 } } } },
	{ "a byte longer than the MTU", ONLY_V4, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53, .payload = 1473 },
		  .fate = TO_STACK } } },
	{ "a byte longer than the MTU", ONLY_V6, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53, .payload = 1453 },
		  .fate = TO_STACK } } },
	{ "segments that fit", ONLY_V4, {
		{ FROM_POD, { PACKET_TCP, POD_A, POD_B, 4000, 80, ACK, .payload = 2920 },
		  .gso_size = 1460 } } },
	{ "segments that fit", ONLY_V6, {
		{ FROM_POD, { PACKET_TCP, POD_A, POD_B, 4000, 80, ACK, .payload = 2880 },
		  .gso_size = 1440 } } },
	{ "segments a byte too long", ONLY_V4, {
		{ FROM_POD, { PACKET_TCP, POD_A, POD_B, 4000, 80, ACK, .payload = 2922 },
		  .gso_size = 1461, .fate = TO_STACK } } },
	{ "segments a byte too long", ONLY_V6, {
		{ FROM_POD, { PACKET_TCP, POD_A, POD_B, 4000, 80, ACK, .payload = 2882 },
		  .gso_size = 1441, .fate = TO_STACK } } },
	{ "UDP segments that fit", ONLY_V4, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53, .payload = 2944 },
		  .gso_size = 1472 } } },
	{ "UDP segments a byte too long", ONLY_V4, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53, .payload = 2946 },
		  .gso_size = 1473, .fate = TO_STACK } } },
	{ "many segments with the length 0 in the header", ONLY_V6, {
		{ FROM_POD, { PACKET_TCP, POD_A, WORLD, 4000, 80, ACK, .payload = 2880,
			      .poke_at = 18, .poke = 0 }, .gso_size = 1440,
		  .why = DROP_NONE, .fate = TO_STACK } } },
};

static const struct scene senders[] = {
	{ "no endpoint", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, POD_B, 4000, 80, SYN }, DROP_NO_ENDPOINT,
		  .before = a_is_gone } } },
	{ "the slot is another interface's", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, POD_B, 4000, 80, SYN }, DROP_NO_ENDPOINT,
		  .before = a_slot_is_taken } } },
	{ "not ready", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, POD_B, 4000, 80, SYN }, DROP_NOT_READY,
		  .before = a_is_not_ready } } },
	{ "no policy was ever loaded", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, POD_B, 4000, 80, SYN }, DROP_NOT_READY,
		  .before = no_policy_was_loaded } } },
	{ "MAC of another pod", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, POD_B, 4000, 80, SYN, .mac = POD_B },
		  DROP_SOURCE_MAC } } },
	{ "address of another pod", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_B, POD_C, 4000, 80, SYN, .mac = POD_A },
		  DROP_SOURCE_ADDRESS, .at = POD_A } } },
	{ "address of the world", BOTH, {
		{ FROM_POD, { PACKET_UDP, WORLD, POD_B, 4000, 53, .mac = POD_A },
		  DROP_SOURCE_ADDRESS, .at = POD_A } } },
	{ "no address", BOTH, {
		{ FROM_POD, { PACKET_UDP, NOBODY, POD_B, 4000, 53, .mac = POD_A },
		  DROP_SOURCE_ADDRESS, .at = POD_A } } },
	{ "an IPv4 address as IPv6", ONLY_V6, {
		{ FROM_POD, { PACKET_UDP, MAPPED, POD_C, 4000, 53, .mac = POD_A },
		  DROP_BAD_HEADER, .at = POD_A } } },
	{ "to an IPv4 address as IPv6", ONLY_V6, {
		{ FROM_POD, { PACKET_UDP, POD_A, MAPPED, 4000, 53 }, DROP_BAD_HEADER } } },
	{ "from the link-local address to another pod", ONLY_V6, {
		{ FROM_POD, { PACKET_UDP, LOCAL_A, POD_B, 4000, 53 }, DROP_SOURCE_ADDRESS,
		  .at = POD_A } } },
	{ "IPv4 link-local", ONLY_V4, {
		{ FROM_POD, { PACKET_UDP, LOCAL_A, LOCAL_GATEWAY, 4000, 53 },
		  DROP_SOURCE_ADDRESS, .at = POD_A } } },
	{ "from a loopback address", ONLY_V4, {
		{ FROM_POD, { PACKET_UDP, LOOPBACK, HOST, 4000, 53, .mac = POD_A },
		  DROP_POD_FROM_WIRE, .at = POD_A },
		{ FROM_POD, { PACKET_TCP, LOOPBACK, POD_B, 4000, 80, SYN, .mac = POD_A },
		  DROP_POD_FROM_WIRE, .at = POD_A } } },
	{ "to a loopback address", ONLY_V4, {
		{ FROM_POD, { PACKET_UDP, POD_A, LOOPBACK, 4000, 53 }, DROP_POD_FROM_WIRE },
		{ FROM_POD, { PACKET_TCP, POD_A, LOOPBACK, 4000, 80, SYN }, DROP_POD_FROM_WIRE },
		{ FROM_POD, { PACKET_ECHO, POD_A, LOOPBACK, 77 }, DROP_POD_FROM_WIRE } } },
	{ "LLDP", ONLY_V4, {
		{ FROM_POD, { PACKET_ETHER, POD_A, POD_B, 0x88cc, .payload = 40 },
		  DROP_UNKNOWN_L3 } } },
	{ "VLAN", ONLY_V4, {
		{ FROM_POD, { PACKET_ETHER, POD_A, POD_B, 0x8100, .payload = 40 },
		  DROP_UNKNOWN_L3 } } },
	{ "IPv4 server of DHCP", ONLY_V4, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 67, 68 }, DROP_ROGUE_CONTROL },
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 68 }, DROP_ROGUE_CONTROL } } },
	{ "IPv4 client of DHCP", ONLY_V4, {
		{ FROM_POD, { PACKET_UDP, POD_A, WORLD, 68, 67 }, .fate = TO_STACK } } },
	{ "IPv4 relay of DHCP", ONLY_V4, {
		{ FROM_POD, { PACKET_UDP, POD_A, WORLD, 67, 67 }, .fate = TO_STACK } } },
	{ "IPv6 server of DHCP", ONLY_V6, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 547, 546 }, DROP_ROGUE_CONTROL },
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 546 }, DROP_ROGUE_CONTROL } } },
	{ "IPv6 relay and client of DHCP", ONLY_V6, {
		{ FROM_POD, { PACKET_UDP, POD_A, WORLD, 547, 547 }, .fate = TO_STACK },
		{ FROM_POD, { PACKET_UDP, POD_A, WORLD, 546, 547 }, .fate = TO_STACK } } },
	{ "multicast of a pod with egress policy", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_A, ALL_NODES, 4000, 53 }, DROP_MULTICAST,
		  .before = a_sends_to_nobody } } },
};

static const struct scene receivers[] = {
	{ "the peer's endpoint is gone", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, POD_B, 4000, 80, SYN }, DROP_NO_ENDPOINT,
		  .before = b_is_gone } } },
	{ "the peer's endpoint has another address now", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, POD_B, 4000, 80, SYN }, DROP_NO_ENDPOINT,
		  .before = b_has_no_address } } },
	{ "not ready", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, POD_B, 4000, 80, SYN }, DROP_NOT_READY,
		  .before = b_is_not_ready } } },
	{ "no longer ready in a connection", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53 } },
		{ FROM_POD, { PACKET_UDP, POD_B, POD_A, 53, 4000 } },
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53 }, DROP_NOT_READY,
		  .before = b_is_not_ready } } },
	{ "gone in a connection", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53 } },
		{ FROM_POD, { PACKET_UDP, POD_B, POD_A, 53, 4000 } },
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53 }, .before = b_is_gone,
		  .fate = TO_STACK } } },
};

static const struct scene headers[] = {
	{ "IPv4 header cut", ONLY_V4, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 1, 2, .cut = 10 }, DROP_SHORT_HEADER } } },
	{ "IP header only half there", BOTH, {
		{ FROM_POD, { PACKET_PROTO, POD_A, POD_B, .type = 47, .cut = 8 },
		  DROP_SHORT_HEADER } } },
	{ "no IP header at all", ONLY_V4, {
		{ FROM_POD, { PACKET_ETHER, POD_A, POD_B, 0x0800 }, DROP_SHORT_HEADER } } },
	{ "no IPv6 header at all", ONLY_V6, {
		{ FROM_POD, { PACKET_ETHER, POD_A, POD_B, 0x86dd }, DROP_SHORT_HEADER } } },
	{ "shorter than its length says", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 1, 2, .payload = 40, .cut = 1 },
		  DROP_SHORT_HEADER } } },
	{ "version 5 under the type of IPv4", ONLY_V4, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 1, 2, .poke_at = 14, .poke = 0x55 },
		  DROP_BAD_HEADER } } },
	{ "version 4 under the type of IPv6", ONLY_V6, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 1, 2, .poke_at = 14, .poke = 0x45 },
		  DROP_BAD_HEADER } } },
	{ "IPv4 header of 16 bytes", ONLY_V4, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 1, 2, .poke_at = 14, .poke = 0x44 },
		  DROP_BAD_HEADER } } },
	{ "IPv4 length shorter than its header", ONLY_V4, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 1, 2, .poke_at = 17, .poke = 19 },
		  DROP_BAD_HEADER } } },
	{ "the transport header is only in the padding", ONLY_V4, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 1, 2, .poke_at = 17, .poke = 27 },
		  DROP_SHORT_HEADER } } },
	{ "the transport header is only in the padding", ONLY_V6, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 1, 2, .poke_at = 19, .poke = 7 },
		  DROP_SHORT_HEADER } } },
	{ "TCP header of 16 bytes", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, POD_B, 1, 2, SYN, .poke_at = AT_L4(12),
			      .poke = 0x40 }, DROP_BAD_HEADER } } },
	{ "TCP that opens and ends at once", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, POD_B, 1, 2, SYN | FIN }, DROP_BAD_HEADER } } },
	{ "TCP that opens and resets at once", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, POD_B, 1, 2, SYN | RST }, DROP_BAD_HEADER } } },
	{ "SCTP without a chunk", ONLY_V4, {
		{ FROM_POD, { PACKET_SCTP, POD_A, POD_B, 1, 2, 1, .poke_at = 17, .poke = 32 },
		  DROP_SHORT_HEADER } } },
	{ "segments left", ONLY_V6, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 1, 2, .extensions = { 43 },
			      .poke_at = 57, .poke = 1 }, DROP_EXTENSION_HEADER } } },
	{ "authentication header", ONLY_V6, {
		{ FROM_POD, { PACKET_PROTO, POD_A, POD_B, .type = 51, .payload = 24 },
		  DROP_EXTENSION_HEADER } } },
	{ "six extension headers", ONLY_V6, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 1, 2,
			      .extensions = { 60, 60, 60, 60, 60, 60 } },
		  DROP_EXTENSION_HEADER } } },
	{ "five extension headers", ONLY_V6, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 1, 2,
			      .extensions = { 60, 60, 60, 60, 60 } } } } },
	{ "extension header that reaches beyond the packet", ONLY_V6, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 1, 2, .extensions = { 60 },
			      .poke_at = 55, .poke = 2 }, DROP_SHORT_HEADER } } },
	{ "the same before a protocol without ports", ONLY_V6, {
		{ FROM_POD, { PACKET_PROTO, POD_A, POD_B, .type = 99, .extensions = { 60 },
			      .poke_at = 55, .poke = 4 }, DROP_SHORT_HEADER } } },
	{ "extension headers beyond what is followed", ONLY_V6, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 1, 2, .extensions = { 60 },
			      .payload = 2000, .poke_at = 55, .poke = 130 },
		  DROP_EXTENSION_HEADER } } },
	{ "no next header", ONLY_V6, {
		{ FROM_POD, { PACKET_PROTO, POD_A, POD_B, .type = 59 } } } },
};

START_TEST(packets_go_where_they_belong)
{
	PLAY(delivery);
}
END_TEST

START_TEST(what_the_receiver_cannot_take_is_left_to_the_router)
{
	PLAY(size);
}
END_TEST

START_TEST(a_pod_speaks_for_itself_only)
{
	PLAY(senders);
}
END_TEST

START_TEST(the_receiver_must_be_there)
{
	PLAY(receivers);
}
END_TEST

START_TEST(damaged_headers_are_refused)
{
	PLAY(headers);
}
END_TEST

ENGINE_MAIN("from_pod", SCENES(packets_go_where_they_belong, delivery),
	    SCENES(what_the_receiver_cannot_take_is_left_to_the_router, size),
	    SCENES(a_pod_speaks_for_itself_only, senders),
	    SCENES(the_receiver_must_be_there, receivers),
	    SCENES(damaged_headers_are_refused, headers))
