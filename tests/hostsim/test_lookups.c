// SPDX-License-Identifier: Apache-2.0
/*
 * Look-ups by hash that a packet costs, exactly: the machine has no say in it. Connections are
 * with POD_B, which is what WEB at VIP and at the node's port leads to as well.
 */
#include "engine_main.h"
#include "hostsim/shim.h"
#include "services.h"

#define WEB 1
#define STEPS 4

#define PTR(...) (&(const struct packet)__VA_ARGS__)

struct row {
	const char *name;
	unsigned int looks; /* of the last step */
	bool services;
	enum who backend; /* NOBODY: POD_B */
	struct step steps[STEPS]; /* ends with a step whose packet has no @dst */
};

#define DIRECT(kind, ...) { FROM_POD, { kind, POD_A, POD_B, 4000, 8080, __VA_ARGS__ } }
#define REPLY(kind, ...) { FROM_POD, { kind, POD_B, POD_A, 8080, 4000, __VA_ARGS__ } }
#define ASK(kind, ...) { FROM_POD, { kind, POD_A, VIP, 4000, 80, __VA_ARGS__ }, \
	.becomes = PTR({ kind, POD_A, POD_B, 4000, 8080, __VA_ARGS__ }) }
#define ANSWER(kind, ...) { FROM_POD, { kind, POD_B, POD_A, 8080, 4000, __VA_ARGS__ }, \
	.becomes = PTR({ kind, VIP, POD_A, 80, 4000, __VA_ARGS__ }) }

static void the_cidr_is_known(bool v6)
{
	service_cidr_set(VIP, 4);
}

static const struct row of_pods[] = {
	{ "opening, without services", 3, false, NOBODY, { DIRECT(PACKET_TCP, SYN) } },
	{ "datagram, without services", 6, false, NOBODY, { DIRECT(PACKET_UDP) } },
	{ "opening, with services", 4, true, NOBODY, { DIRECT(PACKET_TCP, SYN) } },
	{ "datagram, with services", 7, true, NOBODY, { DIRECT(PACKET_UDP) } },
	{ "its answer", 3, true, NOBODY, { DIRECT(PACKET_UDP), REPLY(PACKET_UDP) } },
	{ "known, there", 1, true, NOBODY, { DIRECT(PACKET_UDP), REPLY(PACKET_UDP),
					     DIRECT(PACKET_UDP) } },
	{ "known, back", 1, true, NOBODY, { DIRECT(PACKET_UDP), REPLY(PACKET_UDP),
					    REPLY(PACKET_UDP) } },
	{ "opening to a ClusterIP", 8, true, NOBODY, { ASK(PACKET_TCP, SYN) } },
	{ "datagram to a ClusterIP", 9, true, NOBODY, { ASK(PACKET_UDP) } },
	{ "answer of a ClusterIP", 5, true, NOBODY, { ASK(PACKET_UDP), ANSWER(PACKET_UDP) } },
	{ "known, to a ClusterIP", 2, true, NOBODY, { ASK(PACKET_UDP), ANSWER(PACKET_UDP),
						     ASK(PACKET_UDP) } },
	{ "to what no service CIDR has", 4, true, NOBODY,
	  { { FROM_POD, { PACKET_TCP, POD_A, WORLD, 4000, 80, SYN }, .before = the_cidr_is_known,
	      .fate = TO_STACK } } },
	{ "to nobody in a service CIDR", 5, true, NOBODY,
	  { { FROM_POD, { PACKET_TCP, POD_A, VIP_2, 4000, 80, SYN }, DROP_SERVICE_NO_ADDRESS,
	      .before = the_cidr_is_known } } },
	{ "known, from a ClusterIP", 1, true, NOBODY, { ASK(PACKET_UDP), ANSWER(PACKET_UDP),
						       ANSWER(PACKET_UDP) } },
};

#define CALL(kind, ...) { FROM_WIRE, { kind, WORLD, HOST, 4000, 30080, __VA_ARGS__ }, \
	.becomes = PTR({ kind, WORLD, POD_B, 4000, 8080, __VA_ARGS__ }) }
#define CALL_ON(kind, ...) { FROM_WIRE, { kind, WORLD, HOST, 4000, 30080, __VA_ARGS__ }, \
	.fate = TO_WORLD, .becomes = PTR({ kind, HOST, POD_AWAY, SOURCE_PORT, 8080, __VA_ARGS__ }) }
#define CALL_BACK(kind, ...) { FROM_WIRE, \
	{ kind, POD_AWAY, HOST, 8080, SOURCE_PORT, __VA_ARGS__ }, .fate = TO_WORLD, \
	.becomes = PTR({ kind, HOST, WORLD, 30080, 4000, __VA_ARGS__ }) }
