// SPDX-License-Identifier: Apache-2.0
#include "checked.h"

#include <check.h>
#include <stddef.h>

#include "figure.h"

static void (*measure_everything)(void);

START_TEST(everything_is_measured)
{
	measure_everything();
}
END_TEST

int run_checked(const char *name, void (*measure)(void))
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner = srunner_create(suite);
	int failed;

	measure_everything = measure;
	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, everything_is_measured);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	if (failed)
		srunner_print(runner, CK_NORMAL);
	else
		figures_print();
	srunner_free(runner);
	return failed ? 1 : 0;
}
