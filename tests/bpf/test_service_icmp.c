// SPDX-License-Identifier: Apache-2.0
/*
 * ICMP errors about packets of services: who sent the packet is told about the one that
 * was sent, whatever was made of it on the way.
 */
#include "engine_main.h"
#include "services.h"

#define WEB 1

static void web(enum who who)
{
	frontend_put(VIP, 80, 6, WEB, FRONTEND_WHOLE);
	frontend_put(VIP, 80, 17, WEB, FRONTEND_WHOLE);
	backend_put(1, WEB, who, 8080, BACKEND_IN_CLUSTER);
	set_put(WEB, SERVICE_CLUSTER, 1, 1);
}

static void web_at_b(bool v6)
{
	web(POD_B);
}

static void web_at_away(bool v6)
{
	web(POD_AWAY);
}

#define UDP(src, dst, sport, dport) { PACKET_UDP, src, dst, sport, dport, .payload = 30 }
#define TCP(src, dst, sport, dport) { PACKET_TCP, src, dst, sport, dport, ACK, .payload = 30 }
#define CUT(src, dst, sport, dport) { PACKET_TCP, src, dst, sport, dport, SYN, .cut = 12 }

static const struct packet
	udp_sent = UDP(POD_A, VIP, 4000, 80), udp_got = UDP(POD_A, POD_B, 4000, 8080),
	udp_answer = UDP(POD_B, POD_A, 8080, 4000), udp_answered = UDP(VIP, POD_A, 80, 4000),
	udp_gone = UDP(POD_A, POD_AWAY, 4000, 8080),
	tcp_sent = TCP(POD_A, VIP, 4000, 80), tcp_got = TCP(POD_A, POD_B, 4000, 8080),
	tcp_answer = TCP(POD_B, POD_A, 8080, 4000), tcp_answered = TCP(VIP, POD_A, 80, 4000),
	cut_sent = CUT(POD_A, VIP, 4000, 80), cut_got = CUT(POD_A, POD_B, 4000, 8080),
	first_sent = { PACKET_UDP, POD_A, VIP, 4000, 80, .id = 9, .more = true, .payload = 64 },
	first_got = { PACKET_UDP, POD_A, POD_B, 4000, 8080, .id = 9, .more = true, .payload = 64 },
	other = UDP(POD_A, VIP_2, 4000, 80);

#define PTR(...) (&(const struct packet)__VA_ARGS__)
#define ASKS(who, event, fate_) { FROM_POD, UDP(POD_A, VIP, 4000, 80), .before = event, \
	.fate = fate_, .becomes = PTR(UDP(POD_A, who, 4000, 8080)) }
#define OPENS { FROM_POD, { PACKET_TCP, POD_A, VIP, 4000, 80, SYN }, .before = web_at_b, \
	.becomes = PTR({ PACKET_TCP, POD_A, POD_B, 4000, 8080, SYN }) }
#define ERROR(src_, dst_, about, ...) { PACKET_ERROR, src_, dst_, .quote = &(about), __VA_ARGS__ }

