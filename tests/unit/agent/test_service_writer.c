// SPDX-License-Identifier: Apache-2.0
/*
 * What packets see of services while the agent writes, after every single write; when it
 * ends before any of them; and what the next agent makes of what it finds.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fake_services.h"
#include "lib/check_main.h"
#include "reconcile/service.h"
#include "service_text.h"

#define SIZE 64
#define LINES_MAX 3
#define PROBES_MAX 8

static struct service_writer *writer;
static int64_t now_ms;

static int apply(const char *line)
{
	struct service_text text;
	int r;

	service_text_read(&text, line);
	r = service_writer_apply(writer, &text.images, now_ms);
	service_text_done(&text);
	return r;
}

static void open_writer(const struct service_maps *maps)
{
	ck_assert_int_eq(service_writer_new(&writer, maps), 0);
	now_ms = 1ll << 40; /* later than what the start has left to rest */
}

static void settle(void)
{
	while (service_writer_settle(writer, now_ms) >= 0)
		now_ms += SERVICE_GRACE_MS;
}

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
	/* An address goes from one Service to the other. */
	{ { "b: http c10.96.0.1#80 > 10.1.0.1#8080", "a: http c10.96.0.2#80 > 10.1.0.2#8080" },
	  { "a: http c10.96.0.1#80 c10.96.0.2#80 > 10.1.0.2#8080", "b:" } },
	{ { "a: http c10.96.0.1#80 > 10.1.0.1#8080", "b: http e10.96.0.1#81 > 10.1.0.2#8080" },
	  { "a:", "b: http e10.96.0.1#81 > 10.1.0.2#8080" } },
};

/* Every place that the changes speak of. */
static const struct {
	const char *addr;
	uint16_t port;
} probes[] = {
	{ "10.96.0.1", 80 }, { "10.96.0.1", 81 }, { "10.96.0.1", 443 }, { "10.96.0.1", 9 },
	{ "10.96.0.2", 80 }, { "192.0.2.1", 80 }, { "192.0.2.2", 80 },	{ "fd00::1", 80 },
};
#define PROBES CHECK_COUNT(probes)

struct sights {
	char text[PROBES][SERVICE_SETS][FAKE_SIGHT_MAX];
};

static struct sights before, after;

static void look(struct sights *ret)
{
	for (int i = 0; i < PROBES; i++)
		for (enum service_set set = 0; set < SERVICE_SETS; set++)
			fake_look(ret->text[i][set], probes[i].addr, probes[i].port, set);
}

/* Each place is as it was or as it shall be. */
static void is_whole(void)
{
	static struct sights seen;

	look(&seen);
	for (int i = 0; i < PROBES; i++)
		for (enum service_set set = 0; set < SERVICE_SETS; set++)
			ck_assert_msg(!strcmp(seen.text[i][set], before.text[i][set]) ||
				      !strcmp(seen.text[i][set], after.text[i][set]),
				      "%s port %u, set %d: seen %s, neither %s nor %s",
				      probes[i].addr, probes[i].port, set, seen.text[i][set],
				      before.text[i][set], after.text[i][set]);
}

static void is_done(void)
{
	static struct sights former;

	former = before;
	before = after;
	is_whole();
	before = former;
}

static void apply_all(const char *const lines[LINES_MAX])
{
	for (int i = 0; i < LINES_MAX && lines[i]; i++)
		ck_assert_int_eq(apply(lines[i]), 0);
}

static void finish(void)
{
	service_writer_synced(writer, now_ms);
	service_writer_commit(writer);
	settle();
}

static unsigned int used(void)
{
	static const enum datapath_map maps[] = { MAP_FRONTEND4, MAP_FRONTEND6, MAP_SERVICE_PORT,
						  MAP_BACKEND, MAP_BACKEND_SLOT };
	unsigned int sum = 0;

	for (int i = 0; i < CHECK_COUNT(maps); i++)
		sum += service_writer_used(writer, maps[i]);
	return sum;
}

