// SPDX-License-Identifier: Apache-2.0
/*
 * Masquerade: what pods send to the outside leaves from the node's address, answers and errors
 * come back to them, and everything else keeps its address.
 */
#include "engine_main.h"
#include "services.h"
#include "weir/masquerade.h"

#define WEB 1

#define PTR(...) (&(const struct packet)__VA_ARGS__)

/* What the pod sends, and how it leaves. */
#define SENDS(...) { FROM_POD, __VA_ARGS__, .fate = TO_STACK, .masqueraded = true }
#define LEAVES(packet_, ...) { TO_WIRE, packet_, .fate = TO_STACK, .masqueraded = true, \
	.becomes = &(__VA_ARGS__) }
#define COMES(packet_, ...) { FROM_WIRE, packet_, .becomes = &(__VA_ARGS__) }

/* Of a connection: the pod's packet, the same outside, the answer, and what the pod gets. */
#define TALK(name, kind, ...) \
	static const struct packet __attribute__((unused)) \
		name##_sent = { kind, POD_A, WORLD, 4000, 80, ##__VA_ARGS__ }, \
		name##_left = { kind, HOST, WORLD, SOURCE_PORT, 80, ##__VA_ARGS__ }, \
		name##_came = { kind, WORLD, HOST, 80, SOURCE_PORT, ##__VA_ARGS__ }, \
		name##_got = { kind, WORLD, POD_A, 80, 4000, ##__VA_ARGS__ }

TALK(udp, PACKET_UDP, .payload = 30);
TALK(syn, PACKET_TCP, SYN);
TALK(syn_ack, PACKET_TCP, SYN | ACK);
TALK(ack, PACKET_TCP, ACK, .payload = 100);
TALK(fin, PACKET_TCP, FIN | ACK);
TALK(init, PACKET_SCTP, 1, .crc = true, .payload = 16);
TALK(init_ack, PACKET_SCTP, 2, .crc = true, .payload = 16);
TALK(data, PACKET_SCTP, 0, .payload = 16);

static const struct packet
	echo_sent = { PACKET_ECHO, POD_A, WORLD, 77, .payload = 20 },
	echo_left = { PACKET_ECHO, HOST, WORLD, SOURCE_PORT, .payload = 20 },
	echo_came = { PACKET_ECHO_REPLY, WORLD, HOST, SOURCE_PORT, .payload = 20 },
	echo_got = { PACKET_ECHO_REPLY, WORLD, POD_A, 77, .payload = 20 };

static void masqueraded(bool v6)
{
	masquerade_set(MASQUERADE_ON, HOST);
}

static void no_more(bool v6)
{
	masquerade_set(MASQUERADE_ENDS, HOST);
}

static void without_address(bool v6)
{
	masquerade_set(MASQUERADE_ON, NOBODY);
}

static void from_gateway(bool v6)
{
	masquerade_set(MASQUERADE_ON, GATEWAY);
}

static void but_not_world(bool v6)
{
	masqueraded(v6);
	unmasqueraded_put(WORLD);
}

static void for_nobody(bool v6)
{
	masqueraded(v6);
	a_sends_to_nobody(v6);
}

#define BEGINS(...) { FROM_POD, __VA_ARGS__, .fate = TO_STACK, .masqueraded = true, \
	.before = masqueraded }

