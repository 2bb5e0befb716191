// SPDX-License-Identifier: Apache-2.0
/*
 * What packets see of services while the agent writes, after every single write; when it
 * ends before any of them; and when the kernel refuses one.
 */
#include <errno.h>
#include <string.h>

#include "lib/check_main.h"
#include "writer_fixture.h"

#define LINES_MAX 3

/* From one state of some services to another. */
static const struct change {
	const char *before[LINES_MAX], *after[LINES_MAX];
} changes[] = {
	/* It comes, it goes. */
	{ { "web:" }, { "web: http c10.96.0.1#80 > 10.1.0.1#8080 10.1.0.2#8080" } },
	{ { "web: http c10.96.0.1#80 e192.0.2.1#80 > 10.1.0.1#8080B" }, { "web:" } },
	{ { "web: http c10.96.0.1#80 > 10.1.0.1#8080 | v6 cfd00::1#80 > fd01::1#8080L" },
	  { "web:" } },
	{ { "web:" },
	  { "web: http c10.96.0.1#80 > 10.1.0.1#8080 | v6 cfd00::1#80 > fd01::1#8080B" } },
	/* Its backends change. */
	{ { "web: http c10.96.0.1#80 > 10.1.0.1#8080 10.1.0.2#8080" },
	  { "web: http c10.96.0.1#80 > 10.1.0.2#8080 10.1.0.3#8080" } },
	{ { "web: http c10.96.0.1#80 > 10.1.0.1#8080 10.1.0.2#8080" },
	  { "web: http c10.96.0.1#80 >" } },
	{ { "web: http c10.96.0.1#80 >" }, { "web: http c10.96.0.1#80 > 10.1.0.1#8080" } },
	{ { "web: http c10.96.0.1#80 > 10.1.0.1#8080 10.1.0.2#8080" },
	  { "web: http c10.96.0.1#80 > 10.1.0.1#8080T 10.1.0.2#8080L" } },
	{ { "web: http c10.96.0.1#80 > 10.1.0.1#8080T 10.1.0.2#8080" },
	  { "web: http c10.96.0.1#80 > 10.1.0.1#8080 10.1.0.2#8081" } },
	/* Its ports and addresses change. */
	{ { "web: http c10.96.0.1#80 > 10.1.0.1#8080" },
	  { "web: http c10.96.0.1#81 > 10.1.0.1#8080" } },
	{ { "web: http c10.96.0.1#80 > 10.1.0.1#8080" },
	  { "web: http c10.96.0.1#80 > 10.1.0.1#8080 | more c10.96.0.1#443 > 10.1.0.1#8443" } },
	{ { "web: http c10.96.0.1#80 > 10.1.0.1#8080 | more c10.96.0.1#443 > 10.1.0.1#8443" },
	  { "web: more c10.96.0.1#443 > 10.1.0.1#8443" } },
	{ { "web: http c10.96.0.1#80 > 10.1.0.1#8080" },
	  { "web: renamed c10.96.0.1#80 > 10.1.0.1#8080" } },
	{ { "web: a c10.96.0.1#80 > 10.1.0.1#1 | b c10.96.0.1#81 > 10.1.0.1#2" },
	  { "web: a c10.96.0.1#81 > 10.1.0.1#1 | b c10.96.0.1#80 > 10.1.0.1#2" } },
	{ { "web: http c10.96.0.1#80 > 10.1.0.1#8080" },
	  { "web: http c10.96.0.1#80 e192.0.2.1#80 e192.0.2.2#80 > 10.1.0.1#8080" } },
	{ { "web: http c10.96.0.1#80 e10.96.0.1#81 > 10.1.0.1#8080" },
	  { "web: http e10.96.0.1#81 > 10.1.0.1#8080" } },
	/* It has a Maglev table, of which the backends change. */
	{ { "web:" }, { "web: http c10.96.0.1#80 e192.0.2.1#80 > 10.1.0.1#8080 10.1.0.2#8080B" } },
	{ { "web: http c10.96.0.1#80 e192.0.2.1#80 > 10.1.0.1#8080 10.1.0.2#8080" }, { "web:" } },
	{ { "web: http e192.0.2.1#80 > 10.1.0.1#8080 10.1.0.2#8080 10.1.0.3#8080" },
	  { "web: http e192.0.2.1#80 > 10.1.0.1#8080 10.1.0.3#8080 10.1.0.4#8080" } },
	{ { "web: http e192.0.2.1#80 > 10.1.0.1#8080 10.1.0.2#8080" },
	  { "web: http e192.0.2.1#80 > 10.1.0.1#8080" } },
	{ { "web: http e192.0.2.1#80 > 10.1.0.1#8080T 10.1.0.2#8080 10.1.0.3#8080" },
	  { "web: http e192.0.2.1#80 > 10.1.0.1#8080 10.1.0.2#8080T 10.1.0.3#8080" } },
	/* It gets one, or has none any more, because of its frontends; those come first. */
	{ { "web: http c10.96.0.1#80 > 10.1.0.1#8080 10.1.0.2#8080" },
	  { "web: http c10.96.0.1#80 e192.0.2.1#80 > 10.1.0.1#8080 10.1.0.2#8080" } },
	{ { "web: http c10.96.0.1#80 e192.0.2.1#80 > 10.1.0.1#8080 10.1.0.2#8080" },
	  { "web: http c10.96.0.1#80 > 10.1.0.1#8080 10.1.0.2#8080" } },
	{ { "web: http e192.0.2.1#80 > 10.1.0.1#8080B 10.1.0.2#8080B" },
	  { "web: http n192.0.2.1#80 > 10.1.0.1#8080B 10.1.0.2#8080B" } },
	/* Who may use it changes. */
	{ { "web:" }, { "web: http l192.0.2.1#80 r198.51.100.0/24 r2001:db8::/32 > 10.1.0.1#80" } },
	{ { "web: http l192.0.2.1#80 r198.51.100.0/24 > 10.1.0.1#80" }, { "web:" } },
	{ { "web: http l192.0.2.1#80 r198.51.100.0/24 > 10.1.0.1#80" },
	  { "web: http l192.0.2.1#80 r198.51.100.0/25 r203.0.113.1/32 > 10.1.0.1#80" } },
	{ { "web: http l192.0.2.1#80 r198.51.100.0/25 r198.51.100.128/25 > 10.1.0.1#80" },
	  { "web: http l192.0.2.1#80 r198.51.100.0/24 > 10.1.0.1#80" } },
	{ { "web: http l192.0.2.1#80 r0.0.0.0/0 > 10.1.0.1#80" },
	  { "web: http l192.0.2.1#80 > 10.1.0.1#80" } },
	{ { "web: http e192.0.2.1#80 > 10.1.0.1#80" },
	  { "web: http l192.0.2.1#80 r198.51.100.1/32 > 10.1.0.1#80" } },
	{ { "web: http l192.0.2.1#80 r198.51.100.1/32 > 10.1.0.1#80" },
	  { "web: http e192.0.2.1#80 > 10.1.0.1#80" } },
	{ { "web: http l192.0.2.1#80 r198.51.100.1/32 > 10.1.0.1#80" },
	  { "web: more l192.0.2.1#80 l192.0.2.2#80 r198.51.100.0/24 > 10.1.0.1#80" } },
	{ { "a: http l192.0.2.1#80 r198.51.100.1/32 > 10.1.0.1#80",
	    "b: http l192.0.2.2#80 r203.0.113.0/24 > 10.1.0.2#80" },
	  { "b: http l192.0.2.1#80 l192.0.2.2#80 r203.0.113.0/24 r198.51.100.0/25 > 10.1.0.2#80",
	    "a:" } },
	{ { "web: http l192.0.2.1#80 r198.51.100.1/32 > 10.1.0.1#80 "
	    "| v6 lfd00::1#80 r2001:db8::1/128 > fd01::1#80" },
	  { "web: http l192.0.2.1#80 r198.51.100.1/32 > 10.1.0.1#80 | v6 lfd00::1#80 > fd01::1#80" } },
	/* An address goes from one Service to the other. */
	{ { "b: http c10.96.0.1#80 > 10.1.0.1#8080", "a: http c10.96.0.2#80 > 10.1.0.2#8080" },
	  { "a: http c10.96.0.1#80 c10.96.0.2#80 > 10.1.0.2#8080", "b:" } },
	{ { "a: http c10.96.0.1#80 > 10.1.0.1#8080", "b: http e10.96.0.1#81 > 10.1.0.2#8080" },
	  { "a:", "b: http e10.96.0.1#81 > 10.1.0.2#8080" } },
};

