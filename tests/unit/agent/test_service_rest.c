// SPDX-License-Identifier: Apache-2.0
/* When backends end, when numbers are used again, and what a full table means. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/check_main.h"
#include "writer_fixture.h"

/* The record of an endpoint, or NULL. */
static const struct backend *record_of(const char *addr)
{
	struct ip_addr wanted;

	addr_parse(&wanted, addr);
	for (int i = 1; i < SIZE; i++)
		if (fake.backends[i].service && ip_addr_equal(&fake.backends[i].addr, &wanted))
			return &fake.backends[i];
	return NULL;
}

START_TEST(a_backend_ends_at_once_and_its_number_rests)
{
	struct service_maps maps = fake_services_open(SIZE);
	const struct backend *stays, *leaves, *record;
	uint32_t generation, kept;

	open_writer(&maps);
	ck_assert_int_eq(apply("web: http c10.96.0.1#80 > 10.1.0.1#80 10.1.0.2#80"), 0);
	stays = record_of("10.1.0.1");
	leaves = record_of("10.1.0.2");
	kept = stays->generation;
	generation = leaves->generation;
	ck_assert_int_eq(apply("web: http c10.96.0.1#80 > 10.1.0.1#80"), 0);
	ck_assert_int_eq(service_writer_settle(writer, now_ms), SERVICE_GRACE_MS);
	ck_assert_ptr_eq(record_of("10.1.0.2"), leaves);
	ck_assert_uint_eq(leaves->flags, 0);
	ck_assert_uint_eq(leaves->generation, generation + 1);
	now_ms += SERVICE_GRACE_MS;
	ck_assert_int_eq(service_writer_settle(writer, now_ms), SERVICE_GRACE_MS);
	ck_assert_uint_eq(leaves->service, 0);
	ck_assert_uint_eq(leaves->generation, generation + 1);
	/* Another one gets another number as long as programs may hold this one. */
	ck_assert_int_eq(apply("web: http c10.96.0.1#80 > 10.1.0.1#80 10.1.0.3#80"), 0);
	ck_assert_ptr_ne(record_of("10.1.0.3"), leaves);
	settle();
	ck_assert_int_eq(apply("web: http c10.96.0.1#80 > 10.1.0.1#80 10.1.0.3#80 10.1.0.4#80"), 0);
	record = record_of("10.1.0.4");
	ck_assert_ptr_eq(record, leaves);
	ck_assert_uint_eq(record->generation, generation + 2);
	ck_assert_ptr_eq(record_of("10.1.0.1"), stays);
	ck_assert_uint_eq(stays->generation, kept);
	service_writer_free(writer);
}
END_TEST

START_TEST(only_new_frontends_let_connections_be_judged_again)
{
	struct service_maps maps = fake_services_open(SIZE);

	open_writer(&maps);
	ck_assert_int_eq(apply("web: http c10.96.0.1#80 > 10.1.0.1#80"), 0);
	ck_assert(service_writer_commit(writer));
	ck_assert_uint_eq(fake.count, 1);
	ck_assert_int_eq(apply("web: http c10.96.0.1#80 > 10.1.0.1#80 10.1.0.2#80"), 0);
	ck_assert(!service_writer_commit(writer));
	ck_assert_int_eq(apply("web: http c10.96.0.1#80 e192.0.2.1#80 > 10.1.0.1#80"), 0);
	ck_assert(service_writer_commit(writer));
	ck_assert_int_eq(apply("web:"), 0);
	ck_assert(!service_writer_commit(writer));
	ck_assert_uint_eq(fake.count, 0);
	service_writer_free(writer);
}
END_TEST

static void count_problem(const char *text, void *arg)
{
	char *found = arg;

	snprintf(found, FAKE_SIGHT_MAX, "%s", text);
}

static const struct full_row {
	const char *table;
	struct service_maps sizes;
} full_rows[] = {
	{ "table service_port, which has 3 entries", { .port_max = 3, .backend_max = SIZE,
		.slot_max = SIZE, .frontend_max = { SIZE, SIZE } } },
	{ "table backend, which has 4 entries", { .port_max = SIZE, .backend_max = 4,
		.slot_max = SIZE, .frontend_max = { SIZE, SIZE } } },
	{ "table backend_slot, which has 3 entries", { .port_max = SIZE, .backend_max = SIZE,
		.slot_max = 3, .frontend_max = { SIZE, SIZE } } },
	{ "table frontend4, which has 5 entries", { .port_max = SIZE, .backend_max = SIZE,
		.slot_max = SIZE, .frontend_max = { 5, SIZE }, .range_max = { SIZE, 0 } } },
	{ "table service_range4, which has 2 entries", { .port_max = SIZE, .backend_max = SIZE,
		.slot_max = SIZE, .frontend_max = { SIZE, SIZE }, .range_max = { 2, 0 } } },
};

#define SMALL "web: http c10.96.0.1#80 > 10.1.0.1#80"
#define LARGE                                                                              \
	"web: http c10.96.0.1#80 > 10.1.0.1#80 10.1.0.2#80 10.1.0.3#80 "                   \
	"| more c10.96.0.1#81 > 10.1.0.1#81 | most c10.96.0.1#443 e192.0.2.2#80 > 10.1.0.1#82 "    \
	"| last l192.0.2.1#80 r203.0.113.0/24 r198.51.100.1/32 r198.51.100.2/32 > 10.1.0.1#83"