static const struct scene talks[] = {
	{ "UDP", BOTH, {
		BEGINS(udp_sent), LEAVES(udp_sent, udp_left), COMES(udp_came, udp_got),
		SENDS(udp_sent), LEAVES(udp_sent, udp_left), COMES(udp_came, udp_got) } },
	{ "TCP", BOTH, {
		BEGINS(syn_sent), LEAVES(syn_sent, syn_left), COMES(syn_ack_came, syn_ack_got),
		SENDS(ack_sent), LEAVES(ack_sent, ack_left), COMES(ack_came, ack_got),
		SENDS(fin_sent), LEAVES(fin_sent, fin_left), COMES(fin_came, fin_got),
		SENDS(ack_sent) } },
	{ "SCTP", BOTH, {
		BEGINS(init_sent), LEAVES(init_sent, init_left),
		COMES(init_ack_came, init_ack_got), SENDS(data_sent),
		LEAVES(data_sent, data_left), COMES(data_came, data_got) } },
	{ "echo", BOTH, {
		BEGINS(echo_sent), LEAVES(echo_sent, echo_left), COMES(echo_came, echo_got),
		SENDS(echo_sent), LEAVES(echo_sent, echo_left), COMES(echo_came, echo_got) } },
	{ "to another node", BOTH, {
		BEGINS({ PACKET_UDP, POD_A, NODE, 4000, 80 }),
		LEAVES(((struct packet){ PACKET_UDP, POD_A, NODE, 4000, 80 }),
		       (struct packet){ PACKET_UDP, HOST, NODE, SOURCE_PORT, 80 }) } },
	{ "judged once more", BOTH, {
		BEGINS(udp_sent), LEAVES(udp_sent, udp_left), COMES(udp_came, udp_got),
		{ FROM_WIRE, udp_came, .becomes = &udp_got, .before = the_generation_turns },
		SENDS(udp_sent), LEAVES(udp_sent, udp_left) } },
	{ "segments", BOTH, {
		BEGINS(syn_sent), LEAVES(syn_sent, syn_left), COMES(syn_ack_came, syn_ack_got),
		{ FROM_POD, { PACKET_TCP, POD_A, WORLD, 4000, 80, ACK, .payload = 3000 },
		  .gso_size = 1000, .fate = TO_STACK, .masqueraded = true },
		{ FROM_WIRE, { PACKET_TCP, WORLD, HOST, 80, SOURCE_PORT, ACK, .payload = 3000 },
		  .gso_size = 1000,
		  .becomes = PTR({ PACKET_TCP, WORLD, POD_A, 80, 4000, ACK, .payload = 3000 }) } } },
	{ "an answer that needs a router gets to the stack as the pod's", BOTH, {
		BEGINS(udp_sent), LEAVES(udp_sent, udp_left),
		{ FROM_WIRE, { PACKET_UDP, WORLD, HOST, 80, SOURCE_PORT, .hops = 1 },
		  .fate = TO_STACK,
		  .becomes = PTR({ PACKET_UDP, WORLD, POD_A, 80, 4000, .hops = 1 }) },
		{ TO_POD, { PACKET_UDP, WORLD, POD_A, 80, 4000 }, .fate = TO_STACK } } },
};

START_TEST(a_connection_leaves_from_the_node_and_its_answers_come_back)
{
	PLAY(talks);
}
END_TEST