static void apply_all(const char *const lines[LINES_MAX])
{
	for (int i = 0; i < LINES_MAX && lines[i]; i++)
		ck_assert_int_eq(apply(lines[i]), 0);
}

/* Plays the change; its sights, and what is in use at the end. */
static void rehearse(const struct change *change, unsigned int *used_then, unsigned int *held_then)
{
	struct service_maps maps = fake_services_open(SIZE);

	open_writer(&maps);
	apply_all(change->before);
	look(&before);
	apply_all(change->after);
	finish();
	look(&after);
	*used_then = used();
	*held_then = held();
	service_writer_free(writer);
}

START_TEST(packets_see_old_or_new)
{
	unsigned int used_then, held_then;
	struct service_maps maps;

	rehearse(&changes[_i], &used_then, &held_then);
	maps = fake_services_open(SIZE);
	open_writer(&maps);
	apply_all(changes[_i].before);
	fake.after_write = is_whole;
	apply_all(changes[_i].after);
	finish();
	is_done();
	service_writer_free(writer);
}
END_TEST

/* The agent ends before write @writes of the change; false: the change has fewer. */
static bool die_at(const struct change *change, struct service_maps *maps, unsigned int writes)
{
	bool died;

	*maps = fake_services_open(SIZE);
	open_writer(maps);
	apply_all(change->before);
	finish();
	fake.alive = fake.writes + writes;
	apply_all(change->after);
	finish();
	died = fake.writes == fake.alive;
	service_writer_free(writer);
	fake.alive = 0;
	return died;
}

