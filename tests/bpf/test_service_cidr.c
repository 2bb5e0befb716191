// SPDX-License-Identifier: Apache-2.0
/*
 * Service CIDRs: VIP is a service's, VIP_2 beside it nobody's. What is for that one goes
 * nowhere; where no CIDR is known it is any address outside.
 */
#include "engine_main.h"
#include "services.h"

#define WEB 1 /* port 80 of VIP, on POD_B's 8080 */

static void web_put(bool v6)
{
	static const uint8_t protos[] = { 6, 17 };

	for (int i = 0; i < 2; i++)
		frontend_put(VIP, 80, protos[i], WEB, FRONTEND_WHOLE | FRONTEND_EXTERNAL);
	backend_put(1, WEB, POD_B, 8080, BACKEND_IN_CLUSTER);
	set_put(WEB, SERVICE_CLUSTER, 1, 1);
}

static void the_cidr_has_both(bool v6)
{
	web_put(v6);
	service_cidr_set(VIP, 4);
}

/* VIP ends with 1, VIP_2 with 2. */
static void the_cidr_ends_before(bool v6)
{
	web_put(v6);
	service_cidr_set(VIP, 1);
}

static void no_service_is_there(bool v6)
{
	service_cidr_set(VIP, 4);
}

static void all_is_masqueraded(bool v6)
{
	the_cidr_has_both(v6);
	masquerade_set(MASQUERADE_ON, HOST);
}

static void a_may_send_to_nobody(bool v6)
{
	the_cidr_has_both(v6);
	a_sends_to_nobody(v6);
}

static void the_cidr_has_pods(bool v6)
{
	service_cidr_set(POD_B, 4);
}

static void the_cidr_has_the_node(bool v6)
{
	service_cidr_set(HOST, 4);
}

static void another_proxy_has_it(bool v6)
{
	the_cidr_has_both(v6);
	frontend_put(VIP_2, FRONTEND_OTHERS_PORT, FRONTEND_OTHERS_PROTO, WEB, FRONTEND_EXTERNAL);
}

static void web_is_deleted(bool v6)
{
	frontend_clear(VIP, 80, 6);
	frontend_clear(VIP, 80, 17);
	frontend_clear(VIP, 0, 0);
	generation_set(3);
}

#define PTR(...) (&(const struct packet)__VA_ARGS__)
#define NOBODYS(kind, ...) { kind, POD_A, VIP_2, 4000, 80, __VA_ARGS__ }
#define LOST_OF_POD(event, ...) { FROM_POD, NOBODYS(__VA_ARGS__), DROP_SERVICE_NO_ADDRESS, \
	.before = event }
#define ASK(kind, ...) { FROM_POD, { kind, POD_A, VIP, 4000, 80, __VA_ARGS__ }, \
	.becomes = PTR({ kind, POD_A, POD_B, 4000, 8080, __VA_ARGS__ }) }
#define ANSWER(kind, ...) { FROM_POD, { kind, POD_B, POD_A, 8080, 4000, __VA_ARGS__ }, \
	.becomes = PTR({ kind, VIP, POD_A, 80, 4000, __VA_ARGS__ }) }

static const struct scene of_pods[] = {
	{ "TCP", BOTH, {
		LOST_OF_POD(the_cidr_has_both, PACKET_TCP, SYN), LOST_OF_POD(NULL, PACKET_TCP, ACK),
		LOST_OF_POD(NULL, PACKET_TCP, RST) } },
	{ "UDP", BOTH, {
		LOST_OF_POD(the_cidr_has_both, PACKET_UDP), LOST_OF_POD(NULL, PACKET_UDP) } },
	{ "SCTP", BOTH, { LOST_OF_POD(the_cidr_has_both, PACKET_SCTP, 1) } },
	{ "an echo request, and an answer to none", BOTH, {
		LOST_OF_POD(the_cidr_has_both, PACKET_ECHO),
		LOST_OF_POD(NULL, PACKET_ECHO_REPLY) } },
	{ "another query", BOTH, {
		LOST_OF_POD(the_cidr_has_both, PACKET_ICMP, .type = 200) } },
	{ "another protocol", BOTH, {
		LOST_OF_POD(the_cidr_has_both, PACKET_PROTO, .type = 47, .payload = 8) } },
	{ "fragments", BOTH, {
		LOST_OF_POD(the_cidr_has_both, PACKET_UDP, .id = 9, .more = true, .payload = 64),
		LOST_OF_POD(NULL, PACKET_UDP, .id = 9, .offset = 72, .payload = 64) } },
	{ "without any service", BOTH, {
		LOST_OF_POD(no_service_is_there, PACKET_TCP, SYN),
		LOST_OF_POD(NULL, PACKET_ECHO) } },
	{ "masquerade has no part in it", BOTH, {
		LOST_OF_POD(all_is_masqueraded, PACKET_TCP, SYN) } },
	{ "nor has policy", BOTH, { LOST_OF_POD(a_may_send_to_nobody, PACKET_TCP, SYN) } },
};

