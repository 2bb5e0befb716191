// SPDX-License-Identifier: Apache-2.0
/* The requests about one kind, with a clock and dice of the test. */
#include "lib/check_main.h"

#include <errno.h>
#include <string.h>

#include "source/api_sync.h"

static const struct api_timing timing = {
	.retry_min = 1000,
	.retry_max = 30000,
	.absent = 40000,
	.watch = 300000,
	.stall = 120000,
};

struct world {
	struct api_sync sync;
	struct api_request request;
	int64_t now;
};

static void begin(struct world *world, bool optional, unsigned int versions)
{
	*world = (struct world){ .now = 5000 };
	api_sync_init(&world->sync, &timing, optional, versions, world->now);
}

/* The next request, at its time. */
static void next(struct world *world)
{
	ck_assert(!world->sync.in_flight);
	if (world->sync.due_ms > world->now)
		world->now = world->sync.due_ms;
	api_sync_next(&world->request, &world->sync, world->now, 0);
}

static bool ends(struct world *world, enum api_outcome outcome)
{
	return api_sync_ended(&world->sync, outcome, 0, world->now, UINT32_MAX);
}

static int64_t wait_of(const struct world *world)
{
	return world->sync.due_ms - world->now;
}

/* The whole list, in one page. */
static void list(struct world *world, const char *version)
{
	next(world);
	ck_assert(!world->request.is_watch);
	ck_assert_int_eq(api_sync_page(&world->sync, version, ""), 1);
	ck_assert(!ends(world, API_DONE));
}

START_TEST(a_list_is_read_in_pages_and_then_watched)
{
	struct world world;

	begin(&world, false, 1);
	next(&world);
	ck_assert(world.request.is_first && !world.request.next && world.request.limit == API_PAGE);
	ck_assert_int_eq(api_sync_page(&world.sync, "10", "more"), 0);
	ends(&world, API_DONE);
	ck_assert_int_eq(wait_of(&world), 0);
	next(&world);
	ck_assert(!world.request.is_first && !world.request.is_watch);
	ck_assert_str_eq(world.request.next, "more");
	ck_assert(!world.sync.is_synced);
	ck_assert_int_eq(api_sync_page(&world.sync, "10", NULL), 1);
	ends(&world, API_DONE);
	ck_assert(world.sync.is_synced && world.sync.round == 1);
	next(&world);
	ck_assert(world.request.is_watch);
	ck_assert_str_eq(world.request.version, "10");
	ck_assert_uint_ge(world.request.timeout_s, timing.watch / 2000);
	api_sync_done(&world.sync);
}
END_TEST

START_TEST(a_list_without_a_version_or_an_end_is_none)
{
	struct world world;

	begin(&world, false, 1);
	next(&world);
	ck_assert_int_eq(api_sync_page(&world.sync, "", ""), -EBADMSG);
	ck_assert_int_eq(api_sync_page(&world.sync, "0", ""), -EBADMSG);
	ck_assert_int_eq(api_sync_page(&world.sync, NULL, NULL), -EBADMSG);
	ck_assert_int_eq(api_sync_page(&world.sync, "7", "again"), 0);
	ck_assert_int_eq(api_sync_page(&world.sync, "7", "again"), -EBADMSG);
	ck_assert(!world.sync.is_synced);
	api_sync_done(&world.sync);
}
END_TEST

START_TEST(a_watch_resumes_where_it_was)
{
	struct world world;

	begin(&world, false, 1);
	list(&world, "10");
	next(&world);
	ck_assert_int_eq(api_sync_event(&world.sync, "12"), 0);
	ends(&world, API_CUT);
	ck_assert_int_ge(wait_of(&world), timing.retry_min / 2);
	ck_assert_int_le(wait_of(&world), timing.retry_min);
	next(&world);
	ck_assert(world.request.is_watch);
	ck_assert_str_eq(world.request.version, "12");
	ends(&world, API_DONE);
	ck_assert_int_ge(wait_of(&world), timing.retry_min / 2); /* ended as soon as it began */
	next(&world);
	world.now += timing.retry_max;
	ends(&world, API_DONE);
	ck_assert_int_eq(wait_of(&world), 0);
	api_sync_done(&world.sync);
}
END_TEST

static const struct {
	const char *before, *event;
	int expected;
} versions[] = {
	{ "10", "11", 0 },	{ "10", "10", 0 },   { "99", "100", 0 },
	{ "10", "9", -ESTALE }, { "100", "99", -ESTALE },
	{ "9007199254740993", "9007199254740992", -ESTALE },
	{ "18446744073709551616", "18446744073709551617", 0 },
	{ "010", "9", -ESTALE }, { "9", "010", 0 },
	{ "abc", "9", 0 },	{ "10", "abc", 0 }, /* nobody knows */
};

