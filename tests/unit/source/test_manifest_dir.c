// SPDX-License-Identifier: Apache-2.0
/* The directory itself: links in it, links to it, and its coming and going. */
#include "lib/check_main.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "manifest_world.h"

START_TEST(a_config_map_swap_is_one_change)
{
	make_dir("manifests/..1");
	make_dir("manifests/..2");
	in_place("manifests/..1/a.yaml", POLICY("front", 80));
	in_place("manifests/..1/b.yaml", POLICY("back", 80));
	in_place("manifests/..2/a.yaml", POLICY("front", 81));
	in_place("manifests/..2/b.yaml", POLICY("back", 81));
	make_link("..1", "manifests/..data");
	make_link("..data/a.yaml", "manifests/a.yaml");
	make_link("..data/b.yaml", "manifests/b.yaml");
	start();
	ck_assert_int_eq(port_of("front"), 80);
	make_link("..2", "manifests/..data_tmp");
	move("manifests/..data_tmp", "manifests/..data");
	expect_changes(1);
	drop("manifests/..1/a.yaml");
	drop("manifests/..1/b.yaml");
	drop("manifests/..1");
	expect_changes(1);
	ck_assert_int_eq(port_of("front"), 81);
	ck_assert_int_eq(port_of("back"), 81);
	ck_assert_uint_eq(problem_count(), 0);
}
END_TEST

/*
 * A lease on a file tells its holder that somebody is about to open it: from the
 * signal's handler, exchanges come exactly between two files of a pass.
 */
static struct exchange {
	char *from, *to;
	int lease;
	volatile sig_atomic_t done;
} exchange;

static void on_opened(int signum)
{
	exchange.done = rename(exchange.from, exchange.to) == 0;
	fcntl(exchange.lease, F_SETLEASE, F_UNLCK);
}

/* Exchange the link @to by the link @from while @name is being read. */
static void exchange_while(const char *name, const char *from, const char *to)
{
	const struct sigaction action = { .sa_handler = on_opened };
	const struct timespec now[2] = { { .tv_nsec = UTIME_NOW }, { .tv_nsec = UTIME_NOW } };

	exchange = (struct exchange){ path_of(from), path_of(to), open_file(name, O_RDONLY) };
	ck_assert_int_eq(sigaction(SIGIO, &action, NULL), 0);
	ck_assert_int_eq(futimens(exchange.lease, now), 0); /* so that it is read once more */
	ck_assert_int_eq(fcntl(exchange.lease, F_SETLEASE, F_WRLCK), 0);
}

static void exchange_end(void)
{
	ck_assert(exchange.done);
	close(exchange.lease);
	free(exchange.from);
	free(exchange.to);
}

static void check_versions_agree(void)
{
	ck_assert_int_eq(port_of("front"), port_of("back"));
}

/* Versions 1 and 2 of two policies, in the directories of these names. */
static void make_versions(const char *const dirs[2])
{
	static const char *const fronts[] = { POLICY("front", 80), POLICY("front", 81) };
	static const char *const backs[] = { POLICY("back", 80), POLICY("back", 81) };

	for (int i = 0; i < 2; i++) {
		cleanup(freep) char *a = NULL;
		cleanup(freep) char *b = NULL;

		ck_assert_int_gt(asprintf(&a, "%s/a.yaml", dirs[i]), 0);
		ck_assert_int_gt(asprintf(&b, "%s/b.yaml", dirs[i]), 0);
		make_dir(dirs[i]);
		in_place(a, fronts[i]);
		in_place(b, backs[i]);
	}
	w.on_change = check_versions_agree;
}

static void make_config_map(void)
{
	make_versions((const char *const[]){ "manifests/..1", "manifests/..2" });
	make_link("..1", "manifests/..data");
	make_link("..2", "manifests/..next");
	make_link("..data/a.yaml", "manifests/a.yaml");
	make_link("..data/b.yaml", "manifests/b.yaml");
}

START_TEST(a_config_map_that_is_swapped_between_two_files_is_read_again)
{
	make_config_map();
	start();
	exchange_while("manifests/..1/a.yaml", "manifests/..next", "manifests/..data");
	expect_changes(1);
	exchange_end();
	ck_assert_int_eq(port_of("front"), 81);
	ck_assert_uint_eq(problem_count(), 0);
}
END_TEST

