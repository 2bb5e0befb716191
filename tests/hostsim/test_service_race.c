// SPDX-License-Identifier: Apache-2.0
/*
 * Two connections to a service choose the same source port at the same time, on two CPUs: the
 * one whose entry comes first has it, and nobody's packets become another's. The same when a port
 * is taken from a connection that nobody answers (lib/source_port.h).
 */
#include <string.h>

#include "engine_main.h"
#include "hostsim/engine_host.h"
#include "services.h"

#define WEB 1
#define NODE_PORT 30080

#define OPENS(who, ...) { FROM_WIRE, { PACKET_TCP, who, HOST, 4000, NODE_PORT, SYN }, __VA_ARGS__ }
#define GOES_ON .fate = TO_WORLD, .becomes = &sent_on

/* What either connection becomes: there is one source port only. */
static const struct packet sent_on = { PACKET_TCP, HOST, POD_AWAY, SOURCE_PORT, 8080, SYN };

/* The second entry that the other CPU is about to make. */
static struct ct6_value theirs;
static bool family;

static void they_open(void)
{
	ct_put_value("_new", &theirs, &sent_on, family);
}

static void far_service(void)
{
	world_reset();
	frontend_put(HOST, NODE_PORT, 6, WEB, FRONTEND_EXTERNAL);
	backend_put(1, WEB, POD_AWAY, 8080, BACKEND_IN_CLUSTER);
	set_put(WEB, SERVICE_CLUSTER, 1, 1);
}

/* As @who's connection made it; then nothing of it is left. */
static void entry_take(enum who who, bool v6)
{
	const struct step opens = OPENS(who, GOES_ON);

	family = v6;
	far_service();
	step_play(&opens, v6, "the other CPU's packet");
	ck_assert(ct_get_value("_new", &theirs, &sent_on, v6));
	far_service();
}

/* The other CPU makes the entry of @who's connection while WORLD's is about to be made. */
static void race(enum who who, const struct step *step, bool v6)
{
	struct ct6_value after;

	entry_take(who, v6);
	sim_race(v6 ? "ct6_new" : "ct4_new", they_open);
	step_play(step, v6, "the packet");
	ck_assert(!sim_race_end());
	ck_assert(ct_get_value("_new", &after, &sent_on, v6));
	ck_assert_msg(!memcmp(&after, &theirs, v6 ? sizeof(struct ct6_value) :
						    sizeof(struct ct4_value)),
		      "the other connection's entry has changed");
}

START_TEST(the_port_is_whose_entry_came_first)
{
	const struct step late = OPENS(WORLD, DROP_SERVICE_PORTS);

	race(WORLD_2, &late, _i);
}
END_TEST

START_TEST(a_second_opening_of_the_same_connection_passes)
{
	const struct step twice = OPENS(WORLD, GOES_ON);

	race(WORLD, &twice, _i);
}
END_TEST

static void they_are_answered(void)
{
	theirs.entry.flags |= CT_ANSWERED;
	ct_put_value("", &theirs, &sent_on, family);
}

/*
 * WORLD_2's connection has no answer, so WORLD's is about to take its port; but @now happens on
 * another CPU, and the entry of @suffix's table is theirs as @now has left it.
 */
static void lose_port_race(void (*now)(void), const char *suffix, bool v6)
{
	const struct step before = OPENS(WORLD_2, GOES_ON), late = OPENS(WORLD, DROP_SERVICE_PORTS);
	struct ct6_value after;

	family = v6;
	far_service();
	step_play(&before, v6, "an opening");
	ck_assert(ct_get_value("_new", &theirs, &sent_on, v6));
	sim_race(v6 ? "ct6_new" : "ct4_new", now);
	step_play(&late, v6, "the packet that needs the port");
	ck_assert(!sim_race_end());
	ck_assert(ct_get_value(suffix, &after, &sent_on, v6));
	ck_assert(!memcmp(&after, &theirs, v6 ? sizeof(struct ct6_value) : sizeof(struct ct4_value)));
	ck_assert(!ct_get_value("_new", &after, &late.packet, v6));
}

/* The answer comes: the other CPU moves the entry that this one has found before. */
START_TEST(who_is_answered_in_that_moment_keeps_its_port)
{
	struct ct6_value after;

	lose_port_race(they_are_answered, "", _i);
	ck_assert(!ct_get_value("_new", &after, &sent_on, _i));
}
END_TEST

static void somebody_else_opens(void)
{
	theirs.nat.sport ^= 1;
	ct_put_value("_new", &theirs, &sent_on, family);
}

/* Two take the port of a third at the same time: the one whose entry comes first has it. */
START_TEST(of_two_that_take_a_port_one_has_it)
{
	lose_port_race(somebody_else_opens, "_new", _i);
}
END_TEST

static const bool families[] = { false, true };

ENGINE_MAIN("service_race", CHECK_LOOP(who_is_answered_in_that_moment_keeps_its_port, families),
	    CHECK_LOOP(of_two_that_take_a_port_one_has_it, families),
	    CHECK_LOOP(the_port_is_whose_entry_came_first, families),
	    CHECK_LOOP(a_second_opening_of_the_same_connection_passes, families))
