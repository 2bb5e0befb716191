// SPDX-License-Identifier: Apache-2.0
/* Services in time: affinity that ends, entries that end together; and chance that helps not. */
#include <arpa/inet.h>

#include "engine_main.h"
#include "hostsim/engine_host.h"
#include "hostsim/shim.h"
#include "services.h"

#define WEB 1

#define PTR(...) (&(const struct packet)__VA_ARGS__)
#define ASK { FROM_POD, { PACKET_UDP, POD_A, VIP, 4000, 80 }, \
	.becomes = PTR({ PACKET_UDP, POD_A, POD_B, 4000, 8080 }) }
#define ASK_C { FROM_POD, { PACKET_UDP, POD_A, VIP, 4000, 80 }, \
	.becomes = PTR({ PACKET_UDP, POD_A, POD_C, 4000, 8080 }) }
#define ANSWER { FROM_POD, { PACKET_UDP, POD_B, POD_A, 8080, 4000 }, \
	.becomes = PTR({ PACKET_UDP, VIP, POD_A, 80, 4000 }) }

static void web_at_b(void)
{
	frontend_put(VIP, 80, 17, WEB, FRONTEND_WHOLE);
	backend_put(1, WEB, POD_B, 8080, BACKEND_IN_CLUSTER);
	backend_put(2, WEB, POD_C, 8080, BACKEND_IN_CLUSTER);
	set_put(WEB, SERVICE_CLUSTER, 1, 1);
}

/* New connections go to POD_C, those that are known stay. */
static void c_joins(void)
{
	set_put(WEB, SERVICE_CLUSTER, 2, 1);
}

static void play_after(uint32_t seconds, const struct step *step, bool v6, const char *where)
{
	sim_time_passes(seconds * 1000);
	step_play(step, v6, where);
}

START_TEST(answers_keep_both_entries_alive)
{
	const struct step ask = ASK, answer = ANSWER;

	world_reset();
	web_at_b();
	step_play(&ask, _i, "a question");
	step_play(&answer, _i, "its answer");
	c_joins();
	for (int i = 0; i < 5; i++)
		play_after(170, &answer, _i, "another answer");
	play_after(170, &ask, _i, "a question long after");
}
END_TEST

START_TEST(questions_keep_both_entries_alive)
{
	const struct step ask = ASK, answer = ANSWER;

	world_reset();
	web_at_b();
	step_play(&ask, _i, "a question");
	step_play(&answer, _i, "its answer");
	c_joins();
	for (int i = 0; i < 5; i++)
		play_after(170, &ask, _i, "another question");
	play_after(170, &answer, _i, "an answer long after");
}
END_TEST

START_TEST(both_entries_end_together)
{
	const struct step ask = ASK, ask_c = ASK_C, answer = ANSWER;

	world_reset();
	web_at_b();
	step_play(&ask, _i, "a question");
	step_play(&answer, _i, "its answer");
	c_joins();
	play_after(183, &ask_c, _i, "another one after its time");
}
END_TEST

START_TEST(a_question_alone_is_forgotten_soon)
{
	const struct step ask = ASK, ask_c = ASK_C;

	world_reset();
	web_at_b();
	step_play(&ask, _i, "a question");
	c_joins();
	play_after(29, &ask, _i, "in time");
	play_after(32, &ask_c, _i, "too late");
}
END_TEST

/* Each from another port: a new connection. */
static struct step connect_to(enum who who, uint16_t sport, struct packet *becomes)
{
	*becomes = (struct packet){ PACKET_UDP, POD_A, who, sport, 8080 };
	return (struct step){ FROM_POD, { PACKET_UDP, POD_A, VIP, sport, 80 }, .becomes = becomes };
}

START_TEST(affinity_is_counted_from_the_last_connection)
{
	struct packet becomes;
	struct step step;

	world_reset();
	web_at_b();
	affinity_set(WEB, 100);
	step = connect_to(POD_B, 4000, &becomes);
	step_play(&step, _i, "the first connection");
	c_joins();
	for (uint16_t port = 4001; port < 4004; port++) {
		step = connect_to(POD_B, port, &becomes);
		play_after(99, &step, _i, "in time");
	}
	step = connect_to(POD_C, 4010, &becomes);
	play_after(102, &step, _i, "too late");
}
END_TEST

START_TEST(affinity_can_be_switched_off)
{
	struct packet becomes;
	struct step step;

	world_reset();
	web_at_b();
	affinity_set(WEB, 100);
	step = connect_to(POD_B, 4000, &becomes);
	step_play(&step, _i, "the first connection");
	c_joins();
	affinity_set(WEB, 0);
	step = connect_to(POD_C, 4001, &becomes);
	step_play(&step, _i, "the next one");
}
END_TEST

/* Every port that chance will bring is taken already. */
START_TEST(without_a_free_port_there_is_no_connection)
{
	struct step refused = { FROM_POD, { PACKET_UDP, POD_A, VIP, 4000, 80 }, DROP_SERVICE_PORTS };
	struct step direct = { FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 8080 } };
	uint32_t chance, n;

	world_reset();
	web_at_b();
	step_play(&direct, _i, "the port itself");
	chance = sim.random;
	bpf_get_prandom_u32(); /* chooses the backend */
	n = (uint32_t)((uint64_t)bpf_get_prandom_u32() * 64512 >> 32);
	for (uint32_t i = 0; i < 8; i++) {
		direct.packet.sport = (uint16_t)(1024 + (n + i) % 64512);
		step_play(&direct, _i, "a port from the one that chance will bring");
	}
	sim.random = chance;
	step_play(&refused, _i, "the one that finds none");
}
END_TEST

static const bool families[] = { false, true };

ENGINE_MAIN("service_time", CHECK_LOOP(answers_keep_both_entries_alive, families),
	    CHECK_LOOP(questions_keep_both_entries_alive, families),
	    CHECK_LOOP(both_entries_end_together, families),
	    CHECK_LOOP(a_question_alone_is_forgotten_soon, families),
	    CHECK_LOOP(affinity_is_counted_from_the_last_connection, families),
	    CHECK_LOOP(affinity_can_be_switched_off, families),
	    CHECK_LOOP(without_a_free_port_there_is_no_connection, families))
