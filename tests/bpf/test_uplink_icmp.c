// SPDX-License-Identifier: Apache-2.0
/*
 * ICMP errors and fragments of connections from outside to services: each end hears of what
 * it has sent, and a datagram goes one way.
 */
#include <string.h>

#include "engine_main.h"
#include "services.h"

#define WEB 1

static void web(enum who who)
{
	frontend_put(HOST, 30080, 6, WEB, FRONTEND_EXTERNAL);
	frontend_put(HOST, 30080, 17, WEB, FRONTEND_EXTERNAL);
	frontend_put(HOST, 30080, 132, WEB, FRONTEND_EXTERNAL);
	backend_put(1, WEB, who, 8080, BACKEND_IN_CLUSTER);
	set_put(WEB, SERVICE_CLUSTER, 1, 1);
}

static void web_at_b(bool v6)
{
	web(POD_B);
}

static void web_away(bool v6)
{
	web(POD_AWAY);
}

static void web_at_host(bool v6)
{
	web(HOST);
}

#define PTR(...) (&(const struct packet)__VA_ARGS__)
#define UDP(src, dst, sport, dport) { PACKET_UDP, src, dst, sport, dport, .payload = 30 }
#define ERROR(src_, dst_, about, ...) { PACKET_ERROR, src_, dst_, .quote = &(about), __VA_ARGS__ }

static const struct packet
	asked = UDP(WORLD, HOST, 4000, 30080), answered = UDP(HOST, WORLD, 30080, 4000),
	got_b = UDP(WORLD, POD_B, 4000, 8080), answer_b = UDP(POD_B, WORLD, 8080, 4000),
	got_host = UDP(WORLD, HOST, 4000, 8080), answer_host = UDP(HOST, WORLD, 8080, 4000),
	sent_on = UDP(HOST, POD_AWAY, SOURCE_PORT, 8080),
	reply = UDP(POD_AWAY, HOST, 8080, SOURCE_PORT),
	foreign = UDP(HOST, WORLD, 5353, 4000);

#define ASKS(event, fate_, to) { FROM_WIRE, UDP(WORLD, HOST, 4000, 30080), .before = event, \
	.fate = fate_, .becomes = &(to) }

static const struct scene to_client[] = {
	{ "of a pod of this node", BOTH, {
		ASKS(web_at_b, TO_PEER, got_b),
		{ FROM_POD, ERROR(POD_B, WORLD, got_b), .fate = TO_STACK, .marked = true },
		{ TO_WIRE, ERROR(POD_B, WORLD, got_b), .fate = TO_STACK, .marked = true,
		  .becomes = PTR(ERROR(HOST, WORLD, asked)) } } },
	{ "of this node's stack, about a packet to its pod", BOTH, {
		ASKS(web_at_b, TO_PEER, got_b),
		{ TO_WIRE, ERROR(HOST, WORLD, got_b), .fate = TO_STACK, .from_socket = true,
		  .becomes = PTR(ERROR(HOST, WORLD, asked)) } } },
	{ "of a socket of this node", BOTH, {
		ASKS(web_at_host, TO_STACK, got_host),
		{ TO_WIRE, ERROR(HOST, WORLD, got_host), .fate = TO_STACK, .from_socket = true,
		  .becomes = PTR(ERROR(HOST, WORLD, asked)) } } },
	{ "of a backend elsewhere", BOTH, {
		ASKS(web_away, TO_WORLD, sent_on),
		{ FROM_WIRE, ERROR(POD_AWAY, HOST, sent_on), .fate = TO_WORLD,
		  .becomes = PTR(ERROR(HOST, WORLD, asked)) } } },
	{ "of a router on the way: packet too big", ONLY_V6, {
		ASKS(web_away, TO_WORLD, sent_on),
		{ FROM_WIRE, ERROR(WORLD_2, HOST, sent_on, .type = 2), .fate = TO_WORLD,
		  .becomes = PTR(ERROR(WORLD_2, WORLD, asked, .type = 2)) } } },
	{ "of a router on the way: fragmentation needed", ONLY_V4, {
		ASKS(web_away, TO_WORLD, sent_on),
		{ FROM_WIRE, ERROR(WORLD_2, HOST, sent_on, .code = 4), .fate = TO_WORLD,
		  .becomes = PTR(ERROR(WORLD_2, WORLD, asked, .code = 4)) } } },
};

static const struct scene to_backend[] = {
	{ "a pod of this node", BOTH, {
		ASKS(web_at_b, TO_PEER, got_b),
		{ FROM_WIRE, ERROR(WORLD, HOST, answered),
		  .becomes = PTR(ERROR(WORLD, POD_B, answer_b)) } } },
	{ "a socket of this node", BOTH, {
		ASKS(web_at_host, TO_STACK, got_host),
		{ FROM_WIRE, ERROR(WORLD, HOST, answered), .fate = TO_STACK,
		  .becomes = PTR(ERROR(WORLD, HOST, answer_host)) } } },
	{ "elsewhere", BOTH, {
		ASKS(web_away, TO_WORLD, sent_on),
		{ FROM_WIRE, ERROR(WORLD, HOST, answered), .fate = TO_WORLD,
		  .becomes = PTR(ERROR(HOST, POD_AWAY, reply)) } } },
	{ "the node's own connections", BOTH, {
		ASKS(web_away, TO_WORLD, sent_on),
		{ FROM_WIRE, ERROR(WORLD, HOST, foreign), .fate = TO_STACK },
		{ TO_WIRE, ERROR(HOST, WORLD, foreign), .from_socket = true,
		  .fate = TO_STACK } } },
};

