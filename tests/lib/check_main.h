/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main() of a check test program, TAP on stdout:
 *
 *	CHECK_MAIN("ipam", CHECK_TEST(a_full_pool_refuses), CHECK_LOOP(prefixes, table))
 */
#pragma once

#include <check.h>
#include <stdlib.h>

#define CHECK_COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static inline int check_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static inline TCase *check_add(Suite *suite, const char *name, const TTest *test, int rows)
{
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, 60);
	if (rows)
		tcase_add_loop_test(tcase, test, 0, rows);
	else
		tcase_add_test(tcase, test);
	suite_add_tcase(suite, tcase);
	return tcase;
}

/* One row a test: its name, and the number of table rows (_i) or 0. */
struct check_row {
	const char *name;
	const TTest *test;
	int rows;
	const void *table; /* so that a table of which only the length counts is in use */
};

#define CHECK_TEST(test) { #test, test, 0, NULL }
#define CHECK_LOOP(test, table) { #test, test, CHECK_COUNT(table), table }

#define CHECK_MAIN(title, ...)                                                          \
	int main(void)                                                                  \
	{                                                                               \
		const struct check_row rows[] = { __VA_ARGS__ };                        \
		Suite *suite = suite_create(title);                                     \
                                                                                        \
		for (int i = 0; i < CHECK_COUNT(rows); i++)                             \
			check_add(suite, rows[i].name, rows[i].test, rows[i].rows);     \
		return check_run(suite);                                                \
	}