#define LOST_OF_WORLD(event, kind, ...) { FROM_WIRE, \
	{ kind, WORLD, VIP_2, 4000, 80, __VA_ARGS__ }, DROP_SERVICE_NO_ADDRESS, .before = event }

static const struct packet unasked = { PACKET_UDP, VIP_2, WORLD, 80, 4000 };

static const struct scene of_the_wire[] = {
	{ "TCP", BOTH, {
		LOST_OF_WORLD(the_cidr_has_both, PACKET_TCP, SYN),
		LOST_OF_WORLD(NULL, PACKET_TCP, ACK), LOST_OF_WORLD(NULL, PACKET_TCP, RST) } },
	{ "UDP", BOTH, { LOST_OF_WORLD(the_cidr_has_both, PACKET_UDP) } },
	{ "SCTP", BOTH, { LOST_OF_WORLD(the_cidr_has_both, PACKET_SCTP, 1) } },
	{ "an echo request", BOTH, { LOST_OF_WORLD(the_cidr_has_both, PACKET_ECHO) } },
	{ "another query", BOTH, {
		LOST_OF_WORLD(the_cidr_has_both, PACKET_ICMP, .type = 200) } },
	{ "an error about nothing", BOTH, {
		{ FROM_WIRE, { PACKET_ERROR, WORLD, VIP_2, .quote = &unasked },
		  DROP_ICMP_UNRELATED, .before = the_cidr_has_both } } },
	{ "fragments", BOTH, {
		{ FROM_WIRE, { PACKET_UDP, WORLD, VIP_2, 4000, 80, .id = 9, .offset = 72,
			       .payload = 64 }, DROP_FRAGMENT_UNKNOWN,
		  .before = the_cidr_has_both },
		LOST_OF_WORLD(NULL, PACKET_UDP, .id = 9, .more = true, .payload = 64) } },
	{ "without any service", BOTH, {
		LOST_OF_WORLD(no_service_is_there, PACKET_TCP, SYN),
		LOST_OF_WORLD(NULL, PACKET_ECHO) } },
};

#define PASSES(via, event, ...) { via, __VA_ARGS__, .fate = TO_STACK, .before = event }