static const struct scene unchanged[] = {
	{ "it is off", BOTH, { { FROM_POD, udp_sent, .fate = TO_STACK } } },
	{ "it was on", BOTH, { { FROM_POD, udp_sent, .fate = TO_STACK, .before = no_more } } },
	{ "what began when it was on goes on", BOTH, {
		BEGINS(udp_sent), LEAVES(udp_sent, udp_left),
		{ FROM_POD, udp_sent, .fate = TO_STACK, .masqueraded = true, .before = no_more },
		LEAVES(udp_sent, udp_left), COMES(udp_came, udp_got),
		{ FROM_POD, { PACKET_UDP, POD_A, WORLD, 4001, 80 }, .fate = TO_STACK } } },
	{ "and what began when it was off as well", BOTH, {
		{ FROM_POD, udp_sent, .fate = TO_STACK },
		{ FROM_POD, udp_sent, .fate = TO_STACK, .before = masqueraded } } },
	{ "to those who need not be asked", BOTH, {
		{ FROM_POD, udp_sent, .fate = TO_STACK, .before = but_not_world } } },
	{ "to a pod of another node", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_AWAY, 4000, 80 }, .fate = TO_STACK,
		  .before = masqueraded } } },
	{ "to a pod of this node", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 80 }, .before = masqueraded } } },
	{ "to the node itself", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_A, HOST, 4000, 80 }, .fate = TO_STACK,
		  .before = masqueraded } } },
	{ "an answer", BOTH, {
		{ FROM_WIRE, { PACKET_UDP, WORLD, POD_A, 80, 4000 }, .before = masqueraded },
		{ FROM_POD, udp_sent, .fate = TO_STACK, .marked = true },
		{ TO_WIRE, udp_sent, .fate = TO_STACK, .marked = true } } },
	{ "what the node itself sends and hears", BOTH, {
		{ TO_WIRE, udp_left, .from_socket = true, .fate = TO_STACK, .before = masqueraded },
		{ FROM_WIRE, udp_came, .fate = TO_STACK },
		{ FROM_WIRE, syn_came, .fate = TO_STACK } } },
	{ "what has been translated on its way", BOTH, {
		{ TO_WIRE, { PACKET_UDP, HOST, WORLD_2, 4000, 80 }, .through = POD_A,
		  .masqueraded = true, .fate = TO_STACK, .before = masqueraded } } },
	{ "who opens a connection to the node between the same ends", BOTH, {
		BEGINS(syn_sent), LEAVES(syn_sent, syn_left),
		{ FROM_WIRE, syn_came, .fate = TO_STACK } } },
};

START_TEST(everything_else_keeps_its_address)
{
	PLAY(unchanged);
}
END_TEST

static const struct scene refused[] = {
	{ "no address", BOTH, {
		{ FROM_POD, udp_sent, .fate = TO_STACK, .masqueraded = true,
		  .before = without_address },
		{ TO_WIRE, udp_sent, DROP_MASQUERADE_ADDRESS, .masqueraded = true } } },
	{ "by the pod's own policy", BOTH, {
		{ FROM_POD, udp_sent, DROP_POLICY_EGRESS, .before = for_nobody } } },
	{ "no ports", BOTH, {
		{ FROM_POD, { PACKET_PROTO, POD_A, WORLD, .type = 47, .payload = 20 },
		  DROP_MASQUERADE_PROTOCOL, .before = masqueraded } } },
	{ "an ICMP query other than echo", ONLY_V4, {
		{ FROM_POD, { PACKET_ICMP, POD_A, WORLD, .type = 13, .payload = 12 },
		  DROP_MASQUERADE_PROTOCOL, .before = masqueraded } } },
	{ "an answer to nobody any more", BOTH, {
		BEGINS(syn_sent), LEAVES(syn_sent, syn_left),
		{ FROM_WIRE, syn_ack_came, .fate = TO_STACK, .before = time_passes } } },
};

START_TEST(what_cannot_be_masqueraded_does_not_leave)
{
	PLAY(refused);
}
END_TEST

#define ERROR(src_, dst_, about, ...) { PACKET_ERROR, src_, dst_, .quote = &(about), __VA_ARGS__ }

static const struct packet
	/* The node's answer to an error of a router quotes what the node has sent. */
	short_syn_left = { PACKET_TCP, HOST, WORLD, SOURCE_PORT, 80, SYN },
	udp_left_short = { PACKET_UDP, HOST, WORLD, SOURCE_PORT, 80, .payload = 30, .hops = 5 },
	udp_sent_short = { PACKET_UDP, POD_A, WORLD, 4000, 80, .payload = 30, .hops = 5 };

