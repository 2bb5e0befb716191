// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "lib/check_main.h"

#include "base/cleanup.h"
#include "base/code_pages.h"

#define PAGE 4096
#define PAGES 64

static const char constants[PAGES][PAGE] = { [0 ... PAGES - 1] = { 'c' } };
static const char *const relocated[] = { "one", "two" };
static char written[PAGE] = "initial";

/* KiB. */
static long resident_of_files(void)
{
	cleanup(fclosep) FILE *status = fopen("/proc/self/status", "re");
	char line[256];
	long size = -1;

	ck_assert_ptr_nonnull(status);
	while (size < 0 && fgets(line, sizeof(line), status))
		sscanf(line, "RssFile: %ld", &size);
	return size;
}

static int sum_of_constants(void)
{
	int sum = 0;

	for (int i = 0; i < PAGES; i++)
		sum += constants[i][0];
	return sum;
}

START_TEST(what_is_never_written_goes_and_comes_back)
{
	const char *volatile const *table = relocated;
	long before, after;

	strcpy(written, "changed");
	ck_assert_int_eq(sum_of_constants(), PAGES * 'c');
	before = resident_of_files();
	code_pages_drop();
	after = resident_of_files();
	ck_assert_int_lt(after, before - PAGES * PAGE / 1024 / 2);
	ck_assert_int_eq(sum_of_constants(), PAGES * 'c');
	ck_assert_str_eq(table[0], "one");
	ck_assert_str_eq(table[1], "two");
	ck_assert_str_eq(written, "changed");
}
END_TEST

CHECK_MAIN("code_pages", CHECK_TEST(what_is_never_written_goes_and_comes_back))