START_TEST(versions_go_forward)
{
	struct world world;

	begin(&world, false, 1);
	list(&world, versions[_i].before);
	next(&world);
	ck_assert_int_eq(api_sync_event(&world.sync, versions[_i].event), versions[_i].expected);
	ck_assert_str_eq(world.sync.version,
			 versions[_i].expected ? versions[_i].before : versions[_i].event);
	api_sync_done(&world.sync);
}
END_TEST

START_TEST(waits_grow_to_a_limit_and_an_event_ends_them)
{
	static const int64_t most[] = { 1000, 2000, 4000, 8000, 16000, 30000, 30000 };
	struct world world;

	begin(&world, false, 1);
	list(&world, "10");
	for (size_t i = 0; i < sizeof(most) / sizeof(most[0]); i++) {
		next(&world);
		ends(&world, API_CUT);
		ck_assert_int_eq(wait_of(&world), most[i]);
	}
	for (int i = 0; i < 100; i++) {
		next(&world);
		ends(&world, API_CUT);
	}
	ck_assert_int_eq(wait_of(&world), timing.retry_max);
	next(&world);
	ck_assert_int_eq(api_sync_event(&world.sync, "11"), 0);
	ends(&world, API_CUT);
	ck_assert_int_eq(wait_of(&world), timing.retry_min);
	api_sync_done(&world.sync);
}
END_TEST

/* Between the agent and the server may be something that does not like quiet connections. */
START_TEST(a_watch_that_lasted_a_while_is_no_failure)
{
	struct world world;

	begin(&world, false, 1);
	list(&world, "10");
	for (int i = 0; i < 5; i++) {
		next(&world);
		world.now += timing.retry_max;
		ends(&world, API_CUT);
		ck_assert_int_eq(wait_of(&world), timing.retry_min);
	}
	/* One that was silent for ever is. */
	for (int i = 1; i < 5; i++) {
		next(&world);
		world.now += timing.stall;
		ends(&world, API_CUT);
		ck_assert_uint_eq(world.sync.failures, (unsigned int)i + 1);
	}
	api_sync_done(&world.sync);
}
END_TEST

/* Whatever the dice say, nobody waits less than half of it. */
START_TEST(waits_are_spread)
{
	struct world world;
	int64_t waits[3];

	for (size_t i = 0; i < 3; i++) {
		begin(&world, false, 1);
		next(&world);
		api_sync_ended(&world.sync, API_CUT, 0, world.now, (uint32_t)(i * (UINT32_MAX / 2)));
		waits[i] = wait_of(&world);
		api_sync_done(&world.sync);
	}
	ck_assert_int_eq(waits[0], timing.retry_min / 2);
	ck_assert_int_gt(waits[1], waits[0]);
	ck_assert_int_gt(waits[2], waits[1]);
	ck_assert_int_eq(waits[2], timing.retry_min);
}
END_TEST

START_TEST(a_server_is_not_asked_before_the_time_it_says)
{
	struct world world;

	begin(&world, false, 1);
	next(&world);
	api_sync_ended(&world.sync, API_BUSY, 60000, world.now, 0);
	ck_assert_int_ge(wait_of(&world), 60000);
	next(&world);
	api_sync_ended(&world.sync, API_BUSY, INT64_MAX / 2, world.now, 0);
	ck_assert_int_le(wait_of(&world), 330000);
	api_sync_done(&world.sync);
}
END_TEST

START_TEST(a_watch_that_is_gone_is_listed_anew)
{
	struct world world;

	begin(&world, false, 1);
	list(&world, "10");
	for (int i = 0; i < 6; i++) {
		next(&world);
		ck_assert(world.request.is_watch);
		ends(&world, API_GONE);
		ck_assert_int_eq(wait_of(&world), i < 5 ? 1000 << i : 30000);
		list(&world, "10");
		ck_assert_uint_eq(world.sync.round, (uint32_t)i + 2);
	}
	api_sync_done(&world.sync);
}
END_TEST

