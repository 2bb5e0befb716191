// SPDX-License-Identifier: Apache-2.0
/* Services for the outside, in XDP: what it forwards, and what it leaves to TC as it came. */
#include <string.h>

#include <linux/bpf.h>

#include "engine_main.h"
#include "masqueraded.h"
#include "services.h"

#define WEB 1 /* port 30080 of this node, on its backends 8080 */

static void web_at(enum who who)
{
	frontend_put(HOST, 30080, 6, WEB, FRONTEND_EXTERNAL);
	frontend_put(HOST, 30080, 17, WEB, FRONTEND_EXTERNAL);
	backend_put(1, WEB, who, 8080, BACKEND_IN_CLUSTER);
	set_put(WEB, SERVICE_CLUSTER, 1, 1);
	set_empty(WEB, SERVICE_LOCAL, SERVICE_SILENT);
}

static void web_away(bool v6)
{
	web_at(POD_AWAY);
}

static void web_and_masquerade(bool v6)
{
	web_at(POD_AWAY);
	masquerade_set(MASQUERADE_ON, HOST);
}

static void web_here(bool v6)
{
	web_at(POD_B);
}

static void web_at_node(bool v6)
{
	web_at(HOST);
}

static void backend_ends(bool v6)
{
	backend_end(1);
}

static void services_end(bool v6)
{
	services_set(0);
}

#define PTR(...) (&(const struct packet)__VA_ARGS__)
#define ASKED(kind, ...) { kind, WORLD, HOST, 4000, 30080, __VA_ARGS__ }
#define ANSWERED(kind, ...) { kind, HOST, WORLD, 30080, 4000, __VA_ARGS__ }
#define SENT_ON(kind, ...) { kind, HOST, POD_AWAY, SOURCE_PORT, 8080, __VA_ARGS__ }
#define REPLY(kind, ...) { kind, POD_AWAY, HOST, 8080, SOURCE_PORT, __VA_ARGS__ }

#define FORWARD(via, kind, event, ...) { via, ASKED(kind, __VA_ARGS__), .before = event, \
	.fate = TO_WORLD, .becomes = PTR(SENT_ON(kind, __VA_ARGS__)) }
#define REVERSE(via, kind, ...) { via, REPLY(kind, __VA_ARGS__), .fate = TO_WORLD, \
	.becomes = PTR(ANSWERED(kind, __VA_ARGS__)) }
/* XDP does not take it. */
#define LEFT(event, ...) { EDGE, __VA_ARGS__, .before = event, .fate = TO_STACK }

#define UDP_KNOWN FORWARD(FROM_WIRE, PACKET_UDP, web_away, .payload = 31), \
	REVERSE(FROM_WIRE, PACKET_UDP, .payload = 100)
#define TCP_KNOWN FORWARD(FROM_WIRE, PACKET_TCP, web_away, SYN), \
	REVERSE(FROM_WIRE, PACKET_TCP, SYN | ACK), FORWARD(FROM_WIRE, PACKET_TCP, NULL, ACK)

static const struct scene forwarded[] = {
	{ "UDP", BOTH, {
		UDP_KNOWN, FORWARD(EDGE, PACKET_UDP, NULL, .payload = 7),
		REVERSE(EDGE, PACKET_UDP, .payload = 1), REVERSE(EDGE, PACKET_UDP),
		FORWARD(EDGE, PACKET_UDP, NULL) } },
	{ "TCP", BOTH, {
		TCP_KNOWN, FORWARD(EDGE, PACKET_TCP, NULL, ACK, .payload = 99),
		REVERSE(EDGE, PACKET_TCP, ACK, .payload = 1400),
		FORWARD(EDGE, PACKET_TCP, NULL, FIN | ACK),
		REVERSE(EDGE, PACKET_TCP, FIN | ACK), FORWARD(EDGE, PACKET_TCP, NULL, ACK) } },
	{ "from packet to packet it may be TC or XDP", BOTH, {
		UDP_KNOWN, FORWARD(EDGE, PACKET_UDP, NULL, .payload = 7),
		REVERSE(FROM_WIRE, PACKET_UDP, .payload = 1), REVERSE(EDGE, PACKET_UDP),
		FORWARD(FROM_WIRE, PACKET_UDP, NULL) } },
	{ "a reset ends it", BOTH, {
		TCP_KNOWN, FORWARD(EDGE, PACKET_TCP, NULL, RST),
		FORWARD(FROM_WIRE, PACKET_TCP, NULL, SYN) } },
};