#define FIRST(src, dst, sport, dport) { PACKET_UDP, src, dst, sport, dport, .id = 9, .more = true, \
	.payload = 64 }
#define LATER(src, dst, sport, dport) { PACKET_UDP, src, dst, sport, dport, .id = 9, .offset = 72, \
	.payload = 64 }

static const struct scene fragments[] = {
	{ "to a pod of this node, and out again", BOTH, {
		{ FROM_WIRE, FIRST(WORLD, HOST, 4000, 30080), .before = web_at_b,
		  .becomes = PTR(FIRST(WORLD, POD_B, 4000, 8080)) },
		{ FROM_WIRE, LATER(WORLD, HOST, 4000, 30080),
		  .becomes = PTR(LATER(WORLD, POD_B, 4000, 8080)) },
		{ FROM_POD, FIRST(POD_B, WORLD, 8080, 4000), .fate = TO_STACK, .marked = true },
		{ TO_WIRE, FIRST(POD_B, WORLD, 8080, 4000), .fate = TO_STACK, .marked = true,
		  .becomes = PTR(FIRST(HOST, WORLD, 30080, 4000)) },
		{ TO_WIRE, LATER(POD_B, WORLD, 8080, 4000), .fate = TO_STACK, .marked = true,
		  .becomes = PTR(LATER(HOST, WORLD, 30080, 4000)) } } },
	{ "to another node, and back", BOTH, {
		{ FROM_WIRE, FIRST(WORLD, HOST, 4000, 30080), .before = web_away,
		  .fate = TO_WORLD, .becomes = PTR(FIRST(HOST, POD_AWAY, SOURCE_PORT, 8080)) },
		{ FROM_WIRE, LATER(WORLD, HOST, 4000, 30080), .fate = TO_WORLD,
		  .becomes = PTR(LATER(HOST, POD_AWAY, SOURCE_PORT, 8080)) },
		{ FROM_WIRE, FIRST(POD_AWAY, HOST, 8080, SOURCE_PORT), .fate = TO_WORLD,
		  .becomes = PTR(FIRST(HOST, WORLD, 30080, 4000)) },
		{ FROM_WIRE, LATER(POD_AWAY, HOST, 8080, SOURCE_PORT), .fate = TO_WORLD,
		  .becomes = PTR(LATER(HOST, WORLD, 30080, 4000)) } } },
	{ "the later one first", BOTH, {
		{ FROM_WIRE, LATER(WORLD, HOST, 4000, 30080), DROP_FRAGMENT_HELD,
		  .before = web_at_b },
		{ FROM_WIRE, FIRST(WORLD, HOST, 4000, 30080), .released = 1,
		  .becomes = PTR(FIRST(WORLD, POD_B, 4000, 8080)) } } },
	{ "the node's own", BOTH, {
		{ FROM_WIRE, FIRST(WORLD, HOST, 4000, 53), .fate = TO_STACK, .before = web_at_b },
		{ FROM_WIRE, LATER(WORLD, HOST, 4000, 53), .fate = TO_STACK } } },
	{ "the node's own, too long to be kept", BOTH, {
		{ FROM_WIRE, { PACKET_UDP, WORLD, HOST, .id = 9, .offset = 72, .payload = 2100 },
		  .fate = TO_STACK, .before = web_at_b } } },
	{ "through the node: none waits", BOTH, {
		{ FROM_WIRE, LATER(WORLD, WORLD_2, 4000, 53), .fate = TO_STACK,
		  .before = web_at_b } } },
	{ "an answer of nobody knows whom", BOTH, {
		{ TO_WIRE, LATER(POD_B, WORLD, 8080, 4000), DROP_FRAGMENT_UNKNOWN, .marked = true,
		  .before = web_at_b },
		{ TO_WIRE, LATER(HOST, WORLD, 8080, 4000), .fate = TO_STACK,
		  .from_socket = true } } },
	{ "SCTP whose checksum cannot be mended", BOTH, {
		{ FROM_WIRE, { PACKET_SCTP, WORLD, HOST, 4000, 30080, 1, .crc = true, .id = 9,
			       .more = true, .payload = 64 }, DROP_SERVICE_CHECKSUM,
		  .before = web_away } } },
};

