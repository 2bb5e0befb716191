// SPDX-License-Identifier: Apache-2.0
/* Maglev tables in the slots of sets: who has one, what is in it, and what if there is no room. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/check_main.h"
#include "writer_fixture.h"

#define BOTH_SETS "10.1.0.1#80B 10.1.0.2#80B 10.1.0.3#80B"

/* How many slots are in use. */
static const struct who_row {
	const char *line;
	uint32_t slots;
} who_rows[] = {
	/* Sets of nobody outside are their backends: runs of 4. */
	{ "web: http c10.96.0.1#80 > " BOTH_SETS, 8 },
	/* A table in a run of 8, for the set of the traffic policy. */
	{ "web: http c10.96.0.1#80 e192.0.2.1#80 > " BOTH_SETS, 12 },
	{ "web: http c10.96.0.1#80 n192.0.2.1#80 > " BOTH_SETS, 12 },
	{ "web: http e192.0.2.1#80 n192.0.2.2#80 > " BOTH_SETS, 16 },
	/* Nobody and one alone need none. */
	{ "web: http e192.0.2.1#80 >", 0 },
	{ "web: http e192.0.2.1#80 > 10.1.0.1#80", 1 },
	/* As many as there are entries have one each; more have no table. */
	{ "web: http e192.0.2.1#80 > 10.1.0.1#80 10.1.0.2#80 10.1.0.3#80 10.1.0.4#80 "
	  "10.1.0.5#80 10.1.0.6#80 10.1.0.7#80", 8 },
	{ "web: http e192.0.2.1#80 > 10.1.0.1#80 10.1.0.2#80 10.1.0.3#80 10.1.0.4#80 "
	  "10.1.0.5#80 10.1.0.6#80 10.1.0.7#80 10.1.0.8#80 10.1.0.9#80", 16 },
};

START_TEST(who_has_a_table)
{
	struct service_maps maps = fake_services_open(SIZE);

	open_writer(&maps);
	ck_assert_int_eq(apply(who_rows[_i].line), 0);
	ck_assert_uint_eq(service_writer_used(writer, MAP_BACKEND_SLOT), who_rows[_i].slots);
	service_writer_free(writer);
}
END_TEST

#define OUTSIDE "web: http e192.0.2.1#80 > 10.1.0.1#80 10.1.0.2#80 10.1.0.3#80"

/* The table of service port @number: the last byte of each backend's address. */
static uint32_t read_table(uint8_t table[static SIZE], uint32_t number)
{
	uint64_t ref = fake.ports[number].sets[SERVICE_CLUSTER];
	const uint32_t *slot = fake.slots + service_set_first(ref);

	for (uint32_t i = 0; i < service_set_count(ref); i++)
		table[i] = fake.backends[slot[i]].addr.bytes[15];
	return service_set_count(ref);
}

/* Two nodes that have learnt of the backends in another order, and number them otherwise. */
START_TEST(nodes_have_the_same_table)
{
	struct service_maps maps = fake_services_open(SIZE);
	uint8_t one[SIZE], other[SIZE];
	uint32_t number;

	open_writer(&maps);
	ck_assert_int_eq(apply(OUTSIDE), 0);
	ck_assert_uint_eq(read_table(one, 1), FAKE_MAGLEV_SIZE);
	number = fake.slots[0];
	service_writer_free(writer);

	maps = fake_services_open(SIZE);
	open_writer(&maps);
	ck_assert_int_eq(apply("db: sql c10.96.0.2#80 > 10.1.0.9#80"), 0);
	ck_assert_int_eq(apply("web: http e192.0.2.1#80 > 10.1.0.3#80"), 0);
	ck_assert_int_eq(apply("web: http e192.0.2.1#80 > 10.1.0.2#80 10.1.0.3#80"), 0);
	ck_assert_int_eq(apply(OUTSIDE), 0);
	ck_assert_uint_eq(read_table(other, 2), FAKE_MAGLEV_SIZE);
	ck_assert_mem_eq(one, other, FAKE_MAGLEV_SIZE);
	ck_assert_uint_ne(number, fake.slots[service_set_first(fake.ports[2].sets[0])]);
	service_writer_free(writer);
}
END_TEST

START_TEST(another_size_is_another_table)
{
	struct service_maps maps = fake_services_open(SIZE);
	unsigned int writes;

	open_writer(&maps);
	ck_assert_int_eq(apply(OUTSIDE), 0);
	service_writer_free(writer);
	writes = fake.writes;
	maps.maglev_size = 13;
	open_writer(&maps);
	ck_assert_int_eq(apply(OUTSIDE), 0);
	finish();
	ck_assert_uint_gt(fake.writes, writes);
	ck_assert_uint_eq(service_writer_used(writer, MAP_BACKEND_SLOT), 16);
	service_writer_free(writer);
}
END_TEST

static void keep_problem(const char *text, void *arg)
{
	snprintf(arg, FAKE_SIGHT_MAX, "%s", text);
}

static const char *problem(void)
{
	static char text[FAKE_SIGHT_MAX];

	text[0] = '\0';
	service_writer_each_problem(writer, keep_problem, text);
	return text;
}

#define OTHER "other: http e192.0.2.2#80 > 10.1.0.8#80 10.1.0.9#80"

/* It works all the same, it is told, and it has a table as soon as there is room. */
START_TEST(without_room_there_is_no_table)
{
	struct service_maps maps = fake_services_open(SIZE);
	char seen[FAKE_SIGHT_MAX];

	maps.slot_max = 14;
	open_writer(&maps);
	finish();
	ck_assert_int_eq(apply(OTHER), 0);
	ck_assert_int_eq(apply(OUTSIDE), -ENOSPC);
	fake_look(seen, "192.0.2.1", 80, SERVICE_CLUSTER);
	ck_assert_str_eq(seen, "10.1.0.1:80 10.1.0.2:80 10.1.0.3:80");
	ck_assert_uint_eq(service_set_count(fake.ports[2].sets[SERVICE_CLUSTER]), 3);
	ck_assert_str_eq(problem(), "Service shop/web: there is no room in table backend_slot, which "
			 "has 14 entries, for a Maglev table of 7; connections from outside go "
			 "without");
	ck_assert_int_eq(apply("other:"), 0);
	/* Its run rests. */
	ck_assert_int_eq(apply(OUTSIDE), -EAGAIN);
	settle();
	ck_assert_int_eq(apply(OUTSIDE), 0);
	ck_assert_str_eq(problem(), "");
	settle();
	ck_assert_uint_eq(service_writer_used(writer, MAP_BACKEND_SLOT), 8);
	service_writer_free(writer);
}
END_TEST

/* What is refused for another reason has taken nothing. */
START_TEST(a_refused_table_is_given_back)
{
	struct service_maps maps = fake_services_open(SIZE);

	maps.frontend_max[0] = 1;
	open_writer(&maps);
	finish();
	ck_assert_int_eq(apply(OUTSIDE), -ENOSPC);
	ck_assert(strstr(problem(), "frontend4"));
	ck_assert_uint_eq(service_writer_used(writer, MAP_BACKEND_SLOT), 0);
	service_writer_free(writer);
}
END_TEST

CHECK_MAIN("service maglev", CHECK_LOOP(who_has_a_table, who_rows),
	   CHECK_TEST(nodes_have_the_same_table), CHECK_TEST(another_size_is_another_table),
	   CHECK_TEST(without_room_there_is_no_table), CHECK_TEST(a_refused_table_is_given_back))
