// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include <event2/event.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "source/manifest.h"

#define PATIENCE_MS 5000
#define SETTLE_MS 300 /* longer than any debounce */

#define POLICY(name, port)                                                                     \
	"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"                              \
	"metadata: {namespace: shop, name: " name "}\n"                                        \
	"spec:\n  podSelector: {}\n  ingress:\n  - ports:\n    - port: " #port "\n"
#define NEXT "---\n"

struct world {
	char *root;
	char *dir;
	struct event_base *base;
	struct store *store;
	struct manifest *manifest;
	unsigned int changes, looks;
};

static struct world w;

static void on_changed(void *arg)
{
	struct world *world = arg;

	world->changes++;
}

static void on_looked(void *arg)
{
	struct world *world = arg;

	world->looks++;
}

static void start(void)
{
	const struct manifest_listener listener = { &w, on_changed, on_looked };

	ck_assert_int_eq(manifest_new(&w.manifest, w.base, w.store, w.dir, &listener), 0);
	ck_assert_uint_eq(w.changes, 0);
}

static void world_new(void)
{
	char root[] = "/tmp/weir-test-XXXXXX";

	ck_assert_ptr_nonnull(mkdtemp(root));
	w = (struct world){ .root = strdup(root), .base = event_base_new() };
	ck_assert_int_gt(asprintf(&w.dir, "%s/manifests", root), 0);
	ck_assert_int_eq(mkdir(w.dir, 0755), 0);
	ck_assert_int_eq(store_new(&w.store), 0);
}

static void world_free(void)
{
	cleanup(freep) char *command = NULL;

	manifest_freep(&w.manifest);
	store_freep(&w.store);
	event_base_free(w.base);
	ck_assert_int_gt(asprintf(&command, "rm -rf %s", w.root), 0);
	ck_assert_int_eq(system(command), 0);
	free(w.dir);
	free(w.root);
}

/* A path below the root of the test; the caller frees it. */
static char *path_of(const char *name)
{
	char *path;

	ck_assert_int_gt(asprintf(&path, "%s/%s", w.root, name), 0);
	return path;
}