static const struct scene errors[] = {
	{ "of a router: packet too big", ONLY_V6, {
		BEGINS(udp_sent), LEAVES(udp_sent, udp_left),
		{ FROM_WIRE, ERROR(WORLD_2, HOST, udp_left, .type = 2),
		  .becomes = PTR(ERROR(WORLD_2, POD_A, udp_sent, .type = 2)) } } },
	{ "of a router: fragmentation needed", ONLY_V4, {
		BEGINS(udp_sent), LEAVES(udp_sent, udp_left),
		{ FROM_WIRE, ERROR(WORLD_2, HOST, udp_left, .code = 4),
		  .becomes = PTR(ERROR(WORLD_2, POD_A, udp_sent, .code = 4)) } } },
	{ "about a packet that has been on its way", BOTH, {
		BEGINS(udp_sent), LEAVES(udp_sent, udp_left),
		{ FROM_WIRE, ERROR(WORLD_2, HOST, udp_left_short, .code = 0),
		  .becomes = PTR(ERROR(WORLD_2, POD_A, udp_sent_short, .code = 0)) } } },
	{ "of whom it was for, TCP", BOTH, {
		BEGINS(syn_sent), LEAVES(syn_sent, syn_left),
		{ FROM_WIRE, ERROR(WORLD, HOST, short_syn_left),
		  .becomes = PTR(ERROR(WORLD, POD_A, syn_sent)) } } },
	{ "about an echo", BOTH, {
		BEGINS(echo_sent), LEAVES(echo_sent, echo_left),
		{ FROM_WIRE, ERROR(WORLD_2, HOST, echo_left),
		  .becomes = PTR(ERROR(WORLD_2, POD_A, echo_sent)) } } },
	{ "for the stack to route", BOTH, {
		BEGINS(udp_sent), LEAVES(udp_sent, udp_left),
		{ FROM_WIRE, ERROR(WORLD_2, HOST, udp_left, .hops = 1), .fate = TO_STACK,
		  .becomes = PTR(ERROR(WORLD_2, POD_A, udp_sent, .hops = 1)) } } },
	{ "of the pod about an answer", BOTH, {
		BEGINS(udp_sent), LEAVES(udp_sent, udp_left), COMES(udp_came, udp_got),
		{ FROM_POD, ERROR(POD_A, WORLD, udp_got), .fate = TO_STACK, .masqueraded = true },
		{ TO_WIRE, ERROR(POD_A, WORLD, udp_got), .fate = TO_STACK, .masqueraded = true,
		  .becomes = PTR(ERROR(HOST, WORLD, udp_came)) } } },
	{ "of the pod about an echo's answer", BOTH, {
		BEGINS(echo_sent), LEAVES(echo_sent, echo_left), COMES(echo_came, echo_got),
		{ FROM_POD, ERROR(POD_A, WORLD, echo_got), .fate = TO_STACK, .masqueraded = true },
		{ TO_WIRE, ERROR(POD_A, WORLD, echo_got), .fate = TO_STACK, .masqueraded = true,
		  .becomes = PTR(ERROR(HOST, WORLD, echo_came)) } } },
	{ "of this node's stack about an answer", BOTH, {
		BEGINS(udp_sent), LEAVES(udp_sent, udp_left), COMES(udp_came, udp_got),
		{ TO_WIRE, ERROR(HOST, WORLD, udp_got), .fate = TO_STACK, .from_socket = true,
		  .becomes = PTR(ERROR(HOST, WORLD, udp_came)) } } },
	{ "about the node's own packets", BOTH, {
		BEGINS(udp_sent), LEAVES(udp_sent, udp_left),
		{ FROM_WIRE, ERROR(WORLD, HOST, udp_came), .fate = TO_STACK },
		{ FROM_WIRE, ERROR(WORLD, HOST, syn_left), .fate = TO_STACK } } },
};

START_TEST(icmp_errors_speak_of_the_packet_as_its_sender_knows_it)
{
	PLAY(errors);
}
END_TEST

#define FIRST(src, dst, sport, dport) { PACKET_UDP, src, dst, sport, dport, .id = 9, .more = true, \
	.payload = 64 }