START_TEST(a_directory_that_is_exchanged_between_two_files_is_read_again)
{
	drop("manifests");
	make_versions((const char *const[]){ "v1", "v2" });
	make_link("v1", "manifests");
	make_link("v2", "next");
	start();
	exchange_while("v1/a.yaml", "next", "manifests");
	expect_changes(1);
	exchange_end();
	ck_assert_int_eq(port_of("front"), 81);
	ck_assert_uint_eq(problem_count(), 0);
}
END_TEST

START_TEST(a_config_map_swapped_during_the_start_is_read_again)
{
	make_config_map();
	exchange_while("manifests/..1/a.yaml", "manifests/..next", "manifests/..data");
	start();
	exchange_end();
	ck_assert_int_eq(port_of("front"), 81);
	check_versions_agree();
}
END_TEST

/* The links follow one by one, and whoever makes them may end in between. */
START_TEST(what_a_config_map_holds_counts_before_its_links_follow)
{
	make_config_map();
	make_dir("manifests/..3");
	in_place("manifests/..3/b.yaml", POLICY("back", 82));
	in_place("manifests/..3/c.yaml", POLICY("front", 82));
	make_link("..3", "manifests/..new");
	start();
	move("manifests/..new", "manifests/..data");
	expect_changes(1);
	ck_assert_int_eq(port_of("front"), 82);
	ck_assert_uint_eq(problem_count(), 0);
	ck_assert_uint_eq(manifest_files(w.manifest), 2);
	make_link("..data/c.yaml", "manifests/c.yaml");
	drop("manifests/a.yaml");
	expect_changes(1);
	in_place("manifests/..3/c.yaml", POLICY("front", 82) NEXT BROKEN);
	expect_changes(1);
	expect_problem("manifests/c.yaml", "", "what it said before stays in force");
}
END_TEST

START_TEST(files_beside_a_config_map_count_too)
{
	make_config_map();
	in_place("manifests/own.yaml", POLICY("own", 80));
	in_place("elsewhere.yaml", POLICY("linked", 80));
	make_link("../elsewhere.yaml", "manifests/linked.yaml");
	start();
	ck_assert_uint_eq(store_count(w.store, OBJECT_NETWORK_POLICY), 4);
	in_place("manifests/own.yaml", POLICY("own", 81));
	in_place("elsewhere.yaml", POLICY("linked", 81));
	expect_changes(1);
	ck_assert_int_eq(port_of("own"), 81);
	ck_assert_int_eq(port_of("linked"), 81);
	ck_assert_int_eq(port_of("front"), 80);
}
END_TEST

START_TEST(the_target_of_a_link_is_watched)
{
	in_place("elsewhere.yaml", POLICY("front", 80));
	make_link("../elsewhere.yaml", "manifests/a.yaml");
	make_link("../elsewhere.yaml", "manifests/b.yaml");
	start();
	expect_problem("b.yaml", "NetworkPolicy shop/front", "a.yaml too; that one is in force");
	in_place("elsewhere.yaml", POLICY("front", 81));
	expect_changes(1);
	ck_assert_int_eq(port_of("front"), 81);
	drop("manifests/a.yaml");
	expect_changes(1);
	by_rename("elsewhere.yaml", POLICY("front", 82));
	expect_changes(2);
	ck_assert_int_eq(port_of("front"), 82);
	in_place("elsewhere.yaml", POLICY("front", 83));
	expect_changes(3);
	ck_assert_int_eq(port_of("front"), 83);
}
END_TEST

START_TEST(a_dangling_link_keeps_what_it_said)
{
	in_place("elsewhere.yaml", POLICY("front", 80));
	make_link("../elsewhere.yaml", "manifests/a.yaml");
	start();
	drop("elsewhere.yaml");
	expect_changes(0);
	ck_assert_int_eq(port_of("front"), 80);
	expect_problem("a.yaml", "", "cannot be read: No such file");
	in_place("elsewhere.yaml", POLICY("front", 81));
	expect_changes(1);
	ck_assert_int_eq(port_of("front"), 81);
	ck_assert_uint_eq(problem_count(), 0);
}
END_TEST

START_TEST(without_a_directory_there_is_no_start)
{
	drop("manifests");
	ck_assert_int_eq(try_start(), -ENOENT);
	in_place("manifests", "no directory");
	ck_assert_int_eq(try_start(), -ENOTDIR);
}
END_TEST

