// SPDX-License-Identifier: Apache-2.0
/*
 * A client that has one source port for a service and for its backend: the later
 * connection, the direct one, has another port at the backend.
 */
#include <arpa/inet.h>
#include <linux/pkt_cls.h>
#include <string.h>

#include "engine_main.h"
#include "services.h"

#define WEB 1

/* Flags of TCP, chunks of SCTP. */
static const struct way {
	enum packet_kind kind;
	bool v6;
	uint8_t opens, answers, goes_on, ends;
} ways[] = {
	{ PACKET_TCP, false, SYN, SYN | ACK, ACK, RST },
	{ PACKET_TCP, true, SYN, SYN | ACK, ACK, RST },
	{ PACKET_UDP, false }, { PACKET_UDP, true },
	{ PACKET_SCTP, false, 1, 2, 10, 6 }, { PACKET_SCTP, true, 1, 2, 10, 6 },
};

static void web_at_b(bool v6)
{
	frontend_put(VIP, 80, 6, WEB, FRONTEND_WHOLE);
	frontend_put(VIP, 80, 17, WEB, FRONTEND_WHOLE);
	frontend_put(VIP, 80, 132, WEB, FRONTEND_WHOLE);
	backend_put(1, WEB, POD_B, 8080, BACKEND_IN_CLUSTER);
	set_put(WEB, SERVICE_CLUSTER, 1, 1);
}

static struct packet to_backend(const struct way *way, uint8_t flags)
{
	return (struct packet){ way->kind, POD_A, POD_B, 4000, 8080, flags };
}

static struct packet from_backend(const struct way *way, uint16_t port, uint8_t flags)
{
	return (struct packet){ way->kind, POD_B, POD_A, 8080, port, flags };
}

static void play(const struct way *way, struct packet packet, const struct packet *becomes)
{
	const struct step step = { FROM_POD, packet, .becomes = becomes };

	step_play(&step, way->v6, "a packet");
}

static void play_refused(const struct way *way, struct packet packet, enum drop_reason why)
{
	const struct step step = { FROM_POD, packet, why };

	step_play(&step, way->v6, "a refused packet");
}

static void service_sends(const struct way *way, uint8_t flags)
{
	const struct packet becomes = to_backend(way, flags);

	play(way, (struct packet){ way->kind, POD_A, VIP, 4000, 80, flags }, &becomes);
}

static void service_answers(const struct way *way, uint8_t flags)
{
	const struct packet becomes = { way->kind, VIP, POD_A, 80, 4000, flags };

	play(way, from_backend(way, 4000, flags), &becomes);
}

/* @port: what the backend knows the direct connection by. */
static void direct_sends(const struct way *way, uint16_t port, uint8_t flags)
{
	struct packet becomes = to_backend(way, flags);

	becomes.sport = port;
	play(way, to_backend(way, flags), &becomes);
}

static void direct_answers(const struct way *way, uint16_t port, uint8_t flags)
{
	const struct packet becomes = from_backend(way, 4000, flags);

	play(way, from_backend(way, port, flags), &becomes);
}

/* Returns the source port that the direct connection gets. */
static uint16_t direct_opens(const struct way *way)
{
	const struct packet packet = to_backend(way, way->opens);
	struct frame frame;
	uint16_t port;

	ck_assert_int_eq(packet_send(FROM_POD, &packet, &frame, way->v6), TC_ACT_REDIRECT);
	ck_assert(frame_checksums_fit(&frame));
	memcpy(&port, frame.data + (way->v6 ? 54 : 34), sizeof(port));
	return ntohs(port);
}

static void service_connects(const struct way *way)
{
	world_reset();
	web_at_b(way->v6);
	service_sends(way, way->opens);
	service_answers(way, way->answers);
	service_sends(way, way->goes_on);
}

/* Both live and are answered; returns the port of the direct one. */
static uint16_t both_connect(const struct way *way)
{
	uint16_t port;

	service_connects(way);
	port = direct_opens(way);
	ck_assert_uint_ne(port, 4000);
	ck_assert_uint_ge(port, 1024);
	direct_answers(way, port, way->answers);
	direct_sends(way, port, way->goes_on);
	return port;
}

/* The connection that @packet is of at its backend is forgotten. */
static void forget(const struct way *way, const struct packet *packet)
{
	struct ct_entry entry;

	ck_assert(ct_get("", &entry, packet, way->v6));
	entry.expires -= 1u << 30;
	ct_put("", &entry, packet, way->v6);
}