#define LATER(src, dst, sport, dport) { PACKET_UDP, src, dst, sport, dport, .id = 9, .offset = 72, \
	.payload = 64 }

static const struct packet
	first_sent = FIRST(POD_A, WORLD, 4000, 80), first_left = FIRST(HOST, WORLD, SOURCE_PORT, 80),
	first_came = FIRST(WORLD, HOST, 80, SOURCE_PORT), first_got = FIRST(WORLD, POD_A, 80, 4000),
	later_sent = LATER(POD_A, WORLD, 4000, 80), later_left = LATER(HOST, WORLD, SOURCE_PORT, 80),
	later_came = LATER(WORLD, HOST, 80, SOURCE_PORT), later_got = LATER(WORLD, POD_A, 80, 4000);

static const struct scene fragments[] = {
	{ "out and in", BOTH, {
		BEGINS(first_sent), LEAVES(first_sent, first_left),
		SENDS(later_sent), LEAVES(later_sent, later_left),
		COMES(first_came, first_got), COMES(later_came, later_got) } },
	{ "the later one first", BOTH, {
		BEGINS(udp_sent), LEAVES(udp_sent, udp_left),
		{ FROM_WIRE, later_came, DROP_FRAGMENT_HELD },
		{ FROM_WIRE, first_came, .becomes = &first_got, .released = 1 } } },
	{ "out, the later one alone", BOTH, {
		{ TO_WIRE, later_sent, DROP_FRAGMENT_UNKNOWN, .masqueraded = true,
		  .before = masqueraded } } },
};

START_TEST(fragments_go_the_way_of_their_first_one)
{
	PLAY(fragments);
}
END_TEST

static void web_outside(bool v6)
{
	masqueraded(v6);
	services_set(1);
	frontend_put(VIP, 80, 17, WEB, FRONTEND_WHOLE);
	backend_put(1, WEB, WORLD, 8080, 0);
	set_put(WEB, SERVICE_CLUSTER, 1, 1);
}

static const struct packet
	asked = { PACKET_UDP, POD_A, VIP, 4000, 80 },
	asked_world = { PACKET_UDP, POD_A, WORLD, 4000, 8080 },
	asked_left = { PACKET_UDP, HOST, WORLD, SOURCE_PORT, 8080 },
	answer_came = { PACKET_UDP, WORLD, HOST, 8080, SOURCE_PORT },
	answer_world = { PACKET_UDP, WORLD, POD_A, 8080, 4000 },
	answered = { PACKET_UDP, VIP, POD_A, 80, 4000 };

#define ASKS(event) { FROM_POD, asked, .before = event, .fate = TO_STACK, .masqueraded = true, \
	.becomes = &asked_world }

static const struct scene services[] = {
	{ "there and back", BOTH, {
		ASKS(web_outside), LEAVES(asked_world, asked_left), COMES(answer_came, answered),
		ASKS(NULL), LEAVES(asked_world, asked_left), COMES(answer_came, answered) } },
	{ "an error about the question", BOTH, {
		ASKS(web_outside), LEAVES(asked_world, asked_left),
		{ FROM_WIRE, ERROR(WORLD, HOST, asked_left),
		  .becomes = PTR(ERROR(VIP, POD_A, asked)) } } },
	{ "an error about the answer", BOTH, {
		ASKS(web_outside), LEAVES(asked_world, asked_left), COMES(answer_came, answered),
		{ FROM_POD, ERROR(POD_A, VIP, answered), .fate = TO_STACK, .masqueraded = true,
		  .becomes = PTR(ERROR(POD_A, WORLD, answer_world)) },
		{ TO_WIRE, ERROR(POD_A, WORLD, answer_world), .fate = TO_STACK, .masqueraded = true,
		  .becomes = PTR(ERROR(HOST, WORLD, answer_came)) } } },
	{ "an answer that needs a router", BOTH, {
		ASKS(web_outside), LEAVES(asked_world, asked_left),
		{ FROM_WIRE, { PACKET_UDP, WORLD, HOST, 8080, SOURCE_PORT, .hops = 1 },
		  .fate = TO_STACK,
		  .becomes = PTR({ PACKET_UDP, WORLD, POD_A, 8080, 4000, .hops = 1 }) },
		{ TO_POD, { PACKET_UDP, WORLD, POD_A, 8080, 4000, .hops = 64 }, .fate = TO_STACK,
		  .becomes = PTR({ PACKET_UDP, VIP, POD_A, 80, 4000, .hops = 64 }) } } },
};

