// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include "report/report_said.h"

START_TEST(is_fresh_until_it_was_given_a_time)
{
	struct said said = {};
	struct said_entry *entry;

	said_begin(&said);
	entry = said_want(&said, 1, 10);
	ck_assert(entry->is_fresh);
	ck_assert_int_eq(entry->due_ms, SAID_NEVER);
	entry->is_fresh = false;
	entry->due_ms = 5;
	said_sweep(&said);

	said_begin(&said);
	entry = said_want(&said, 1, 10);
	ck_assert(!entry->is_fresh);
	ck_assert_int_eq(entry->due_ms, 5);
	entry = said_want(&said, 1, 11);
	ck_assert_msg(entry->is_fresh, "another value is another thing to say");
	said_free(&said);
}
END_TEST

START_TEST(what_nobody_wants_is_forgotten)
{
	struct said said = {};

	said_begin(&said);
	said_want(&said, 1, 1)->is_fresh = false;
	said_want(&said, 2, 1)->is_fresh = false;
	said_sweep(&said);
	said_begin(&said);
	ck_assert(!said_wants(&said, 2));
	said_want(&said, 2, 1);
	ck_assert(said_wants(&said, 2));
	said_sweep(&said);
	ck_assert_uint_eq(said.entries.count, 1);
	said_begin(&said);
	ck_assert(!said_want(&said, 2, 1)->is_fresh);
	ck_assert(said_want(&said, 1, 1)->is_fresh);
	said_free(&said);
	ck_assert_uint_eq(said.entries.count, 0);
}
END_TEST

START_TEST(failures_wait_longer_each_time)
{
	struct said said = {};
	struct said_entry *entry;
	int64_t last = 0;

	said_begin(&said);
	entry = said_want(&said, 1, 1);
	for (int i = 0; i < 8; i++) {
		said_failed(&said, 1, 1000);
		ck_assert_int_gt(entry->due_ms - 1000, last);
		last = entry->due_ms - 1000;
	}
	said_failed(&said, 1, 1000);
	ck_assert_int_eq(entry->due_ms - 1000, last);
	said_done(&said, 1, SAID_NEVER);
	ck_assert_int_eq(entry->due_ms, SAID_NEVER);
	said_failed(&said, 1, 1000);
	ck_assert_int_eq(entry->due_ms, 3000);
	said_done(&said, 7, 1); /* it was forgotten meanwhile */
	said_failed(&said, 7, 1);
	said_free(&said);
}
END_TEST

START_TEST(no_more_is_kept_than_fits)
{
	struct said said = {};

	said_begin(&said);
	for (uint64_t i = 0; i < SAID_MAX; i++)
		ck_assert_ptr_nonnull(said_want(&said, i, 1));
	ck_assert_ptr_null(said_want(&said, SAID_MAX, 1));
	ck_assert_ptr_nonnull(said_want(&said, 0, 1));
	ck_assert_ptr_nonnull(said_need(&said, SAID_MAX, 1));
	ck_assert_msg(said_want(&said, SAID_MAX, 1), "it is kept now");
	ck_assert_ptr_null(said_want(&said, SAID_MAX + 1, 1));
	said_free(&said);
}
END_TEST

CHECK_MAIN("report_said", CHECK_TEST(is_fresh_until_it_was_given_a_time),
	   CHECK_TEST(what_nobody_wants_is_forgotten), CHECK_TEST(failures_wait_longer_each_time),
	   CHECK_TEST(no_more_is_kept_than_fits))
