// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../model/objects_make.h"
#include "report/report_private.h"

#define NODE "n1"
#define NOW_MS 1000000

/* An agent with so many refused policies. */
struct fixture {
	bool ready;
	unsigned int problems;
	struct store *store;
	struct report report;
};

static bool is_ready(void *arg)
{
	return ((struct fixture *)arg)->ready;
}

static const char *version_of(void *arg, const struct api_kind *kind)
{
	return kind->versions[0];
}

static void each_problem(void *arg, report_problem_fn *fn, void *to)
{
	const struct fixture *fixture = arg;
	char name[64];

	for (unsigned int i = 0; i < fixture->problems; i++) {
		snprintf(name, sizeof(name), "NetworkPolicy shop/p%u", i);
		fn(to, name, "spec.ingress", "refused", false);
	}
}

static void open_fixture(struct fixture *fixture)
{
	*fixture = (struct fixture){ .ready = true };
	ck_assert_int_eq(store_new(&fixture->store), 0);
	fixture->report.host = (struct report_host){
		.arg = fixture,
		.node = NODE,
		.taint = "",
		.store = fixture->store,
		.is_ready = is_ready,
		.version = version_of,
		.each_problem = each_problem,
	};
}

static void close_fixture(struct fixture *fixture)
{
	free(fixture->report.job.text);
	said_free(&fixture->report.said);
	store_free(fixture->store);
}

static void put_node(struct fixture *fixture)
{
	ck_assert_int_eq(store_put(fixture->store, make_node(NODE, "")), 0);
}

/* What is chosen, as if it were said at once. */
static enum report_topic choose(struct fixture *fixture, int64_t now_ms)
{
	struct report *report = &fixture->report;
	enum report_topic topic;

	report_choose(report, now_ms);
	topic = report->job.topic;
	if (topic != REPORT_NOTHING)
		said_done(&report->said, report->job.key, SAID_NEVER);
	free(report->job.text);
	report->job = (struct report_job){};
	return topic;
}

START_TEST(a_node_that_is_not_ready_says_nothing)
{
	struct fixture fixture;

	open_fixture(&fixture);
	put_node(&fixture);
	fixture.ready = false;
	ck_assert_int_eq(choose(&fixture, NOW_MS), REPORT_NOTHING);
	fixture.ready = true;
	ck_assert_int_eq(choose(&fixture, NOW_MS), REPORT_NODE);
	ck_assert_msg(choose(&fixture, NOW_MS) == REPORT_NOTHING, "it is said once");
	close_fixture(&fixture);
}
END_TEST

START_TEST(the_node_comes_first)
{
	struct fixture fixture;

	open_fixture(&fixture);
	put_node(&fixture);
	fixture.problems = 3;
	ck_assert_int_eq(choose(&fixture, NOW_MS), REPORT_NODE);
	ck_assert_int_eq(choose(&fixture, NOW_MS), REPORT_EVENT);
	close_fixture(&fixture);
}
END_TEST

START_TEST(no_number_of_problems_keeps_a_node_from_being_ready)
{
	struct fixture fixture;

	open_fixture(&fixture);
	fixture.problems = SAID_MAX + 1;
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(choose(&fixture, NOW_MS), REPORT_EVENT);
	ck_assert_uint_eq(fixture.report.said.entries.count, SAID_MAX);
	/* It registers only now, and once more later. */
	for (int i = 0; i < 2; i++) {
		put_node(&fixture);
		ck_assert_int_eq(choose(&fixture, NOW_MS), REPORT_NODE);
	}
	close_fixture(&fixture);
}
END_TEST

CHECK_MAIN("report_choose", CHECK_TEST(a_node_that_is_not_ready_says_nothing),
	   CHECK_TEST(the_node_comes_first),
	   CHECK_TEST(no_number_of_problems_keeps_a_node_from_being_ready))