START_TEST(a_service_may_have_endpoints_outside)
{
	PLAY(services);
}
END_TEST

static void node_port_outside(bool v6)
{
	masqueraded(v6);
	frontend_put(HOST, 30080, 17, WEB, FRONTEND_EXTERNAL);
	backend_put(1, WEB, NODE, 8080, 0);
	set_put(WEB, SERVICE_CLUSTER, 1, 1);
}

static void b_has_asked_long_ago(bool v6)
{
	time_passes(v6);
}

#define OF_B { PACKET_UDP, POD_B, WORLD, 4000, 80, .payload = 30 }
#define SYN_OF_B { PACKET_TCP, POD_B, WORLD, 4000, 80, SYN }

/* The node of this test has one port. */
static const struct scene ports[] = {
	{ "one for each destination", BOTH, {
		BEGINS(udp_sent), LEAVES(udp_sent, udp_left), COMES(udp_came, udp_got),
		SENDS({ PACKET_UDP, POD_A, WORLD_2, 4000, 80 }),
		LEAVES(((struct packet){ PACKET_UDP, POD_A, WORLD_2, 4000, 80 }),
		       (struct packet){ PACKET_UDP, HOST, WORLD_2, SOURCE_PORT, 80 }),
		SENDS({ PACKET_UDP, POD_B, WORLD, 4000, 81 }),
		LEAVES(((struct packet){ PACKET_UDP, POD_B, WORLD, 4000, 81 }),
		       (struct packet){ PACKET_UDP, HOST, WORLD, SOURCE_PORT, 81 }),
		COMES(udp_came, udp_got) } },
	{ "an answered one keeps it", BOTH, {
		BEGINS(udp_sent), LEAVES(udp_sent, udp_left), COMES(udp_came, udp_got),
		SENDS(OF_B),
		{ TO_WIRE, OF_B, DROP_MASQUERADE_PORTS, .masqueraded = true },
		SENDS(udp_sent), LEAVES(udp_sent, udp_left), COMES(udp_came, udp_got) } },
	{ "one without an answer loses it", BOTH, {
		BEGINS(syn_sent), LEAVES(syn_sent, syn_left), SENDS(SYN_OF_B),
		LEAVES((struct packet)SYN_OF_B, syn_left),
		COMES(syn_ack_came, (struct packet){ PACKET_TCP, WORLD, POD_B, 80, 4000, SYN | ACK }),
		/* And cannot have it back. */
		SENDS(syn_sent), { TO_WIRE, syn_sent, DROP_MASQUERADE_PORTS, .masqueraded = true } } },
	{ "but not yet, where nothing tells whose the answer is", BOTH, {
		BEGINS(udp_sent), LEAVES(udp_sent, udp_left), SENDS(OF_B),
		{ TO_WIRE, OF_B, DROP_MASQUERADE_PORTS, .masqueraded = true },
		COMES(udp_came, udp_got) } },
	{ "one whose time is over as well", BOTH, {
		BEGINS(udp_sent), LEAVES(udp_sent, udp_left), COMES(udp_came, udp_got),
		{ FROM_POD, OF_B, .fate = TO_STACK, .masqueraded = true,
		  .before = b_has_asked_long_ago },
		LEAVES((struct packet)OF_B, udp_left) } },
	{ "those of services are taken", BOTH, {
		{ FROM_WIRE, { PACKET_UDP, WORLD, HOST, 4000, 30080 }, .fate = TO_WORLD,
		  .before = node_port_outside,
		  .becomes = PTR({ PACKET_UDP, HOST, NODE, SOURCE_PORT, 8080 }) },
		SENDS({ PACKET_UDP, POD_A, NODE, 4000, 8080 }),
		{ TO_WIRE, { PACKET_UDP, POD_A, NODE, 4000, 8080 }, DROP_MASQUERADE_PORTS,
		  .masqueraded = true } } },
	{ "and services find it taken", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_A, NODE, 4000, 8080 }, .fate = TO_STACK,
		  .masqueraded = true, .before = node_port_outside },
		LEAVES(((struct packet){ PACKET_UDP, POD_A, NODE, 4000, 8080 }),
		       (struct packet){ PACKET_UDP, HOST, NODE, SOURCE_PORT, 8080 }),
		{ FROM_WIRE, { PACKET_UDP, WORLD, HOST, 4000, 30080 }, DROP_SERVICE_PORTS } } },
	{ "an address that is the node's no more", BOTH, {
		BEGINS(udp_sent), LEAVES(udp_sent, udp_left),
		{ FROM_POD, udp_sent, .fate = TO_STACK, .masqueraded = true,
		  .before = without_address },
		{ TO_WIRE, udp_sent, DROP_MASQUERADE_ADDRESS, .masqueraded = true },
		{ FROM_POD, udp_sent, .fate = TO_STACK, .masqueraded = true,
		  .before = from_gateway },
		LEAVES(udp_sent, (struct packet){ PACKET_UDP, GATEWAY, WORLD, SOURCE_PORT, 80,
						  .payload = 30 }) } },
};