START_TEST(a_list_whose_rest_is_gone_is_read_whole)
{
	struct world world;

	begin(&world, false, 1);
	next(&world);
	ck_assert_int_eq(api_sync_page(&world.sync, "10", "more"), 0);
	ends(&world, API_DONE);
	next(&world);
	ends(&world, API_GONE);
	next(&world);
	ck_assert(world.request.is_first && !world.request.limit && !world.request.next);
	ck_assert_int_eq(api_sync_page(&world.sync, "20", ""), 1);
	ends(&world, API_DONE);
	next(&world);
	ends(&world, API_GONE);
	next(&world);
	ck_assert(world.request.limit == API_PAGE);
	api_sync_done(&world.sync);
}
END_TEST

START_TEST(a_page_that_is_cut_is_asked_for_again)
{
	struct world world;

	begin(&world, false, 1);
	next(&world);
	ck_assert_int_eq(api_sync_page(&world.sync, "10", "more"), 0);
	ends(&world, API_DONE);
	next(&world);
	ends(&world, API_CUT);
	next(&world);
	ck_assert_str_eq(world.request.next, "more");
	ck_assert(!world.request.is_first && world.sync.round == 1);
	/* Who refuses it again and again may not know it any more. */
	for (int i = 0; i < 5; i++) {
		ends(&world, API_REFUSED);
		next(&world);
	}
	ck_assert(world.request.is_first);
	api_sync_done(&world.sync);
}
END_TEST

START_TEST(a_watch_that_is_refused_often_is_listed_anew)
{
	struct world world;
	int tries = 0;

	begin(&world, false, 1);
	list(&world, "10");
	for (next(&world); world.request.is_watch; next(&world), tries++)
		ends(&world, API_REFUSED);
	ck_assert_int_ge(tries, 3);
	ck_assert_int_le(tries, 5);
	api_sync_done(&world.sync);
}
END_TEST

START_TEST(what_is_forbidden_is_asked_for_again_and_again)
{
	struct world world;

	begin(&world, false, 1);
	for (int i = 0; i < 50; i++) {
		next(&world);
		ck_assert(world.request.is_first);
		ck_assert(!ends(&world, API_FORBIDDEN));
		ck_assert_int_gt(wait_of(&world), 0);
		ck_assert_int_le(wait_of(&world), timing.retry_max);
	}
	ck_assert(!world.sync.is_synced);
	list(&world, "10");
	ck_assert(world.sync.is_synced);
	api_sync_done(&world.sync);
}
END_TEST

/* As after etcd was set back: version 10 is in the future, and nobody says so. */
START_TEST(a_watch_of_which_nothing_is_heard_is_listed_anew)
{
	struct world world;

	begin(&world, false, 1);
	list(&world, "10");
	next(&world);
	world.now += timing.stall;
	ends(&world, API_SILENT);
	next(&world);
	ck_assert(world.request.is_watch);
	ck_assert_str_eq(world.request.version, "10");
	world.now += timing.stall;
	ends(&world, API_SILENT);
	/* What the list says counts, be its version as it may. */
	list(&world, "4");
	next(&world);
	ck_assert(world.request.is_watch);
	ck_assert_str_eq(world.request.version, "4");
	api_sync_done(&world.sync);
}
END_TEST

/* The server was away, and may have come back with less than it knew. */
START_TEST(after_a_cut_one_silent_watch_is_listed_anew)
{
	struct world world;

	begin(&world, false, 1);
	list(&world, "10");
	next(&world);
	ck_assert_int_eq(api_sync_event(&world.sync, "11"), 0);
	ends(&world, API_CUT);
	next(&world);
	ck_assert_str_eq(world.request.version, "11");
	world.now += timing.stall;
	ends(&world, API_SILENT);
	list(&world, "4");
	api_sync_done(&world.sync);
}
END_TEST

START_TEST(a_watch_that_falls_silent_after_news_resumes)
{
	struct world world;

	begin(&world, false, 1);
	list(&world, "10");
	for (int i = 0; i < 4; i++) {
		next(&world);
		ck_assert(world.request.is_watch);
		ck_assert_int_eq(api_sync_event(&world.sync, "11"), 0);
		world.now += timing.stall;
		ends(&world, API_SILENT);
	}
	api_sync_done(&world.sync);
}
END_TEST

START_TEST(a_custom_kind_may_be_absent)
{
	struct world world;

	begin(&world, true, 1);
	next(&world);
	ck_assert(ends(&world, API_ABSENT));
	ck_assert(world.sync.is_synced && world.sync.is_absent);
	ck_assert_int_eq(wait_of(&world), timing.absent);
	list(&world, "10");
	ck_assert(!world.sync.is_absent);
	api_sync_done(&world.sync);
}
END_TEST