START_TEST(what_does_not_fit_is_refused_as_a_whole)
{
	struct service_maps maps = full_rows[_i].sizes;
	char problem[FAKE_SIGHT_MAX] = "";

	fake_services_open(SIZE);
	open_writer(&maps);
	ck_assert_int_eq(apply("db: sql c10.96.0.2#80 > 10.1.0.9#80"), 0);
	ck_assert_int_eq(apply(SMALL), 0);
	finish();
	look(&before);
	after = before;
	fake.after_write = is_whole;
	ck_assert_int_eq(apply(LARGE), -ENOSPC);
	settle();
	service_writer_each_problem(writer, count_problem, problem);
	ck_assert_msg(strstr(problem, full_rows[_i].table) && strstr(problem, "shop/web"), "%s",
		      problem);
	is_whole();
	fake.after_write = NULL;
	/* The others go on, and with the room that they make it fits. */
	ck_assert_int_eq(apply("db:"), 0);
	settle();
	ck_assert_int_eq(apply(SMALL), 0);
	problem[0] = '\0';
	service_writer_each_problem(writer, count_problem, problem);
	ck_assert_str_eq(problem, "");
	service_writer_free(writer);
}
END_TEST

START_TEST(what_rests_is_waited_for_once)
{
	struct service_maps maps = fake_services_open(SIZE);
	char problem[FAKE_SIGHT_MAX] = "";

	maps.backend_max = 3;
	open_writer(&maps);
	finish();
	ck_assert_int_eq(apply("a: http c10.96.0.1#80 > 10.1.0.1#80 10.1.0.2#80"), 0);
	ck_assert_int_eq(apply("a: http c10.96.0.1#80 > 10.1.0.1#80"), 0);
	ck_assert_int_eq(apply("b: http c10.96.0.2#80 > 10.1.0.3#80"), -EAGAIN);
	service_writer_each_problem(writer, count_problem, problem);
	ck_assert_str_eq(problem, "");
	settle();
	ck_assert_int_eq(apply("b: http c10.96.0.2#80 > 10.1.0.3#80"), 0);
	ck_assert_int_eq(apply("c: http c10.96.0.3#80 > 10.1.0.4#80"), -ENOSPC);
	service_writer_free(writer);
}
END_TEST

static unsigned int ranges_held(void)
{
	unsigned int count = 0;

	for (int i = 0; i < FAKE_RANGES_MAX; i++)
		count += fake.ranges[i].used;
	return count;
}

/* A packet that has read the frontend as it was finds them all the same. */
START_TEST(ranges_that_nobody_asks_for_rest)
{
	static const char limited[] = "web: http l192.0.2.1#80 r198.51.100.0/24 > 10.1.0.1#80";
	static const char open[] = "web: http e192.0.2.1#80 > 10.1.0.1#80";
	struct service_maps maps = fake_services_open(SIZE);

	open_writer(&maps);
	ck_assert_int_eq(apply(limited), 0);
	ck_assert_int_eq(apply(open), 0);
	ck_assert_uint_eq(ranges_held(), 1);
	ck_assert_uint_eq(service_writer_used(writer, MAP_SERVICE_RANGE4), 0);
	settle();
	ck_assert_uint_eq(ranges_held(), 0);
	/* They are wanted again before they went, and then not. */
	ck_assert_int_eq(apply(limited), 0);
	ck_assert_int_eq(apply(open), 0);
	now_ms += SERVICE_GRACE_MS / 2;
	ck_assert_int_eq(apply(limited), 0);
	settle();
	ck_assert_uint_eq(ranges_held(), 1);
	ck_assert_uint_eq(service_writer_used(writer, MAP_SERVICE_RANGE4), 1);
	ck_assert_int_eq(apply(open), 0);
	ck_assert_int_eq(apply("web:"), 0);
	ck_assert_uint_eq(service_writer_used(writer, MAP_SERVICE_RANGE4), 0);
	ck_assert_uint_eq(ranges_held(), 1);
	settle();
	ck_assert_uint_eq(ranges_held(), 0);
	service_writer_free(writer);
}
END_TEST

START_TEST(ranges_of_a_port_that_ends_rest_with_its_number)
{
	struct service_maps maps = fake_services_open(SIZE);

	open_writer(&maps);
	ck_assert_int_eq(apply("a: http l192.0.2.1#80 r198.51.100.0/24 > 10.1.0.1#80"), 0);
	ck_assert_int_eq(apply("a:"), 0);
	ck_assert_uint_eq(ranges_held(), 1);
	settle();
	ck_assert_uint_eq(ranges_held(), 0);
	ck_assert_int_eq(apply("b: http l192.0.2.1#80 > 10.1.0.1#80"), 0);
	ck_assert(!fake_lets_in("198.51.100.1", "192.0.2.1", 80));
	service_writer_free(writer);
}
END_TEST

CHECK_MAIN("service_rest", CHECK_TEST(a_backend_ends_at_once_and_its_number_rests),
	   CHECK_TEST(only_new_frontends_let_connections_be_judged_again),
	   CHECK_LOOP(what_does_not_fit_is_refused_as_a_whole, full_rows),
	   CHECK_TEST(what_rests_is_waited_for_once),
	   CHECK_TEST(ranges_that_nobody_asks_for_rest),
	   CHECK_TEST(ranges_of_a_port_that_ends_rest_with_its_number))