#define OWN(kind, ...) { FROM_WIRE, { kind, WORLD, HOST, 4000, 22, __VA_ARGS__ }, .fate = TO_STACK }
#define OWN_OUT(kind, ...) { TO_WIRE, { kind, HOST, WORLD, 22, 4000, __VA_ARGS__ }, \
	.from_socket = true, .fate = TO_STACK }
#define TO_B(kind, ...) { FROM_WIRE, { kind, WORLD, POD_B, 4000, 8080, __VA_ARGS__ } }
#define OUT_OF_B(kind, ...) { FROM_POD, { kind, POD_B, WORLD, 8080, 4000, __VA_ARGS__ }, \
	.fate = TO_STACK, .marked = true }
#define LEAVE(kind, ...) { TO_WIRE, { kind, POD_B, WORLD, 8080, 4000, __VA_ARGS__ }, \
	.fate = TO_STACK, .marked = true, \
	.becomes = PTR({ kind, HOST, WORLD, 30080, 4000, __VA_ARGS__ }) }

static const struct row of_the_uplink[] = {
	{ "to a pod, opening", 5, true, NOBODY, { TO_B(PACKET_TCP, SYN) } },
	{ "the node's own, without services", 2, false, NOBODY, { OWN(PACKET_TCP, ACK) } },
	{ "the node's own, opening", 6, true, NOBODY, { OWN(PACKET_TCP, SYN) } },
	{ "the node's own, TCP", 9, true, NOBODY, { OWN(PACKET_TCP, ACK) } },
	{ "the node's own, UDP", 9, true, NOBODY, { OWN(PACKET_UDP) } },
	{ "out of the node, TCP", 2, true, NOBODY, { OWN_OUT(PACKET_TCP, ACK) } },
	{ "out of the node, UDP", 2, true, NOBODY, { OWN_OUT(PACKET_UDP) } },
	{ "to a NodePort, opening", 13, true, NOBODY, { CALL(PACKET_TCP, SYN) } },
	{ "to a NodePort, known", 4, true, NOBODY, { CALL(PACKET_UDP), OUT_OF_B(PACKET_UDP),
						   CALL(PACKET_UDP) } },
	{ "out of its pod, known", 1, true, NOBODY, { CALL(PACKET_UDP), OUT_OF_B(PACKET_UDP),
						    OUT_OF_B(PACKET_UDP) } },
	{ "answer of a NodePort leaves", 1, true, NOBODY, { CALL(PACKET_UDP), OUT_OF_B(PACKET_UDP),
							   LEAVE(PACKET_UDP) } },
	{ "to a NodePort and on, opening", 14, true, POD_AWAY, { CALL_ON(PACKET_TCP, SYN) } },
	{ "to a NodePort and on, known", 5, true, POD_AWAY,
	  { CALL_ON(PACKET_UDP), CALL_BACK(PACKET_UDP), CALL_ON(PACKET_UDP) } },
	{ "back from elsewhere, known", 3, true, POD_AWAY,
	  { CALL_ON(PACKET_UDP), CALL_BACK(PACKET_UDP), CALL_BACK(PACKET_UDP) } },
};

static void web_put(enum who backend)
{
	static const uint8_t protos[] = { 6, 17 };

	for (int i = 0; i < 2; i++) {
		frontend_put(VIP, 80, protos[i], WEB, FRONTEND_WHOLE);
		frontend_put(HOST, 30080, protos[i], WEB, FRONTEND_EXTERNAL);
	}
	backend_put(1, WEB, backend ?: POD_B, 8080, BACKEND_IN_CLUSTER);
	set_put(WEB, SERVICE_CLUSTER, 1, 1);
}

static unsigned int looks_of(const struct step *step, bool v6, const char *name)
{
	unsigned int before = sim_lookups.hashes;

	step_play(step, v6, name);
	return sim_lookups.hashes - before;
}

static void count(const struct row *row, bool v6)
{
	unsigned int looks = 0;

	world_reset();
	web_put(row->backend);
	services_set(row->services);
	for (int i = 0; i < STEPS && row->steps[i].packet.dst; i++)
		looks = looks_of(&row->steps[i], v6, row->name);
	ck_assert_msg(looks == row->looks, "%s, %s: %u look-ups and not %u", row->name,
		      v6 ? "IPv6" : "IPv4", looks, row->looks);
}

START_TEST(what_pods_send)
{
	count(&of_pods[_i / 2], _i % 2);
}
END_TEST

START_TEST(what_passes_the_uplink)
{
	count(&of_the_uplink[_i / 2], _i % 2);
}
END_TEST

ENGINE_MAIN("lookups", SCENES(what_pods_send, of_pods),
	    SCENES(what_passes_the_uplink, of_the_uplink))