static const struct scene others[] = {
	{ "the service itself", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, VIP, 4000, 80, SYN }, .before = the_cidr_has_both,
		  .becomes = PTR({ PACKET_TCP, POD_A, POD_B, 4000, 8080, SYN }) },
		{ FROM_WIRE, { PACKET_TCP, WORLD, VIP, 4000, 80, SYN },
		  .becomes = PTR({ PACKET_TCP, WORLD, POD_B, 4000, 8080, SYN }) },
		{ FROM_POD, { PACKET_TCP, POD_A, VIP, 4000, 81, SYN }, DROP_SERVICE_NO_PORT,
		  .rejected = true } } },
	{ "where no CIDR is known", BOTH, {
		PASSES(FROM_POD, web_put, NOBODYS(PACKET_TCP, SYN)),
		PASSES(FROM_POD, NULL, NOBODYS(PACKET_ECHO)),
		PASSES(FROM_WIRE, NULL, { PACKET_TCP, WORLD, VIP_2, 4000, 80, SYN }),
		PASSES(FROM_WIRE, NULL, { PACKET_ECHO, WORLD, VIP_2, 7 }),
		PASSES(FROM_WIRE, NULL, { PACKET_ERROR, WORLD, VIP_2, .quote = &unasked }) } },
	{ "an address beside the CIDR", BOTH, {
		PASSES(FROM_POD, the_cidr_ends_before, NOBODYS(PACKET_TCP, SYN)),
		PASSES(FROM_WIRE, NULL, { PACKET_TCP, WORLD, VIP_2, 4000, 80, SYN }) } },
	{ "a pod that has an address of it", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, POD_B, 4000, 80, SYN },
		  .before = the_cidr_has_pods },
		{ FROM_POD, { PACKET_ICMP, POD_A, POD_B, .type = 200 } },
		{ FROM_WIRE, { PACKET_TCP, WORLD, POD_B, 4000, 80, SYN } } } },
	{ "an address that another proxy has", BOTH, {
		PASSES(FROM_POD, another_proxy_has_it, NOBODYS(PACKET_TCP, SYN)),
		PASSES(FROM_POD, NULL, NOBODYS(PACKET_UDP)),
		PASSES(FROM_POD, NULL, NOBODYS(PACKET_ECHO)),
		PASSES(FROM_POD, NULL, NOBODYS(PACKET_ICMP, .type = 200)),
		PASSES(FROM_POD, NULL, NOBODYS(PACKET_PROTO, .type = 255, .payload = 8)),
		PASSES(FROM_WIRE, NULL, { PACKET_TCP, WORLD, VIP_2, 4000, 80, SYN }),
		PASSES(FROM_WIRE, NULL, { PACKET_ECHO, WORLD, VIP_2, 7 }),
		PASSES(FROM_WIRE, NULL, { PACKET_ERROR, WORLD, VIP_2, .quote = &unasked }) } },
	{ "a node that has one", BOTH, {
		PASSES(FROM_POD, the_cidr_has_the_node, { PACKET_TCP, POD_A, HOST, 4000, 80, SYN }),
		PASSES(FROM_WIRE, NULL, { PACKET_TCP, WORLD, HOST, 4000, 80, SYN }),
		PASSES(FROM_WIRE, NULL, { PACKET_ICMP, WORLD, HOST, .type = 200 }) } },
};

static const struct scene connections[] = {
	{ "older than the CIDR", BOTH, {
		PASSES(FROM_POD, web_put, NOBODYS(PACKET_TCP, SYN)),
		{ FROM_WIRE, { PACKET_TCP, VIP_2, POD_A, 80, 4000, SYN | ACK } },
		PASSES(FROM_POD, NULL, NOBODYS(PACKET_TCP, ACK)),
		PASSES(FROM_POD, the_cidr_has_both, NOBODYS(PACKET_TCP, ACK)),
		{ FROM_WIRE, { PACKET_TCP, VIP_2, POD_A, 80, 4000, ACK } } } },
	{ "TCP to a service that is deleted", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, VIP, 4000, 80, SYN }, .before = the_cidr_has_both,
		  .becomes = PTR({ PACKET_TCP, POD_A, POD_B, 4000, 8080, SYN }) },
		ANSWER(PACKET_TCP, SYN | ACK), ASK(PACKET_TCP, ACK),
		{ FROM_POD, { PACKET_TCP, POD_A, VIP, 4000, 80, ACK }, .before = web_is_deleted,
		  .becomes = PTR({ PACKET_TCP, POD_A, POD_B, 4000, 8080, ACK }) },
		{ FROM_POD, { PACKET_TCP, POD_A, VIP, 4001, 80, SYN },
		  DROP_SERVICE_NO_ADDRESS } } },
	{ "datagrams to a service that is deleted", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_A, VIP, 4000, 80 }, .before = the_cidr_has_both,
		  .becomes = PTR({ PACKET_UDP, POD_A, POD_B, 4000, 8080 }) },
		ANSWER(PACKET_UDP),
		{ FROM_POD, { PACKET_UDP, POD_A, VIP, 4000, 80 }, DROP_SERVICE_NO_ADDRESS,
		  .before = web_is_deleted } } },
};

START_TEST(pods_reach_nobody_at_an_address_that_is_no_services)
{
	PLAY(of_pods);
}
END_TEST

START_TEST(nor_does_the_outside)
{
	PLAY(of_the_wire);
}
END_TEST

START_TEST(everything_else_is_as_ever)
{
	PLAY(others);
}
END_TEST

START_TEST(connections_go_on_and_datagrams_do_not)
{
	PLAY(connections);
}
END_TEST

ENGINE_MAIN("service_cidr", SCENES(pods_reach_nobody_at_an_address_that_is_no_services, of_pods),
	    SCENES(nor_does_the_outside, of_the_wire), SCENES(everything_else_is_as_ever, others),
	    SCENES(connections_go_on_and_datagrams_do_not, connections))