/* What the kernel holds, without its order. */
static unsigned int held(void)
{
	unsigned int sum = 0;

	for (int i = 0; i < FAKE_FRONTENDS_MAX; i++)
		sum += fake.frontends[i].used;
	for (int i = 1; i < SIZE; i++)
		sum += !!fake.backends[i].service;
	return sum;
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

START_TEST(an_agent_may_end_between_any_two_writes)
{
	unsigned int used_then, held_then, writes;
	struct service_maps maps;

	rehearse(&changes[_i], &used_then, &held_then);
	for (writes = 1; die_at(&changes[_i], &maps, writes); writes++) {
		open_writer(&maps);
		fake.after_write = is_whole;
		apply_all(changes[_i].after);
		finish();
		is_done();
		ck_assert_int_eq(held(), held_then);
		ck_assert_int_eq(used(), used_then);
		service_writer_free(writer);
	}
}
END_TEST

/* Two Services, in all that there can be of them. */
static const char *const shop[] = {
	"web: http c10.96.0.1#80 e192.0.2.1#80 > 10.1.0.1#8080 10.1.0.2#8080B 10.1.0.3#8080T "
	"| v6 cfd00::1#80 > fd01::1#8080L",
	"db: sql c10.96.0.2#80 >",
};

static void open_shop(struct service_maps *maps)
{
	*maps = fake_services_open(SIZE);
	open_writer(maps);
	for (int i = 0; i < CHECK_COUNT(shop); i++)
		ck_assert_int_eq(apply(shop[i]), 0);
	finish();
}

START_TEST(a_restart_writes_nothing)
{
	struct service_maps maps;
	unsigned int writes;

	open_shop(&maps);
	service_writer_free(writer);
	writes = fake.writes;
	open_writer(&maps);
	for (int i = 0; i < CHECK_COUNT(shop); i++)
		ck_assert_int_eq(apply(shop[i]), 0);
	service_writer_synced(writer, now_ms);
	ck_assert(!service_writer_commit(writer));
	settle();
	ck_assert_uint_eq(fake.writes, writes);
	service_writer_free(writer);
	ck_assert_uint_eq(fake.writes, writes);
}
END_TEST

START_TEST(nothing_goes_before_the_sources_have_synced)
{
	struct service_maps maps;
	unsigned int held_then;

	open_shop(&maps);
	service_writer_free(writer);
	held_then = held();
	open_writer(&maps);
	look(&before);
	after = before;
	ck_assert_int_eq(apply(shop[1]), 0);
	service_writer_commit(writer);
	settle();
	is_whole();
	ck_assert_uint_eq(held(), held_then);
	service_writer_synced(writer, now_ms);
	service_writer_commit(writer);
	settle();
	ck_assert_uint_eq(held(), 2);
	ck_assert_uint_eq(fake.count, 1);
	service_writer_free(writer);
}
END_TEST

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
		.slot_max = SIZE, .frontend_max = { 5, SIZE } } },
};

#define SMALL "web: http c10.96.0.1#80 > 10.1.0.1#80"
#define LARGE                                                                              \
	"web: http c10.96.0.1#80 > 10.1.0.1#80 10.1.0.2#80 10.1.0.3#80 "                   \
	"| more c10.96.0.1#81 > 10.1.0.1#81 | most c10.96.0.1#443 e192.0.2.2#80 > 10.1.0.1#82"

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

/* Numbers that are near to what could be meant. */
static uint32_t wild(unsigned int *seed)
{
	return rand_r(seed) % 8 ? (uint32_t)rand_r(seed) % (SIZE + 2) : (uint32_t)rand_r(seed) * 2;
}

static void write_nonsense(unsigned int seed)
{
	uint8_t *const tables[] = { (uint8_t *)fake.ports, (uint8_t *)fake.backends,
				    (uint8_t *)fake.slots };
	const size_t sizes[] = { sizeof(struct service_port), sizeof(struct backend), 4 };
	uint32_t value;

	for (int i = 0; i < 40; i++) {
		int table = rand_r(&seed) % 3;
		size_t word = (size_t)rand_r(&seed) % (sizes[table] * SIZE / 4);

		value = wild(&seed);
		memcpy(tables[table] + word * 4, &value, 4);
	}
	for (int i = 0; i < FAKE_FRONTENDS_MAX; i++) {
		struct fake_entry *entry = &fake.frontends[i];

		if (!entry->used || rand_r(&seed) % 2)
			continue;
		switch (rand_r(&seed) % 4) {
		case 0:
			entry->used = false;
			break;
		case 1:
			entry->value.service = wild(&seed);
			break;
		case 2:
			entry->value.flags = (uint32_t)rand_r(&seed) % 4;
			break;
		default:
			entry->key.proto = (uint8_t)(rand_r(&seed) % 3 * 6);
		}
	}
}

START_TEST(what_makes_no_sense_is_rewritten)
{
	unsigned int used_then, held_then;
	struct service_maps maps;

	open_shop(&maps);
	look(&after);
	used_then = used();
	held_then = held();
	service_writer_free(writer);
	write_nonsense((unsigned int)_i);
	open_writer(&maps);
	for (int i = 0; i < CHECK_COUNT(shop); i++)
		ck_assert_int_eq(apply(shop[i]), 0);
	finish();
	is_done();
	ck_assert_uint_eq(used(), used_then);
	ck_assert_uint_eq(held(), held_then);
	ck_assert_uint_eq(fake.count, 4);
	service_writer_free(writer);
}
END_TEST

static const char seeds[400];

CHECK_MAIN("service_writer", CHECK_LOOP(packets_see_old_or_new, changes),
	   CHECK_LOOP(an_agent_may_end_between_any_two_writes, changes),
	   CHECK_LOOP(a_write_that_the_kernel_refuses_takes_back_the_others, changes),
	   CHECK_TEST(a_restart_writes_nothing),
	   CHECK_TEST(nothing_goes_before_the_sources_have_synced),
	   CHECK_TEST(a_backend_ends_at_once_and_its_number_rests),
	   CHECK_TEST(only_new_frontends_let_connections_be_judged_again),
	   CHECK_LOOP(what_does_not_fit_is_refused_as_a_whole, full_rows),
	   CHECK_TEST(what_rests_is_waited_for_once),
	   CHECK_LOOP(what_makes_no_sense_is_rewritten, seeds))