static const struct scene to_client[] = {
	{ "of the backend about UDP", BOTH, {
		ASKS(POD_B, web_at_b, TO_PEER),
		{ FROM_POD, ERROR(POD_B, POD_A, udp_got),
		  .becomes = PTR(ERROR(VIP, POD_A, udp_sent)) } } },
	{ "of the backend about TCP", BOTH, {
		OPENS,
		{ FROM_POD, ERROR(POD_B, POD_A, tcp_got),
		  .becomes = PTR(ERROR(VIP, POD_A, tcp_sent)) } } },
	{ "with eight bytes of TCP", BOTH, {
		OPENS,
		{ FROM_POD, ERROR(POD_B, POD_A, cut_got),
		  .becomes = PTR(ERROR(VIP, POD_A, cut_sent)) } } },
	{ "about a first fragment", BOTH, {
		ASKS(POD_B, web_at_b, TO_PEER),
		{ FROM_POD, ERROR(POD_B, POD_A, first_got),
		  .becomes = PTR(ERROR(VIP, POD_A, first_sent)) } } },
	{ "of a router on the way: packet too big", ONLY_V6, {
		ASKS(POD_AWAY, web_at_away, TO_STACK),
		{ FROM_WIRE, ERROR(WORLD_2, POD_A, udp_gone, .type = 2),
		  .becomes = PTR(ERROR(WORLD_2, POD_A, udp_sent, .type = 2)) } } },
	{ "of a router on the way: fragmentation needed", ONLY_V4, {
		ASKS(POD_AWAY, web_at_away, TO_STACK),
		{ FROM_WIRE, ERROR(WORLD_2, POD_A, udp_gone, .type = 3, .code = 4),
		  .becomes = PTR(ERROR(WORLD_2, POD_A, udp_sent, .type = 3, .code = 4)) } } },
	{ "of the backend on another node", BOTH, {
		ASKS(POD_AWAY, web_at_away, TO_STACK),
		{ FROM_WIRE, ERROR(POD_AWAY, POD_A, udp_gone),
		  .becomes = PTR(ERROR(VIP, POD_A, udp_sent)) } } },
	{ "of this node's stack", BOTH, {
		ASKS(POD_AWAY, web_at_away, TO_STACK),
		{ TO_POD, ERROR(GATEWAY, POD_A, udp_gone), .from_socket = true, .fate = TO_STACK,
		  .becomes = PTR(ERROR(GATEWAY, POD_A, udp_sent)) } } },
	{ "translated already, by way of the stack", BOTH, {
		ASKS(POD_B, web_at_b, TO_PEER),
		{ TO_POD, ERROR(VIP, POD_A, udp_sent), .through = POD_B, .fate = TO_STACK } } },
};

static const struct scene to_backend[] = {
	{ "of the client about UDP", BOTH, {
		ASKS(POD_B, web_at_b, TO_PEER),
		{ FROM_POD, ERROR(POD_A, VIP, udp_answered),
		  .becomes = PTR(ERROR(POD_A, POD_B, udp_answer)) } } },
	{ "of the client about TCP", BOTH, {
		OPENS,
		{ FROM_POD, ERROR(POD_A, VIP, tcp_answered),
		  .becomes = PTR(ERROR(POD_A, POD_B, tcp_answer)) } } },
	{ "of the stack about an answer that it had", BOTH, {
		ASKS(POD_B, web_at_b, TO_PEER),
		{ TO_POD, ERROR(GATEWAY, POD_B, udp_answer), .from_socket = true,
		  .fate = TO_STACK } } },
};

static const struct scene unrelated[] = {
	{ "about another service", BOTH, {
		ASKS(POD_B, web_at_b, TO_PEER),
		{ FROM_POD, ERROR(POD_B, POD_A, other), DROP_ICMP_UNRELATED } } },
	{ "about what the client sent, by itself", BOTH, {
		ASKS(POD_B, web_at_b, TO_PEER),
		{ FROM_POD, ERROR(POD_A, VIP, udp_sent), DROP_ICMP_UNRELATED } } },
	{ "judged in another generation", BOTH, {
		ASKS(POD_B, web_at_b, TO_PEER),
		{ FROM_POD, ERROR(POD_A, VIP, udp_answered), DROP_ICMP_UNRELATED,
		  .before = the_generation_turns } } },
};

START_TEST(the_client_hears_about_what_it_sent)
{
	PLAY(to_client);
}
END_TEST

START_TEST(the_backend_hears_about_what_it_sent)
{
	PLAY(to_backend);
}
END_TEST

START_TEST(other_errors_are_refused)
{
	PLAY(unrelated);
}
END_TEST

ENGINE_MAIN("service_icmp", SCENES(the_client_hears_about_what_it_sent, to_client),
	    SCENES(the_backend_hears_about_what_it_sent, to_backend),
	    SCENES(other_errors_are_refused, unrelated))