/* What the agent that comes next does, until its end before write @writes; 0: it lives on. */
static bool recover(const struct change *change, struct service_maps *maps, unsigned int writes)
{
	bool died;

	open_writer(maps);
	fake.alive = writes ? fake.writes + writes : 0;
	fake.after_write = is_whole;
	apply_all(change->after);
	finish();
	died = fake.alive && fake.writes == fake.alive;
	fake.after_write = NULL;
	if (died) {
		service_writer_free(writer);
		fake.alive = 0;
	}
	return died;
}

/* In steps, for all pairs would be many. */
START_TEST(the_next_agent_may_end_as_well)
{
	unsigned int used_then, held_then;
	struct service_maps maps;

	rehearse(&changes[_i], &used_then, &held_then);
	for (unsigned int first = 1; die_at(&changes[_i], &maps, first); first += 3)
		for (unsigned int second = 1; die_at(&changes[_i], &maps, first); second += 2) {
			if (!recover(&changes[_i], &maps, second)) {
				service_writer_free(writer);
				break;
			}
			recover(&changes[_i], &maps, 0);
			is_done();
			ck_assert_int_eq(held(), held_then);
			ck_assert_int_eq(used(), used_then);
			service_writer_free(writer);
		}
}
END_TEST

START_TEST(an_agent_may_end_between_any_two_writes)
{
	unsigned int used_then, held_then, writes;
	struct service_maps maps;

	rehearse(&changes[_i], &used_then, &held_then);
	for (writes = 1; die_at(&changes[_i], &maps, writes); writes++) {
		recover(&changes[_i], &maps, 0);
		is_done();
		ck_assert_int_eq(held(), held_then);
		ck_assert_int_eq(used(), used_then);
		service_writer_free(writer);
	}
}
END_TEST

START_TEST(a_write_that_the_kernel_refuses_takes_back_the_others)
{
	unsigned int used_then, held_then, used_before, held_before, refused;
	struct service_maps maps;
	int r = -ENOMEM;

	rehearse(&changes[_i], &used_then, &held_then);
	for (refused = 1; r < 0; refused++) {
		maps = fake_services_open(SIZE);
		open_writer(&maps);
		apply_all(changes[_i].before);
		finish();
		used_before = used();
		held_before = held();
		fake.after_write = is_whole;
		fake.refuse = refused;
		r = 0;
		for (int i = 0; i < LINES_MAX && changes[_i].after[i] && !r; i++)
			r = apply(changes[_i].after[i]);
		settle();
		if (r < 0 && !changes[_i].after[1]) {
			ck_assert_uint_eq(used(), used_before);
			ck_assert_uint_eq(held(), held_before);
		}
		fake.refuse = 0;
		apply_all(changes[_i].after);
		finish();
		is_done();
		ck_assert_uint_eq(used(), used_then);
		ck_assert_uint_eq(held(), held_then);
		service_writer_free(writer);
	}
}
END_TEST

CHECK_MAIN("service_writer", CHECK_LOOP(packets_see_old_or_new, changes),
	   CHECK_LOOP(an_agent_may_end_between_any_two_writes, changes),
	   CHECK_LOOP(the_next_agent_may_end_as_well, changes),
	   CHECK_LOOP(a_write_that_the_kernel_refuses_takes_back_the_others, changes))