START_TEST(each_gets_its_own_answers)
{
	const struct way *way = &ways[_i];
	uint16_t port = both_connect(way);

	for (int i = 0; i < 2; i++) {
		service_sends(way, way->goes_on);
		direct_sends(way, port, way->goes_on);
		direct_answers(way, port, way->goes_on);
		service_answers(way, way->goes_on);
	}
	/* Of either, two entries, all answered. */
	ck_assert_uint_eq(ct_count(way->v6 ? "ct6" : "ct4"), 4);
	ck_assert_uint_eq(ct_count(way->v6 ? "ct6_new" : "ct4_new"), 0);
}
END_TEST

START_TEST(it_begins_before_the_service_has_answered)
{
	const struct way *way = &ways[_i];
	uint16_t port;

	world_reset();
	web_at_b(way->v6);
	service_sends(way, way->opens);
	port = direct_opens(way);
	ck_assert_uint_ne(port, 4000);
	direct_sends(way, port, way->opens);
	direct_answers(way, port, way->answers);
	service_answers(way, way->answers);
}
END_TEST

START_TEST(it_outlives_the_other)
{
	const struct way *way = &ways[_i];
	const struct packet sent = to_backend(way, way->goes_on);
	uint16_t port = both_connect(way);

	forget(way, &sent);
	direct_sends(way, port, way->goes_on);
	direct_answers(way, port, way->goes_on);
	/* And a new one to the service is not in its way. */
	service_sends(way, way->opens);
	service_answers(way, way->answers);
	direct_sends(way, port, way->goes_on);
}
END_TEST

START_TEST(it_outlives_all_services)
{
	const struct way *way = &ways[_i];
	uint16_t port = both_connect(way);

	frontend_clear(VIP, 80, 6);
	frontend_clear(VIP, 80, 17);
	frontend_clear(VIP, 80, 132);
	frontend_clear(VIP, 0, 0);
	services_set(0);
	backend_end(1);
	the_generation_turns(way->v6);
	direct_sends(way, port, way->goes_on);
	direct_answers(way, port, way->goes_on);
}
END_TEST

START_TEST(it_can_begin_anew)
{
	const struct way *way = &ways[_i];
	uint16_t port = both_connect(way);

	direct_sends(way, port, way->ends);
	port = direct_opens(way);
	ck_assert_uint_ne(port, 4000);
	direct_answers(way, port, way->answers);
	direct_sends(way, port, way->goes_on);
	service_answers(way, way->goes_on);
}
END_TEST

START_TEST(policy_is_asked_about_it)
{
	const struct way *way = &ways[_i];

	service_connects(way);
	b_hears_nobody(way->v6);
	play_refused(way, to_backend(way, way->opens), DROP_POLICY_INGRESS);
	world_reset();
	both_connect(way);
	b_hears_nobody(way->v6);
	the_generation_turns(way->v6);
	play_refused(way, to_backend(way, way->goes_on), DROP_POLICY_INGRESS);
}
END_TEST

/* Nobody knows which port the backend would know it by. */
START_TEST(the_middle_of_an_unknown_one_is_refused)
{
	const struct way *way = &ways[_i];

	service_connects(way);
	if (way->kind == PACKET_UDP)
		return;
	play_refused(way, to_backend(way, way->goes_on), DROP_CT_INVALID);
	service_answers(way, way->goes_on);
}
END_TEST

START_TEST(errors_are_about_the_right_one)
{
	const struct way *way = &ways[_i];
	uint16_t port = both_connect(way);
	const struct packet known = to_backend(way, way->goes_on),
		answer = from_backend(way, port, way->goes_on),
		answered = from_backend(way, 4000, way->goes_on);
	const struct packet to_client = { PACKET_ERROR, POD_B, POD_A, .quote = &known };
	const struct packet to_server = { PACKET_ERROR, POD_A, POD_B, .quote = &answer };
	struct packet got = known;

	got.sport = port;
	play(way, (struct packet){ PACKET_ERROR, POD_B, POD_A, .quote = &got }, &to_client);
	play(way, (struct packet){ PACKET_ERROR, POD_A, POD_B, .quote = &answered }, &to_server);
}
END_TEST

ENGINE_MAIN("service_beside", CHECK_LOOP(each_gets_its_own_answers, ways),
	    CHECK_LOOP(it_begins_before_the_service_has_answered, ways),
	    CHECK_LOOP(it_outlives_the_other, ways), CHECK_LOOP(it_outlives_all_services, ways),
	    CHECK_LOOP(it_can_begin_anew, ways), CHECK_LOOP(policy_is_asked_about_it, ways),
	    CHECK_LOOP(the_middle_of_an_unknown_one_is_refused, ways),
	    CHECK_LOOP(errors_are_about_the_right_one, ways))