START_TEST(objects_are_not_gone_because_of_one_404)
{
	struct world world;

	begin(&world, true, 1);
	list(&world, "10");
	world.sync.has_objects = true;
	next(&world);
	ck_assert(!ends(&world, API_ABSENT));
	ck_assert_int_le(wait_of(&world), timing.retry_min);
	next(&world);
	ck_assert(!world.request.is_watch);
	ck_assert(ends(&world, API_ABSENT));
	api_sync_done(&world.sync);

	/* In a row: another answer in between begins anew. */
	begin(&world, true, 1);
	world.sync.has_objects = true;
	next(&world);
	ck_assert(!ends(&world, API_ABSENT));
	next(&world);
	ck_assert(!ends(&world, API_CUT));
	next(&world);
	ck_assert(!ends(&world, API_ABSENT));
	api_sync_done(&world.sync);
}
END_TEST

START_TEST(all_versions_of_a_kind_are_tried)
{
	struct world world;

	begin(&world, true, 2);
	next(&world);
	ck_assert_uint_eq(world.sync.version_index, 0);
	ck_assert(!ends(&world, API_ABSENT));
	ck_assert_int_eq(wait_of(&world), 0);
	next(&world);
	ck_assert_uint_eq(world.sync.version_index, 1);
	ck_assert(ends(&world, API_ABSENT));
	ck_assert_int_eq(wait_of(&world), timing.absent);
	next(&world);
	ends(&world, API_ABSENT);
	ck_assert_int_eq(wait_of(&world), 0);
	list(&world, "10");
	ck_assert_uint_eq(world.sync.version_index, 1);
	api_sync_done(&world.sync);
}
END_TEST

START_TEST(a_builtin_kind_is_never_absent)
{
	struct world world;

	begin(&world, false, 1);
	for (int i = 0; i < 10; i++) {
		next(&world);
		ck_assert(!ends(&world, API_ABSENT));
		ck_assert_int_gt(wait_of(&world), 0);
	}
	ck_assert(!world.sync.is_synced);
	api_sync_done(&world.sync);
}
END_TEST

static const struct {
	long status;
	bool has_wait;
	enum api_outcome outcome;
} statuses[] = {
	{ 200, false, API_DONE },    { 0, false, API_CUT },	  { 404, false, API_ABSENT },
	{ 410, false, API_GONE },    { 429, false, API_BUSY },	  { 429, true, API_BUSY },
	{ 503, true, API_BUSY },     { 503, false, API_REFUSED }, { 500, false, API_REFUSED },
	{ 401, false, API_REFUSED }, { 403, true, API_FORBIDDEN },  { 301, false, API_REFUSED },
	{ 204, false, API_REFUSED },
};

START_TEST(every_status_means_something)
{
	ck_assert_int_eq(api_outcome_of(statuses[_i].status, statuses[_i].has_wait),
			 statuses[_i].outcome);
}
END_TEST

CHECK_MAIN("api_sync", CHECK_TEST(a_list_is_read_in_pages_and_then_watched),
	   CHECK_TEST(a_list_without_a_version_or_an_end_is_none),
	   CHECK_TEST(a_watch_resumes_where_it_was), CHECK_LOOP(versions_go_forward, versions),
	   CHECK_TEST(waits_grow_to_a_limit_and_an_event_ends_them), CHECK_TEST(waits_are_spread),
	   CHECK_TEST(a_watch_that_lasted_a_while_is_no_failure),
	   CHECK_TEST(a_server_is_not_asked_before_the_time_it_says),
	   CHECK_TEST(a_watch_that_is_gone_is_listed_anew),
	   CHECK_TEST(a_list_whose_rest_is_gone_is_read_whole),
	   CHECK_TEST(a_page_that_is_cut_is_asked_for_again),
	   CHECK_TEST(a_watch_that_is_refused_often_is_listed_anew),
	   CHECK_TEST(what_is_forbidden_is_asked_for_again_and_again),
	   CHECK_TEST(a_watch_of_which_nothing_is_heard_is_listed_anew),
	   CHECK_TEST(after_a_cut_one_silent_watch_is_listed_anew),
	   CHECK_TEST(a_watch_that_falls_silent_after_news_resumes),
	   CHECK_TEST(a_custom_kind_may_be_absent),
	   CHECK_TEST(objects_are_not_gone_because_of_one_404),
	   CHECK_TEST(all_versions_of_a_kind_are_tried),
	   CHECK_TEST(a_builtin_kind_is_never_absent), CHECK_LOOP(every_status_means_something, statuses))