static const struct scene left[] = {
	{ "what nobody knows", BOTH, {
		LEFT(web_away, ASKED(PACKET_UDP)), LEFT(NULL, ASKED(PACKET_TCP, SYN)),
		LEFT(NULL, ASKED(PACKET_TCP, ACK)), LEFT(NULL, REPLY(PACKET_TCP, ACK)) } },
	{ "what nobody has answered", BOTH, {
		FORWARD(FROM_WIRE, PACKET_UDP, web_away), LEFT(NULL, ASKED(PACKET_UDP)),
		LEFT(NULL, REPLY(PACKET_UDP)) } },
	{ "an opening", BOTH, { TCP_KNOWN, LEFT(NULL, ASKED(PACKET_TCP, SYN)) } },
	{ "of another generation", BOTH, {
		UDP_KNOWN, LEFT(the_generation_turns, ASKED(PACKET_UDP)),
		LEFT(NULL, REPLY(PACKET_UDP)), FORWARD(FROM_WIRE, PACKET_UDP, NULL),
		FORWARD(EDGE, PACKET_UDP, NULL), REVERSE(EDGE, PACKET_UDP) } },
	{ "whose backend has ended", BOTH, {
		UDP_KNOWN, LEFT(backend_ends, ASKED(PACKET_UDP)) } },
	{ "whose time is over", BOTH, { UDP_KNOWN, LEFT(time_passes, ASKED(PACKET_UDP)) } },
	{ "without services", BOTH, { UDP_KNOWN, LEFT(services_end, ASKED(PACKET_UDP)) } },
	{ "without policy", BOTH, { UDP_KNOWN, LEFT(no_policy_was_loaded, ASKED(PACKET_UDP)) } },
	{ "the last hop", BOTH, { UDP_KNOWN, LEFT(NULL, ASKED(PACKET_UDP, .hops = 1)) } },
	{ "too long for the way", BOTH, {
		UDP_KNOWN, LEFT(NULL, ASKED(PACKET_UDP, .payload = 1600)),
		LEFT(NULL, REPLY(PACKET_UDP, .payload = 1600)) } },
	{ "for another MAC address", BOTH, {
		UDP_KNOWN, LEFT(NULL, ASKED(PACKET_UDP, .to_mac = NODE)),
		LEFT(NULL, REPLY(PACKET_UDP, .to_mac = NODE)) } },
	{ "fragments", BOTH, {
		UDP_KNOWN, LEFT(NULL, ASKED(PACKET_UDP, .id = 7, .more = true, .payload = 64)),
		LEFT(NULL, ASKED(PACKET_UDP, .id = 7, .offset = 72, .payload = 64)) } },
	{ "options", ONLY_V4, { UDP_KNOWN, LEFT(NULL, ASKED(PACKET_UDP, .options = 1)) } },
	{ "extension headers", ONLY_V6, {
		UDP_KNOWN, LEFT(NULL, ASKED(PACKET_UDP, .extensions = { 60 })) } },
	{ "errors and echoes", BOTH, {
		UDP_KNOWN, LEFT(NULL, { PACKET_ERROR, WORLD, HOST,
					.quote = PTR(ANSWERED(PACKET_UDP)) }),
		LEFT(NULL, { PACKET_ECHO, WORLD, HOST, 1 }) } },
	{ "cut off", BOTH, {
		UDP_KNOWN, LEFT(NULL, ASKED(PACKET_UDP, .payload = 9, .cut = 10)),
		LEFT(NULL, ASKED(PACKET_UDP, .cut = 5)) } },
	{ "no IP", BOTH, { UDP_KNOWN, LEFT(NULL, { PACKET_ETHER, WORLD, HOST, 0x88cc }) } },
};

#define AT_B(kind, event, ...) { FROM_WIRE, ASKED(kind, __VA_ARGS__), .before = event, \
	.becomes = PTR({ kind, WORLD, POD_B, 4000, 8080, __VA_ARGS__ }) }
#define POD_ASKED(src, dst) { PACKET_UDP, src, dst, 4000, 30080 }

static const struct scene of_this_node[] = {
	{ "a pod here", BOTH, {
		AT_B(PACKET_UDP, web_here),
		{ FROM_POD, { PACKET_UDP, POD_B, WORLD, 8080, 4000 }, .fate = TO_STACK,
		  .marked = true },
		LEFT(NULL, ASKED(PACKET_UDP)), AT_B(PACKET_UDP, NULL) } },
	{ "a socket here", BOTH, {
		{ FROM_WIRE, ASKED(PACKET_UDP), .before = web_at_node, .fate = TO_STACK,
		  .becomes = PTR({ PACKET_UDP, WORLD, HOST, 4000, 8080 }) },
		{ TO_WIRE, { PACKET_UDP, HOST, WORLD, 8080, 4000 }, .from_socket = true,
		  .fate = TO_STACK, .becomes = PTR(ANSWERED(PACKET_UDP)) },
		LEFT(NULL, ASKED(PACKET_UDP)) } },
	{ "a pod of this node as a client", BOTH, {
		{ FROM_POD, POD_ASKED(POD_A, HOST), .before = web_away, .fate = TO_STACK,
		  .becomes = PTR({ PACKET_UDP, POD_A, POD_AWAY, 4000, 8080 }) },
		{ FROM_WIRE, { PACKET_UDP, POD_AWAY, POD_A, 8080, 4000 },
		  .becomes = PTR({ PACKET_UDP, HOST, POD_A, 30080, 4000 }) },
		LEFT(NULL, POD_ASKED(POD_A, HOST)),
		LEFT(NULL, { PACKET_UDP, POD_AWAY, POD_A, 8080, 4000 }) } },
};