static int open_file(const char *name, int flags)
{
	cleanup(freep) char *path = path_of(name);
	int fd = open(path, flags | O_CLOEXEC, 0644);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void write_text(int fd, const char *text)
{
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void in_place(const char *name, const char *text)
{
	cleanup(closep) int fd = open_file(name, O_WRONLY | O_CREAT | O_TRUNC);

	write_text(fd, text);
}

static void move(const char *from, const char *to)
{
	cleanup(freep) char *from_path = path_of(from);
	cleanup(freep) char *to_path = path_of(to);

	ck_assert_int_eq(rename(from_path, to_path), 0);
}

static void by_rename(const char *name, const char *text)
{
	in_place("new", text);
	move("new", name);
}

static void drop(const char *name)
{
	cleanup(freep) char *path = path_of(name);

	ck_assert_int_eq(remove(path), 0);
}

static void make_dir(const char *name)
{
	cleanup(freep) char *path = path_of(name);

	ck_assert_int_eq(mkdir(path, 0755), 0);
}

static void make_link(const char *target, const char *name)
{
	cleanup(freep) char *path = path_of(name);

	ck_assert_int_eq(symlink(target, path), 0);
}

static int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void run_for(int ms)
{
	const struct timeval time = { ms / 1000, ms % 1000 * 1000 };

	event_base_loopexit(w.base, &time);
	event_base_dispatch(w.base);
}

/* Waits until @count changes were announced, and that no more come. */
static void expect_changes(unsigned int count)
{
	int64_t end = clock_ms() + PATIENCE_MS;

	while (w.changes < count && clock_ms() < end)
		run_for(10);
	run_for(SETTLE_MS);
	ck_assert_uint_eq(w.changes, count);
}

/* The port of the policy that the store has, 0: it has none. */
static int port_of(const char *name)
{
	const struct object *obj = store_get(w.store, OBJECT_NETWORK_POLICY, "shop", name);

	return obj ? obj->policy.rules[POLICY_INGRESS][0].ports[0].first : 0;
}

static size_t problem_count(void)
{
	size_t count;

	manifest_problems(w.manifest, &count);
	return count;
}

static void expect_problem(const char *file, const char *object, const char *text)
{
	const struct manifest_problem *problems;
	size_t count;

	problems = manifest_problems(w.manifest, &count);
	for (size_t i = 0; i < count; i++)
		if (strstr(problems[i].file, file) && !strcmp(problems[i].object, object) &&
		    strstr(problems[i].text, text))
			return;
	for (size_t i = 0; i < count; i++)
		fprintf(stderr, "# %s: %s: %s\n", problems[i].file, problems[i].object,
			problems[i].text);
	ck_abort_msg("no problem of %s says: %s", file, text);
}

START_TEST(what_is_there_is_read_before_the_start_returns)
{
	in_place("manifests/a.yaml", POLICY("front", 80));
	in_place("manifests/b.yml", POLICY("back", 81) NEXT POLICY("db", 82));
	in_place("manifests/c.json", "{\"apiVersion\": \"v1\", \"kind\": \"Namespace\", "
				     "\"metadata\": {\"name\": \"shop\"}}");
	in_place("manifests/.hidden.yaml", POLICY("hidden", 83));
	in_place("manifests/notes.txt", POLICY("notes", 84));
	start();
	ck_assert_int_eq(port_of("front"), 80);
	ck_assert_int_eq(port_of("back"), 81);
	ck_assert_int_eq(port_of("db"), 82);
	ck_assert_ptr_nonnull(store_get(w.store, OBJECT_NAMESPACE, "", "shop"));
	ck_assert_uint_eq(store_count(w.store, OBJECT_NETWORK_POLICY), 3);
	ck_assert_uint_eq(manifest_files(w.manifest), 3);
	ck_assert_uint_eq(problem_count(), 0);
}
END_TEST

START_TEST(a_renamed_file_is_one_change)
{
	start();
	by_rename("manifests/a.yaml", POLICY("front", 80));
	expect_changes(1);
	ck_assert_int_eq(port_of("front"), 80);
	by_rename("manifests/a.yaml", POLICY("front", 81));
	expect_changes(2);
	ck_assert_int_eq(port_of("front"), 81);
}
END_TEST

START_TEST(a_same_size_rewrite_is_seen_however_soon_it_comes)
{
	in_place("manifests/a.yaml", POLICY("front", 80));
	start();
	for (unsigned int i = 1; i <= 5; i++) {
		in_place("manifests/a.yaml", i % 2 ? POLICY("front", 81) : POLICY("front", 80));
		expect_changes(i);
		ck_assert_int_eq(port_of("front"), 80 + i % 2);
	}
}
END_TEST

START_TEST(a_half_written_file_keeps_what_it_said)
{
	cleanup(closep) int fd = -1;

	in_place("manifests/a.yaml", POLICY("front", 80) NEXT POLICY("back", 80));
	start();
	fd = open_file("manifests/a.yaml", O_WRONLY | O_TRUNC);
	write_text(fd, POLICY("front", 81));
	run_for(SETTLE_MS);
	ck_assert_int_eq(port_of("front"), 80);
	ck_assert_int_eq(port_of("back"), 80);
	write_text(fd, NEXT POLICY("back", 81));
	close(take_fd(&fd));
	expect_changes(1);
	ck_assert_int_eq(port_of("front"), 81);
	ck_assert_int_eq(port_of("back"), 81);
}
END_TEST

START_TEST(a_closed_file_is_read_at_once)
{
	start();
	in_place("manifests/a.yaml", POLICY("front", 80));
	run_for(SETTLE_MS);
	ck_assert_uint_eq(w.changes, 1);
}
END_TEST

START_TEST(a_writer_that_falls_silent_is_not_waited_for)
{
	cleanup(closep) int fd = -1;

	start();
	fd = open_file("manifests/a.yaml", O_WRONLY | O_CREAT);
	write_text(fd, POLICY("front", 81));
	expect_changes(1);
	ck_assert_int_eq(port_of("front"), 81);
}
END_TEST

START_TEST(an_emptied_file_has_a_second_to_fill)
{
	in_place("manifests/a.yaml", POLICY("front", 80));
	start();
	in_place("manifests/a.yaml", "");
	run_for(SETTLE_MS);
	ck_assert_int_eq(port_of("front"), 80);
	expect_problem("a.yaml", "", "is empty, perhaps still being written; what it said before");
	in_place("manifests/a.yaml", POLICY("front", 81));
	expect_changes(1);
	ck_assert_int_eq(port_of("front"), 81);
	ck_assert_uint_eq(problem_count(), 0);
	in_place("manifests/a.yaml", "");
	expect_changes(2);
	ck_assert_int_eq(port_of("front"), 0);
	ck_assert_uint_eq(problem_count(), 0);
}
END_TEST

START_TEST(a_deleted_file_takes_its_objects_with_it)
{
	in_place("manifests/a.yaml", POLICY("front", 80));
	in_place("manifests/b.yaml", POLICY("back", 80));
	start();
	drop("manifests/a.yaml");
	expect_changes(1);
	ck_assert_int_eq(port_of("front"), 0);
	ck_assert_int_eq(port_of("back"), 80);
	ck_assert_uint_eq(manifest_files(w.manifest), 1);
}
END_TEST

START_TEST(a_file_under_another_name_says_the_same)
{
	in_place("manifests/a.yaml", POLICY("front", 80));
	start();
	move("manifests/a.yaml", "manifests/z.yaml");
	expect_changes(0);
	ck_assert_int_eq(port_of("front"), 80);
	by_rename("manifests/z.yaml", POLICY("front", 81));
	expect_changes(1);
	ck_assert_int_eq(port_of("front"), 81);
}
END_TEST

START_TEST(comments_change_nothing)
{
	in_place("manifests/a.yaml", POLICY("front", 80) NEXT POLICY("back", 80));
	start();
	by_rename("manifests/a.yaml",
		  "# why\n" POLICY("front", 80) "# because\n" NEXT POLICY("back", 80));
	expect_changes(0);
	ck_assert_int_eq(port_of("front"), 80);
	drop("manifests/a.yaml");
	expect_changes(1);
	ck_assert_int_eq(port_of("front"), 0);
}
END_TEST

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

START_TEST(a_directory_may_appear_later)
{
	drop("manifests");
	free(w.dir);
	w.dir = path_of("etc/weir/manifests/");
	start();
	ck_assert_uint_eq(problem_count(), 0);
	make_dir("etc");
	run_for(SETTLE_MS);
	make_dir("etc/weir");
	make_dir("etc/weir/manifests");
	in_place("etc/weir/manifests/a.yaml", POLICY("front", 80));
	expect_changes(1);
	ck_assert_int_eq(port_of("front"), 80);
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

START_TEST(a_directory_that_goes_takes_its_objects_with_it)
{
	in_place("manifests/a.yaml", POLICY("front", 80));
	start();
	drop("manifests/a.yaml");
	drop("manifests");
	expect_changes(1);
	ck_assert_int_eq(port_of("front"), 0);
	make_dir("manifests");
	in_place("manifests/a.yaml", POLICY("front", 81));
	expect_changes(2);
	ck_assert_int_eq(port_of("front"), 81);
}
END_TEST

START_TEST(the_first_file_by_name_wins_and_the_next_steps_in)
{
	in_place("manifests/b.yaml", POLICY("front", 81));
	in_place("manifests/c.yaml", POLICY("front", 82));
	start();
	ck_assert_int_eq(port_of("front"), 81);
	expect_problem("c.yaml", "NetworkPolicy shop/front", "manifests/b.yaml too");
	in_place("manifests/a.yaml", POLICY("front", 80));
	expect_changes(1);
	ck_assert_int_eq(port_of("front"), 80);
	expect_problem("b.yaml", "NetworkPolicy shop/front", "manifests/a.yaml too");
	in_place("manifests/c.yaml", POLICY("front", 83));
	expect_changes(1);
	drop("manifests/a.yaml");
	expect_changes(2);
	ck_assert_int_eq(port_of("front"), 81);
	drop("manifests/b.yaml");
	expect_changes(3);
	ck_assert_int_eq(port_of("front"), 83);
	ck_assert_uint_eq(problem_count(), 0);
	drop("manifests/c.yaml");
	expect_changes(4);
	ck_assert_int_eq(port_of("front"), 0);
}
END_TEST

START_TEST(equal_objects_in_two_files_change_hands_silently)
{
	in_place("manifests/b.yaml", POLICY("front", 80));
	start();
	in_place("manifests/a.yaml", POLICY("front", 80));
	expect_changes(0);
	expect_problem("b.yaml", "NetworkPolicy shop/front", "manifests/a.yaml too");
	drop("manifests/a.yaml");
	expect_changes(0);
	ck_assert_int_eq(port_of("front"), 80);
	ck_assert_uint_eq(problem_count(), 0);
	in_place("manifests/a.yaml", POLICY("front", 81));
	expect_changes(1);
	ck_assert_int_eq(port_of("front"), 81);
}
END_TEST

START_TEST(a_loser_that_broke_still_steps_in)
{
	in_place("manifests/b.yaml", POLICY("front", 80));
	start();
	in_place("manifests/a.yaml", POLICY("front", 80));
	run_for(SETTLE_MS);
	in_place("manifests/b.yaml", "kind: [unfinished\n");
	run_for(SETTLE_MS);
	in_place("manifests/a.yaml", POLICY("front", 81));
	expect_changes(1);
	ck_assert_int_eq(port_of("front"), 81);
	drop("manifests/a.yaml");
	expect_changes(2);
	ck_assert_int_eq(port_of("front"), 80);
}
END_TEST

START_TEST(an_object_twice_in_one_file_is_reported)
{
	in_place("manifests/a.yaml", POLICY("front", 80) NEXT POLICY("front", 81));
	start();
	ck_assert_int_eq(port_of("front"), 80);
	expect_problem("a.yaml", "NetworkPolicy shop/front", "twice in the file");
	in_place("manifests/a.yaml", POLICY("front", 81));
	expect_changes(1);
	ck_assert_int_eq(port_of("front"), 81);
	ck_assert_uint_eq(problem_count(), 0);
}
END_TEST

START_TEST(a_broken_file_keeps_what_it_said_until_it_is_mended)
{
	in_place("manifests/a.yaml", POLICY("front", 80));
	start();
	in_place("manifests/a.yaml", POLICY("front", 81) NEXT "kind: [unfinished\n");
	expect_changes(0);
	ck_assert_int_eq(port_of("front"), 80);
	ck_assert_uint_eq(problem_count(), 1);
	expect_problem("a.yaml", "", "what it said before stays in force");
	in_place("manifests/a.yaml", POLICY("front", 82));
	expect_changes(1);
	ck_assert_int_eq(port_of("front"), 82);
	ck_assert_uint_eq(problem_count(), 0);
}
END_TEST

START_TEST(a_broken_file_stays_the_winner_of_what_only_the_store_has)
{
	in_place("manifests/b.yaml", POLICY("front", 81));
	start();
	in_place("manifests/b.yaml", "kind: [unfinished\n");
	run_for(SETTLE_MS);
	in_place("manifests/a.yaml", POLICY("front", 80));
	expect_changes(0);
	ck_assert_int_eq(port_of("front"), 81);
	expect_problem("a.yaml", "NetworkPolicy shop/front", "manifests/b.yaml too");
	drop("manifests/a.yaml");
	expect_changes(0);
	ck_assert_int_eq(port_of("front"), 81);
	in_place("manifests/a.yaml", POLICY("front", 80));
	in_place("manifests/b.yaml", POLICY("front", 82));
	expect_changes(1);
	ck_assert_int_eq(port_of("front"), 80);
}
END_TEST

START_TEST(an_object_that_became_undecodable_keeps_its_previous_version)
{
	in_place("manifests/a.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {namespace: shop, "
				     "name: p, labels: {app: front}}\n" NEXT POLICY("front", 80));
	start();
	in_place("manifests/a.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {namespace: shop, "
				     "name: p, labels: [wrong]}\n" NEXT POLICY("front", 81));
	expect_changes(1);
	ck_assert_int_eq(port_of("front"), 81);
	ck_assert_ptr_nonnull(store_get(w.store, OBJECT_POD, "shop", "p"));
	ck_assert_uint_ge(problem_count(), 1);
	in_place("manifests/a.yaml", POLICY("front", 81));
	expect_changes(2);
	ck_assert_ptr_null(store_get(w.store, OBJECT_POD, "shop", "p"));
	ck_assert_uint_eq(problem_count(), 0);
}
END_TEST

START_TEST(what_is_no_file_is_reported_and_not_waited_for)
{
	cleanup(freep) char *fifo = path_of("manifests/fifo.yaml");
	cleanup(closep) int fd = -1;

	make_dir("manifests/dir.yaml");
	ck_assert_int_eq(mkfifo(fifo, 0644), 0);
	make_link(".", "manifests/loop.yaml");
	fd = open_file("manifests/huge.yaml", O_WRONLY | O_CREAT);
	ck_assert_int_eq(ftruncate(fd, (16 << 20) + 1), 0);
	in_place("manifests/z.yaml", POLICY("front", 80));
	start();
	ck_assert_int_eq(port_of("front"), 80);
	ck_assert_uint_eq(problem_count(), 4);
	expect_problem("dir.yaml", "", "is not a regular file");
	expect_problem("fifo.yaml", "", "is not a regular file");
	expect_problem("loop.yaml", "", "is not a regular file");
	expect_problem("huge.yaml", "", "is larger than 16 MiB");
	in_place("manifests/z.yaml", POLICY("front", 81));
	expect_changes(1);
	ck_assert_uint_eq(manifest_files(w.manifest), 1);
}
END_TEST

static void many_files(unsigned int count, const char *format, unsigned int port)
{
	for (unsigned int i = 0; i < count; i++) {
		cleanup(freep) char *name = NULL;
		cleanup(freep) char *text = NULL;

		ck_assert_int_gt(asprintf(&name, "manifests/%u.yaml", i), 0);
		ck_assert_int_gt(asprintf(&text, format, i, port), 0);
		in_place(name, text);
	}
}

static const char numbered[] = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
			       "metadata: {namespace: shop, name: p%u}\n"
			       "spec:\n  podSelector: {}\n  ingress:\n  - ports:\n    - port: %u\n";

START_TEST(a_burst_over_300_files_is_one_change)
{
	start();
	many_files(300, numbered, 80);
	expect_changes(1);
	ck_assert_uint_eq(store_count(w.store, OBJECT_NETWORK_POLICY), 300);
	ck_assert_uint_eq(manifest_files(w.manifest), 300);
	many_files(300, numbered, 81);
	expect_changes(2);
	ck_assert_int_eq(port_of("p0"), 81);
	ck_assert_int_eq(port_of("p299"), 81);
	for (unsigned int i = 0; i < 300; i += 2) {
		cleanup(freep) char *name = NULL;

		ck_assert_int_gt(asprintf(&name, "manifests/%u.yaml", i), 0);
		drop(name);
	}
	expect_changes(3);
	ck_assert_uint_eq(store_count(w.store, OBJECT_NETWORK_POLICY), 150);
	ck_assert_uint_eq(problem_count(), 0);
}
END_TEST

START_TEST(files_that_follow_each_other_closely_are_one_change)
{
	const char *const names[] = { "manifests/a.yaml", "manifests/b.yaml", "manifests/c.yaml" };
	const char *const texts[] = { POLICY("a", 80), POLICY("b", 80), POLICY("c", 80) };

	start();
	for (int i = 0; i < CHECK_COUNT(names); i++) {
		in_place(names[i], texts[i]);
		run_for(2);
	}
	expect_changes(1);
	ck_assert_uint_eq(store_count(w.store, OBJECT_NETWORK_POLICY), 3);
}
END_TEST

START_TEST(an_endless_burst_does_not_hold_changes_back)
{
	int64_t end;

	start();
	by_rename("manifests/a.yaml", POLICY("front", 80));
	end = clock_ms() + 400;
	while (clock_ms() < end) {
		in_place("manifests/noise.txt", "");
		run_for(5);
	}
	ck_assert_uint_eq(w.changes, 1);
	ck_assert_int_eq(port_of("front"), 80);
}
END_TEST

START_TEST(lost_events_lead_to_a_look_at_everything)
{
	cleanup(freep) char *limit = NULL;
	size_t size = 0;
	FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
	long events;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_gt(getline(&limit, &size, file), 0);
	fclose(file);
	events = atol(limit);
	if (events > 100000)
		return;
	start();
	/* The loop does not run meanwhile: a create and a delete an event each, and more. */
	for (long i = 0; i < events; i++) {
		in_place("manifests/noise.txt", "");
		drop("manifests/noise.txt");
	}
	in_place("manifests/a.yaml", POLICY("front", 80));
	expect_changes(1);
	ck_assert_int_eq(port_of("front"), 80);
}
END_TEST

int main(void)
{
	const struct check_row rows[] = {
		CHECK_TEST(what_is_there_is_read_before_the_start_returns),
		CHECK_TEST(a_renamed_file_is_one_change),
		CHECK_TEST(a_same_size_rewrite_is_seen_however_soon_it_comes),
		CHECK_TEST(a_half_written_file_keeps_what_it_said),
		CHECK_TEST(a_closed_file_is_read_at_once),
		CHECK_TEST(a_writer_that_falls_silent_is_not_waited_for),
		CHECK_TEST(an_emptied_file_has_a_second_to_fill),
		CHECK_TEST(a_deleted_file_takes_its_objects_with_it),
		CHECK_TEST(a_file_under_another_name_says_the_same),
		CHECK_TEST(comments_change_nothing),
		CHECK_TEST(a_config_map_swap_is_one_change),
		CHECK_TEST(the_target_of_a_link_is_watched),
		CHECK_TEST(a_dangling_link_keeps_what_it_said),
		CHECK_TEST(a_directory_may_appear_later),
		CHECK_TEST(a_replaced_directory_is_watched_instead_of_the_old_one),
		CHECK_TEST(a_directory_behind_a_link_follows_the_link),
		CHECK_TEST(a_directory_that_goes_takes_its_objects_with_it),
		CHECK_TEST(the_first_file_by_name_wins_and_the_next_steps_in),
		CHECK_TEST(equal_objects_in_two_files_change_hands_silently),
		CHECK_TEST(a_loser_that_broke_still_steps_in),
		CHECK_TEST(an_object_twice_in_one_file_is_reported),
		CHECK_TEST(a_broken_file_keeps_what_it_said_until_it_is_mended),
		CHECK_TEST(a_broken_file_stays_the_winner_of_what_only_the_store_has),
		CHECK_TEST(an_object_that_became_undecodable_keeps_its_previous_version),
		CHECK_TEST(what_is_no_file_is_reported_and_not_waited_for),
		CHECK_TEST(a_burst_over_300_files_is_one_change),
		CHECK_TEST(files_that_follow_each_other_closely_are_one_change),
		CHECK_TEST(an_endless_burst_does_not_hold_changes_back),
		CHECK_TEST(lost_events_lead_to_a_look_at_everything),
	};
	Suite *suite = suite_create("manifest");
	TCase *tcase;

	for (int i = 0; i < CHECK_COUNT(rows); i++) {
		tcase = tcase_create(rows[i].name);
		tcase_set_timeout(tcase, 60);
		tcase_add_checked_fixture(tcase, world_new, world_free);
		tcase_add_test(tcase, rows[i].test);
		suite_add_tcase(suite, tcase);
	}
	return check_run(suite);
}
