/* SPDX-License-Identifier: Apache-2.0 */
/* The main of tests that pin maps: each runs in a child whose mounts and maps end with it. */
#pragma once

#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "datapath/datapath.h"
#include "lib/check_main.h"

static char bpffs[] = "/tmp/weir-bpffs-XXXXXX";

static void own_mounts(void)
{
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_int_eq(datapath_mount(bpffs), 0);
}

/* With all programs and empty maps; the caller closes it. */
static inline struct datapath *open_datapath(void)
{
	struct datapath_config config = { .bpffs = bpffs };
	char error[DATAPATH_ERROR_MAX];
	struct datapath *dp;

	ck_assert_msg(!datapath_open(&dp, &config, error), "%s", error);
	return dp;
}

static int bpffs_run(const char *title, const struct check_row *rows, int count)
{
	Suite *suite = suite_create(title);
	TCase *tcase;
	int r;

	if (geteuid()) {
		puts("1..0 # SKIP needs root");
		return EXIT_SUCCESS;
	}
	if (!mkdtemp(bpffs))
		return EXIT_FAILURE;
	for (int i = 0; i < count; i++) {
		tcase = check_add(suite, rows[i].name, rows[i].test, rows[i].rows);
		tcase_add_checked_fixture(tcase, own_mounts, NULL);
	}
	r = check_run(suite);
	rmdir(bpffs);
	return r;
}

#define BPFFS_MAIN(title, ...)                                                          \
	int main(void)                                                                  \
	{                                                                               \
		const struct check_row rows[] = { __VA_ARGS__ };                        \
                                                                                        \
		return bpffs_run(title, rows, CHECK_COUNT(rows));                       \
	}