/* The answer: an error of @type about @packet, from whom it was for. */
static void expect_error(const struct frame *out, const struct packet *packet, uint8_t type,
			 uint8_t code, uint32_t rest, bool v6)
{
	size_t head = v6 ? 40 : 20, size = v6 ? 16 : 4, src = 14 + head - 2 * size;
	const uint8_t *icmp = out->data + 14 + head;
	struct frame asked_frame;

	packet_build(&asked_frame, packet, v6);
	ck_assert_uint_eq(icmp[0], type);
	ck_assert_uint_eq(icmp[1], code);
	ck_assert_uint_eq((uint32_t)icmp[4] << 24 | icmp[5] << 16 | icmp[6] << 8 | icmp[7], rest);
	ck_assert_mem_eq(out->data + src, asked_frame.data + src + size, size);
	ck_assert_mem_eq(out->data + src + size, asked_frame.data + src, size);
	ck_assert_mem_eq(icmp + 8, asked_frame.data + 14, out->len - 14 - head - 8);
	ck_assert_mem_eq(out->data, asked_frame.data + 6, 6);
}

static const struct packet
	last_hop = { PACKET_UDP, WORLD, HOST, 4000, 30080, .hops = 1 },
	too_long = { PACKET_UDP, WORLD, HOST, 4000, 30080, .payload = 1500 },
	last_hop_back = { PACKET_UDP, POD_AWAY, HOST, 8080, SOURCE_PORT, .hops = 1 },
	with_options = { PACKET_UDP, WORLD, HOST, 4000, 30080, .options = 2 },
	lost = { PACKET_UDP, LOST, HOST, 4000, 30080 },
	lost_reply = { PACKET_UDP, POD_AWAY, HOST, 8080, SOURCE_PORT };

static void says_last_hop(bool v6, const struct frame *out)
{
	expect_error(out, &last_hop, v6 ? 3 : 11, 0, 0, v6);
}

static void says_too_long(bool v6, const struct frame *out)
{
	expect_error(out, &too_long, v6 ? 2 : 3, v6 ? 0 : 4, ENGINE_MTU, v6);
}

static void says_last_hop_back(bool v6, const struct frame *out)
{
	expect_error(out, &last_hop_back, v6 ? 3 : 11, 0, 0, v6);
}

static void says_no_route(bool v6, const struct frame *out)
{
	expect_error(out, &lost_reply, v6 ? 1 : 3, 0, 0, v6);
}

static void says_no_way(bool v6, const struct frame *out)
{
	expect_error(out, &with_options, 3, 0, 0, v6);
}

#define REFUSED(packet, reason, says) { FROM_WIRE, packet, reason, .rejected = true, .after = says }

static const struct scene routers[] = {
	{ "the last hop", BOTH, {
		ASKS(web_away, TO_WORLD, sent_on),
		REFUSED(last_hop, DROP_HOPS, says_last_hop) } },
	{ "too long", BOTH, {
		ASKS(web_away, TO_WORLD, sent_on),
		REFUSED(too_long, DROP_TOO_LONG, says_too_long) } },
	{ "segments of it are not", BOTH, {
		ASKS(web_away, TO_WORLD, sent_on),
		{ FROM_WIRE, too_long, .gso_size = 1000, .fate = TO_WORLD,
		  .becomes = PTR({ PACKET_UDP, HOST, POD_AWAY, SOURCE_PORT, 8080,
				   .payload = 1500 }) } } },
	{ "the last hop of an answer", BOTH, {
		ASKS(web_away, TO_WORLD, sent_on),
		REFUSED(last_hop_back, DROP_HOPS, says_last_hop_back) } },
	{ "an answer to a client whom nobody reaches", BOTH, {
		{ FROM_WIRE, lost, .before = web_away, .fate = TO_WORLD,
		  .becomes = PTR({ PACKET_UDP, HOST, POD_AWAY, SOURCE_PORT, 8080 }) },
		REFUSED(lost_reply, DROP_NO_ROUTE, says_no_route) } },
	{ "options", ONLY_V4, {
		ASKS(web_away, TO_WORLD, sent_on),
		REFUSED(with_options, DROP_NO_ROUTE, says_no_way) } },
	{ "an error is answered by none", BOTH, {
		ASKS(web_away, TO_WORLD, sent_on),
		{ FROM_WIRE, ERROR(POD_AWAY, HOST, sent_on, .hops = 1), DROP_HOPS } } },
};

START_TEST(what_a_router_says_is_said_about_the_packet_as_it_came)
{
	PLAY(routers);
}
END_TEST

START_TEST(the_client_hears_of_what_it_sent)
{
	PLAY(to_client);
}
END_TEST

START_TEST(the_backend_hears_of_what_it_sent)
{
	PLAY(to_backend);
}
END_TEST

START_TEST(fragments_follow_their_first_one)
{
	PLAY(fragments);
}
END_TEST

ENGINE_MAIN("uplink_icmp", SCENES(the_client_hears_of_what_it_sent, to_client),
	    SCENES(the_backend_hears_of_what_it_sent, to_backend),
	    SCENES(what_a_router_says_is_said_about_the_packet_as_it_came, routers),
	    SCENES(fragments_follow_their_first_one, fragments))