START_TEST(a_port_is_of_one_connection_to_a_destination)
{
	PLAY(ports);
}
END_TEST

/* As many connections that nobody answers as there may be. */
static void flood(bool v6)
{
	struct frame out;

	for (uint16_t i = 0; i < 8 * ENGINE_CT_MAX; i++) {
		struct packet packet = { PACKET_UDP, POD_B, WORLD_2, 1024 + i, 80 };

		packet_send(FROM_POD, &packet, &out, v6);
	}
}

static const struct scene after_a_flood[] = {
	{ "UDP", BOTH, {
		BEGINS(udp_sent), LEAVES(udp_sent, udp_left), COMES(udp_came, udp_got),
		{ FROM_WIRE, udp_came, .becomes = &udp_got, .before = flood },
		SENDS(udp_sent), LEAVES(udp_sent, udp_left) } },
	{ "TCP", BOTH, {
		BEGINS(syn_sent), LEAVES(syn_sent, syn_left), COMES(syn_ack_came, syn_ack_got),
		SENDS(ack_sent), LEAVES(ack_sent, ack_left), COMES(ack_came, ack_got),
		{ FROM_WIRE, ack_came, .becomes = &ack_got, .before = flood },
		SENDS(ack_sent), LEAVES(ack_sent, ack_left) } },
};

START_TEST(a_flood_costs_no_answered_connection)
{
	PLAY(after_a_flood);
}
END_TEST

ENGINE_MAIN("masquerade",
	    SCENES(a_connection_leaves_from_the_node_and_its_answers_come_back, talks),
	    SCENES(everything_else_keeps_its_address, unchanged),
	    SCENES(what_cannot_be_masqueraded_does_not_leave, refused),
	    SCENES(icmp_errors_speak_of_the_packet_as_its_sender_knows_it, errors),
	    SCENES(fragments_go_the_way_of_their_first_one, fragments),
	    SCENES(a_service_may_have_endpoints_outside, services),
	    SCENES(a_port_is_of_one_connection_to_a_destination, ports),
	    SCENES(a_flood_costs_no_answered_connection, after_a_flood))
