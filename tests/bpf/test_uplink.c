// SPDX-License-Identifier: Apache-2.0
/* Services for the outside, at the uplink: to a backend and back, wherever it is. */
#include "engine_main.h"
#include "services.h"

#define WEB 1 /* port 30080 of this node, of all protocols, on its backends 8080 */

static void web_at(enum who who)
{
	static const uint8_t protos[] = { 6, 17, 132 };

	for (int i = 0; i < 3; i++)
		frontend_put(HOST, 30080, protos[i], WEB, FRONTEND_EXTERNAL);
	backend_put(1, WEB, who, 8080, BACKEND_IN_CLUSTER);
	set_put(WEB, SERVICE_CLUSTER, 1, 1);
	set_empty(WEB, SERVICE_LOCAL, SERVICE_SILENT);
}

static void web_at_b(bool v6)
{
	web_at(POD_B);
}

static void web_far_away(bool v6)
{
	web_at(POD_AWAY);
}

static void web_outside(bool v6)
{
	web_at(WORLD_2);
}

static void web_on_this_node(bool v6)
{
	web_at(HOST);
}

#define PTR(...) (&(const struct packet)__VA_ARGS__)
#define ASKED(kind, ...) { kind, WORLD, HOST, 4000, 30080, __VA_ARGS__ }
#define ANSWERED(kind, ...) { kind, HOST, WORLD, 30080, 4000, __VA_ARGS__ }

/* A backend here gets the packet of the client itself. */
#define GOT(kind, who, ...) { kind, WORLD, who, 4000, 8080, __VA_ARGS__ }
#define ANSWER(kind, who, ...) { kind, who, WORLD, 8080, 4000, __VA_ARGS__ }

#define FIRST(kind, event, ...) { FROM_WIRE, ASKED(kind, __VA_ARGS__), .before = event, \
	.becomes = PTR(GOT(kind, POD_B, __VA_ARGS__)) }
#define THERE(kind, ...) FIRST(kind, NULL, __VA_ARGS__)
#define OUT_OF_POD(kind, ...) { FROM_POD, ANSWER(kind, POD_B, __VA_ARGS__), .fate = TO_STACK, \
	.marked = true }
#define BACK(kind, ...) OUT_OF_POD(kind, __VA_ARGS__), \
	{ TO_WIRE, ANSWER(kind, POD_B, __VA_ARGS__), .fate = TO_STACK, .marked = true, \
	  .becomes = PTR(ANSWERED(kind, __VA_ARGS__)) }

static const struct scene to_pods[] = {
	{ "UDP", BOTH, {
		FIRST(PACKET_UDP, web_at_b, .payload = 31), BACK(PACKET_UDP, .payload = 100),
		THERE(PACKET_UDP, .payload = 7), BACK(PACKET_UDP, .payload = 1) } },
	{ "TCP", BOTH, {
		FIRST(PACKET_TCP, web_at_b, SYN), BACK(PACKET_TCP, SYN | ACK),
		THERE(PACKET_TCP, ACK), THERE(PACKET_TCP, ACK, .payload = 99),
		BACK(PACKET_TCP, ACK, .payload = 77) } },
	{ "SCTP", BOTH, {
		FIRST(PACKET_SCTP, web_at_b, 1, .crc = true), BACK(PACKET_SCTP, 2, .crc = true),
		THERE(PACKET_SCTP, 10, .crc = true),
		THERE(PACKET_SCTP, 0, .crc = true, .payload = 300),
		BACK(PACKET_SCTP, 0, .crc = true, .payload = 50) } },
};

/* Of a backend elsewhere this node is the client. */
#define SENT_ON(kind, who, ...) { kind, HOST, who, SOURCE_PORT, 8080, __VA_ARGS__ }
#define REPLY(kind, who, ...) { kind, who, HOST, 8080, SOURCE_PORT, __VA_ARGS__ }
#define FAR(who, kind, event, ...) { FROM_WIRE, ASKED(kind, __VA_ARGS__), .before = event, \
	.fate = TO_WORLD, .becomes = PTR(SENT_ON(kind, who, __VA_ARGS__)) }