START_TEST(a_directory_may_come_back_with_all_that_leads_to_it)
{
	free(w.dir);
	w.dir = path_of("etc/weir/manifests/");
	make_dir("etc");
	make_dir("etc/weir");
	make_dir("etc/weir/manifests");
	start();
	drop("etc/weir/manifests");
	drop("etc/weir");
	drop("etc");
	run_for(SETTLE_MS);
	expect_problem("etc/weir/manifests", "", "cannot be read");
	make_dir("etc");
	run_for(SETTLE_MS);
	make_dir("etc/weir");
	make_dir("etc/weir/manifests");
	in_place("etc/weir/manifests/a.yaml", POLICY("front", 80));
	expect_changes(1);
	ck_assert_int_eq(port_of("front"), 80);
	ck_assert_uint_eq(problem_count(), 0);
	in_place("etc/weir/manifests/b.yaml", POLICY("back", 80));
	expect_changes(2);
	ck_assert_int_eq(port_of("back"), 80);
}
END_TEST

START_TEST(a_replaced_directory_is_watched_instead_of_the_old_one)
{
	in_place("manifests/a.yaml", POLICY("front", 80));
	in_place("manifests/b.yaml", POLICY("back", 80));
	make_dir("next");
	in_place("next/a.yaml", POLICY("front", 81));
	start();
	move("manifests", "old");
	move("next", "manifests");
	expect_changes(1);
	ck_assert_int_eq(port_of("front"), 81);
	ck_assert_int_eq(port_of("back"), 0);
	in_place("old/b.yaml", POLICY("back", 82));
	in_place("manifests/a.yaml", POLICY("front", 82));
	expect_changes(2);
	ck_assert_int_eq(port_of("front"), 82);
	ck_assert_int_eq(port_of("back"), 0);
}
END_TEST

START_TEST(a_directory_behind_a_link_follows_the_link)
{
	drop("manifests");
	make_dir("v1");
	make_dir("v2");
	in_place("v1/a.yaml", POLICY("front", 80));
	in_place("v2/a.yaml", POLICY("front", 81));
	make_link("v1", "manifests");
	start();
	make_link("v2", "next");
	move("next", "manifests");
	expect_changes(1);
	ck_assert_int_eq(port_of("front"), 81);
	in_place("v2/a.yaml", POLICY("front", 82));
	expect_changes(2);
	ck_assert_int_eq(port_of("front"), 82);
}
END_TEST

START_TEST(a_directory_that_goes_keeps_what_it_said)
{
	in_place("manifests/a.yaml", POLICY("front", 80));
	in_place("manifests/b.yaml", POLICY("back", 80));
	start();
	move("manifests", "elsewhere");
	run_for(SETTLE_MS);
	ck_assert_uint_eq(w.changes, 0);
	ck_assert_int_eq(port_of("front"), 80);
	expect_problem("manifests", "", "what it said before holds");
	make_dir("next");
	in_place("next/a.yaml", POLICY("front", 81));
	move("next", "manifests");
	expect_changes(1);
	ck_assert_int_eq(port_of("front"), 81);
	ck_assert_int_eq(port_of("back"), 0);
	ck_assert_uint_eq(problem_count(), 0);
}
END_TEST

MANIFEST_MAIN("manifest_dir",
	      CHECK_TEST(a_config_map_swap_is_one_change),
	      CHECK_TEST(a_config_map_that_is_swapped_between_two_files_is_read_again),
	      CHECK_TEST(a_directory_that_is_exchanged_between_two_files_is_read_again),
	      CHECK_TEST(a_config_map_swapped_during_the_start_is_read_again),
	      CHECK_TEST(what_a_config_map_holds_counts_before_its_links_follow),
	      CHECK_TEST(files_beside_a_config_map_count_too),
	      CHECK_TEST(the_target_of_a_link_is_watched),
	      CHECK_TEST(a_dangling_link_keeps_what_it_said),
	      CHECK_TEST(without_a_directory_there_is_no_start),
	      CHECK_TEST(a_directory_may_come_back_with_all_that_leads_to_it),
	      CHECK_TEST(a_replaced_directory_is_watched_instead_of_the_old_one),
	      CHECK_TEST(a_directory_behind_a_link_follows_the_link),
	      CHECK_TEST(a_directory_that_goes_keeps_what_it_said))