static const struct scene masqueraded[] = {
	{ "UDP", BOTH, {
		MASQ_LEAVES(web_and_masquerade, PACKET_UDP, .payload = 9),
		MASQ_LEFT(PACKET_UDP), MASQ_COMES(PACKET_UDP),
		MASQ_LEFT(PACKET_UDP), MASQ_COMES(PACKET_UDP) } },
	{ "TCP", BOTH, {
		MASQ_LEAVES(web_and_masquerade, PACKET_TCP, SYN),
		MASQ_LEFT(PACKET_TCP, SYN | ACK), MASQ_COMES(PACKET_TCP, SYN | ACK),
		MASQ_LEAVES(NULL, PACKET_TCP, ACK),
		MASQ_LEFT(PACKET_TCP, ACK), MASQ_COMES(PACKET_TCP, ACK) } },
};

START_TEST(a_known_connection_is_forwarded)
{
	PLAY(forwarded);
}
END_TEST

START_TEST(everything_else_is_left_as_it_is)
{
	PLAY(left);
}
END_TEST

START_TEST(the_answer_to_a_masqueraded_connection_is_left_as_it_is)
{
	PLAY(masqueraded);
}
END_TEST

START_TEST(what_concerns_this_node_is_left_as_it_is)
{
	PLAY(of_this_node);
}
END_TEST

static const struct step known[] = { UDP_KNOWN, FORWARD(EDGE, PACKET_UDP, NULL),
				     FORWARD(EDGE, PACKET_UDP, NULL), REVERSE(EDGE, PACKET_UDP) };

/* Over addresses, protocol and length, as a device expects it that adds the rest. */
static void checksum_open(struct frame *frame, bool v6)
{
	size_t at = v6 ? 22 : 26, end = v6 ? 54 : 34, length = frame->len - end;
	uint32_t sum = 17 + (uint32_t)length;

	for (; at < end; at += 2)
		sum += (uint32_t)(frame->data[at] << 8 | frame->data[at + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	frame->data[end + 6] = (uint8_t)(sum >> 8);
	frame->data[end + 7] = (uint8_t)sum;
}

START_TEST(a_checksum_that_a_device_would_complete_is_left)
{
	static const struct packet asked = ASKED(PACKET_UDP, .payload = 5);
	struct frame frame, before;
	struct engine_run run = { .program = EDGE, .ifindex = engine_ifindex(0), .frame = &frame };

	world_reset();
	for (int i = 0; i < 3; i++)
		step_play(&known[i], _i, "the connection");
	packet_build(&frame, &asked, _i);
	checksum_open(&frame, _i);
	before = frame;
	ck_assert(engine_run(&run));
	ck_assert_int_eq(run.action, XDP_PASS);
	ck_assert_mem_eq(frame.data, before.data, before.len);
}
END_TEST

/* The books of both entries are those that TC would have written. */
START_TEST(each_packet_is_booked_once)
{
	static const struct packet asked = ASKED(PACKET_UDP), sent = SENT_ON(PACKET_UDP);
	struct ct_entry entry;

	world_reset();
	for (int i = 0; i < 5; i++)
		step_play(&known[i], _i, "the connection");
	ck_assert(ct_get("", &entry, &asked, _i));
	ck_assert(ct_get("", &entry, &sent, _i));
	ck_assert_uint_eq(entry.packets[entry.opener], 3);
	ck_assert_uint_eq(entry.packets[!entry.opener], 2);
}
END_TEST

static const bool families[] = { false, true };

ENGINE_MAIN("edge", SCENES(a_known_connection_is_forwarded, forwarded),
	    SCENES(everything_else_is_left_as_it_is, left),
	    SCENES(the_answer_to_a_masqueraded_connection_is_left_as_it_is, masqueraded),
	    SCENES(what_concerns_this_node_is_left_as_it_is, of_this_node),
	    CHECK_LOOP(a_checksum_that_a_device_would_complete_is_left, families),
	    CHECK_LOOP(each_packet_is_booked_once, families))