#define FROM_FAR(who, kind, ...) { FROM_WIRE, REPLY(kind, who, __VA_ARGS__), .fate = TO_WORLD, \
	.becomes = PTR(ANSWERED(kind, __VA_ARGS__)) }

static const struct scene elsewhere[] = {
	{ "UDP, a pod of another node", BOTH, {
		FAR(POD_AWAY, PACKET_UDP, web_far_away, .payload = 31),
		FROM_FAR(POD_AWAY, PACKET_UDP, .payload = 100),
		FAR(POD_AWAY, PACKET_UDP, NULL, .payload = 3),
		FROM_FAR(POD_AWAY, PACKET_UDP, .payload = 7) } },
	{ "TCP, a pod of another node", BOTH, {
		FAR(POD_AWAY, PACKET_TCP, web_far_away, SYN),
		FROM_FAR(POD_AWAY, PACKET_TCP, SYN | ACK), FAR(POD_AWAY, PACKET_TCP, NULL, ACK),
		FAR(POD_AWAY, PACKET_TCP, NULL, ACK, .payload = 9),
		FROM_FAR(POD_AWAY, PACKET_TCP, ACK, .payload = 5),
		FAR(POD_AWAY, PACKET_TCP, NULL, FIN | ACK),
		FROM_FAR(POD_AWAY, PACKET_TCP, FIN | ACK), FAR(POD_AWAY, PACKET_TCP, NULL, ACK) } },
	{ "SCTP, the outside", BOTH, {
		FAR(WORLD_2, PACKET_SCTP, web_outside, 1, .crc = true),
		FROM_FAR(WORLD_2, PACKET_SCTP, 2, .crc = true),
		FAR(WORLD_2, PACKET_SCTP, NULL, 10, .crc = true),
		FAR(WORLD_2, PACKET_SCTP, NULL, 0, .crc = true, .payload = 50) } },
};

#define AT_HOST(kind, event, ...) { FROM_WIRE, ASKED(kind, __VA_ARGS__), .before = event, \
	.fate = TO_STACK, .becomes = PTR(GOT(kind, HOST, __VA_ARGS__)) }
#define FROM_HOST(kind, ...) { TO_WIRE, ANSWER(kind, HOST, __VA_ARGS__), .from_socket = true, \
	.fate = TO_STACK, .becomes = PTR(ANSWERED(kind, __VA_ARGS__)) }

static const struct scene to_sockets[] = {
	{ "UDP", BOTH, {
		AT_HOST(PACKET_UDP, web_on_this_node, .payload = 5),
		FROM_HOST(PACKET_UDP, .payload = 9), AT_HOST(PACKET_UDP, NULL, .payload = 5),
		FROM_HOST(PACKET_UDP, .payload = 9) } },
	{ "TCP", BOTH, {
		AT_HOST(PACKET_TCP, web_on_this_node, SYN), FROM_HOST(PACKET_TCP, SYN | ACK),
		AT_HOST(PACKET_TCP, NULL, ACK), AT_HOST(PACKET_TCP, NULL, ACK, .payload = 50),
		FROM_HOST(PACKET_TCP, ACK, .payload = 10) } },
};

START_TEST(a_pod_is_reached_by_the_client_itself)
{
	PLAY(to_pods);
}
END_TEST

START_TEST(a_backend_elsewhere_is_reached_by_this_node)
{
	PLAY(elsewhere);
}
END_TEST

START_TEST(a_socket_of_this_node_is_reached_by_the_client_itself)
{
	PLAY(to_sockets);
}
END_TEST

ENGINE_MAIN("uplink", SCENES(a_pod_is_reached_by_the_client_itself, to_pods),
	    SCENES(a_backend_elsewhere_is_reached_by_this_node, elsewhere),
	    SCENES(a_socket_of_this_node_is_reached_by_the_client_itself, to_sockets))
