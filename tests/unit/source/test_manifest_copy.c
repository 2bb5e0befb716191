// SPDX-License-Identifier: Apache-2.0
/* What an agent that starts knows of files that it cannot use. */
#include "lib/check_main.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "manifest_world.h"
#include "source/manifest_copy.h"
#include "source/yaml.h"

#define COPIES "state/manifest-copies/"

#define POD(labels) \
	"apiVersion: v1\nkind: Pod\nmetadata: {namespace: shop, name: p, labels: " labels "}\n"
#define GOOD_POD POD("{app: front}")
#define WRONG_POD POD("[wrong]")

/* An agent ends, and the next one starts. */
static void stop(void)
{
	manifest_freep(&w.manifest);
	w.manifest = NULL;
	store_freep(&w.store);
	ck_assert_int_eq(store_new(&w.store), 0);
	w.changes = 0;
}

static void start_with_state(void)
{
	if (!w.state)
		w.state = path_of("state");
	start();
}

/* Behind the text is the line that ends it, or before that what stays in force beside it. */
static bool has_copy(const char *name, const char *text)
{
	cleanup(freep) char *path = path_of(name);
	cleanup(freep) char *found = NULL;
	const char *rest;

	if (file_read(&found, NULL, path, YAML_TEXT_MAX) < 0)
		return !text;
	if (!text || strncmp(found, text, strlen(text)) != 0)
		return false;
	rest = found + strlen(text);
	return !strncmp(rest, "\n# weir ", 8) || !strncmp(rest, "\n---\n{", 6);
}

static bool is_reported(const char *file, const char *text)
{
	const struct manifest_problem *problems;
	size_t count;

	problems = manifest_problems(w.manifest, &count);
	for (size_t i = 0; i < count; i++)
		if (strstr(problems[i].file, file) && strstr(problems[i].text, text))
			return true;
	return false;
}

/* Waits for a problem of the copies, NULL: for none. */
static void expect_trouble(const char *text)
{
	int64_t end = clock_ms() + PATIENCE_MS;

	while (is_reported("state/manifest-copies", text ?: "") != !!text && clock_ms() < end)
		run_for(5);
	ck_assert_int_eq(is_reported("state/manifest-copies", text ?: ""), !!text);
}

/* Waits until the copy says @text, NULL: is not there. */
static void expect_copy(const char *name, const char *text)
{
	int64_t end = clock_ms() + PATIENCE_MS;

	while (!has_copy(name, text) && clock_ms() < end)
		run_for(5);
	ck_assert_msg(has_copy(name, text), "%s", name);
}

static struct stat stat_of(const char *name)
{
	cleanup(freep) char *path = path_of(name);
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return st;
}

static bool has_pod(void)
{
	return store_get(w.store, OBJECT_POD, "shop", "p");
}

/* Run by an agent that has a copy of one file, and is away now. */
static void copy_and_stop(const char *text)
{
	in_place("manifests/a.yaml", text);
	start_with_state();
	expect_copy(COPIES "a.yaml", text);
	stop();
}

static void make_broken(void)
{
	in_place("manifests/a.yaml", BROKEN);
}

static void make_partly_broken(void)
{
	in_place("manifests/a.yaml", POLICY("front", 81) NEXT POLICY("more", 80) NEXT BROKEN);
}

static void make_empty(void)
{
	in_place("manifests/a.yaml", "");
}

static void make_directory(void)
{
	drop("manifests/a.yaml");
	make_dir("manifests/a.yaml");
}

static void make_dangling(void)
{
	drop("manifests/a.yaml");
	make_link("nowhere", "manifests/a.yaml");
}

static void make_endless(void)
{
	drop("manifests/a.yaml");
	make_link("a.yaml", "manifests/a.yaml");
}

static void make_huge(void)
{
	cleanup(closep) int fd = open_file("manifests/a.yaml", O_WRONLY);

	ck_assert_int_eq(ftruncate(fd, YAML_TEXT_MAX + 1), 0);
}

static const struct {
	void (*make)(void);
	const char *says;
} unusable[] = {
	{ make_broken, "not YAML" },
	{ make_partly_broken, "not YAML" },
	{ make_empty, "is empty, perhaps still being written" },
	{ make_directory, "is not a regular file" },
	{ make_dangling, "cannot be read: No such file" },
	{ make_endless, "cannot be read: Too many levels" },
	{ make_huge, "is larger than 16 MiB" },
};

START_TEST(a_file_that_cannot_be_used_at_the_start_says_what_its_copy_says)
{
	copy_and_stop(POLICY("front", 80) NEXT POLICY("back", 80));
	unusable[_i].make();
	start_with_state();
	ck_assert_int_eq(port_of("front"), 80);
	ck_assert_int_eq(port_of("back"), 80);
	ck_assert_uint_eq(store_count(w.store, OBJECT_NETWORK_POLICY), 2);
	ck_assert_uint_eq(problem_count(), 1);
	expect_problem("manifests/a.yaml", "", unusable[_i].says);
	expect_problem("manifests/a.yaml", "", "; the version of 2");
	expect_problem("manifests/a.yaml", "", "Z stays in force");
	ck_assert_uint_eq(manifest_files(w.manifest), 0);
}
END_TEST

START_TEST(a_mended_file_replaces_the_copy)
{
	copy_and_stop(POLICY("front", 80));
	make_broken();
	start_with_state();
	in_place("manifests/a.yaml", POLICY("back", 81));
	await_changes(1);
	ck_assert_int_eq(port_of("front"), 0);
	ck_assert_int_eq(port_of("back"), 81);
	ck_assert_uint_eq(problem_count(), 0);
	expect_copy(COPIES "a.yaml", POLICY("back", 81));
}
END_TEST

START_TEST(a_file_that_stays_empty_says_nothing_in_the_end)
{
	copy_and_stop(POLICY("front", 80));
	make_empty();
	start_with_state();
	ck_assert_int_eq(port_of("front"), 80);
	await_changes(1);
	ck_assert_int_eq(port_of("front"), 0);
	expect_copy(COPIES "a.yaml", "");
}
END_TEST

START_TEST(an_object_that_is_refused_at_the_start_has_the_version_of_the_copy)
{
	copy_and_stop(GOOD_POD NEXT POLICY("front", 80));
	in_place("manifests/a.yaml", WRONG_POD NEXT POLICY("front", 81));
	start_with_state();
	ck_assert(has_pod());
	ck_assert_int_eq(port_of("front"), 81);
	expect_problem("a.yaml", "Pod shop/p", "; its version of 2");
	in_place("manifests/a.yaml", POLICY("front", 81));
	await_changes(1);
	ck_assert(!has_pod());
}
END_TEST

/* Otherwise a text with one refused object would take that out of the copy. */
START_TEST(what_stays_in_force_of_a_file_stays_in_its_copy)
{
	struct stat before;

	copy_and_stop(POLICY("old", 80) NEXT GOOD_POD);
	start_with_state();
	in_place("manifests/a.yaml", WRONG_POD NEXT POLICY("front", 80));
	await_changes(1);
	in_place("manifests/a.yaml", WRONG_POD NEXT POLICY("front", 81) NEXT POLICY("back", 81));
	await_changes(2);
	expect_copy(COPIES "a.yaml", WRONG_POD NEXT POLICY("front", 81) NEXT POLICY("back", 81));
	stop();
	before = stat_of(COPIES "a.yaml");
	start_with_state();
	ck_assert(has_pod());
	run_for(SETTLE_MS);
	ck_assert_uint_eq(stat_of(COPIES "a.yaml").st_ino, before.st_ino);
	stop();
	make_broken();
	start_with_state();
	ck_assert(has_pod());
	ck_assert_int_eq(port_of("front"), 81);
	ck_assert_int_eq(port_of("back"), 81);
	ck_assert_int_eq(port_of("old"), 0);
}
END_TEST

START_TEST(elements_of_a_list_stay_in_the_copy_with_their_kind)
{
	copy_and_stop("{\"apiVersion\": \"v1\", \"kind\": \"PodList\", \"items\": [{\"metadata\": "
		      "{\"namespace\": \"shop\", \"name\": \"p\"}}]}");
	start_with_state();
	in_place("manifests/a.yaml", "kind: Pod\n" NEXT POLICY("front", 80));
	expect_copy(COPIES "a.yaml", "kind: Pod\n" NEXT POLICY("front", 80));
	stop();
	make_broken();
	start_with_state();
	ck_assert(has_pod());
	ck_assert_int_eq(port_of("front"), 80);
}
END_TEST

/* JSON with such an escape is no YAML, and nothing can be added to it. */
START_TEST(a_copy_that_could_not_be_read_is_not_written)
{
	copy_and_stop(GOOD_POD);
	start_with_state();
	in_place("manifests/a.yaml",
		 "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"x\": \"\\ud83d\\ude00\","
		 " \"items\": [{\"apiVersion\": \"v1\", \"kind\": \"Pod\"}]}");
	expect_trouble("it is no YAML");
	ck_assert(has_pod());
	expect_copy(COPIES "a.yaml", GOOD_POD);
}
END_TEST

START_TEST(the_copy_of_a_file_that_is_gone_is_gone)
{
	in_place("manifests/a.yaml", POLICY("front", 80));
	in_place("manifests/b.yaml", POLICY("back", 80));
	start_with_state();
	expect_copy(COPIES "a.yaml", POLICY("front", 80));
	expect_copy(COPIES "b.yaml", POLICY("back", 80));
	drop("manifests/a.yaml");
	expect_copy(COPIES "a.yaml", NULL);
	stop();
	drop("manifests/b.yaml");
	in_place("manifests/a.yaml", BROKEN);
	in_place(COPIES "c.yaml.new", "half of");
	start_with_state();
	ck_assert_uint_eq(store_count(w.store, OBJECT_NETWORK_POLICY), 0);
	expect_copy(COPIES "b.yaml", NULL);
	expect_copy(COPIES "c.yaml.new", NULL);
}
END_TEST

START_TEST(another_directory_does_not_inherit_copies)
{
	copy_and_stop(POLICY("front", 80));
	free(w.dir);
	w.dir = path_of("others");
	make_dir("others");
	in_place("others/a.yaml", BROKEN);
	start_with_state();
	ck_assert_int_eq(port_of("front"), 0);
	expect_copy(COPIES "a.yaml", NULL);
	stop();
	free(w.dir);
	w.dir = path_of("manifests");
	make_broken();
	start_with_state();
	ck_assert_int_eq(port_of("front"), 0);
}
END_TEST

START_TEST(a_directory_that_was_named_by_mistake_takes_no_copies_away)
{
	copy_and_stop(POLICY("front", 80));
	free(w.dir);
	w.dir = path_of("manifest");
	ck_assert_int_eq(try_start(), -ENOENT);
	free(w.dir);
	w.dir = path_of("manifests");
	make_broken();
	start_with_state();
	ck_assert_int_eq(port_of("front"), 80);
}
END_TEST

START_TEST(the_manifests_are_never_taken_for_copies)
{
	free(w.dir);
	w.dir = path_of("state/manifest-copies");
	make_dir("state");
	make_dir("state/manifest-copies");
	in_place(COPIES "a.yaml", POLICY("front", 80));
	in_place(COPIES "b.yaml.new", "mine");
	start_with_state();
	run_for(SETTLE_MS);
	ck_assert_int_eq(port_of("front"), 80);
	expect_trouble("the directory of the manifests is at their place");
	ck_assert_int_gt(stat_of(COPIES "a.yaml").st_size, 0);
	ck_assert_int_gt(stat_of(COPIES "b.yaml.new").st_size, 0);
}
END_TEST

START_TEST(copies_are_for_their_owner_and_written_when_something_changed)
{
	struct stat before, after;

	copy_and_stop(POLICY("front", 80));
	before = stat_of(COPIES "a.yaml");
	ck_assert_int_eq(before.st_mode & 07777, 0600);
	ck_assert_int_eq(stat_of(COPIES).st_mode & 07777, 0700);
	start_with_state();
	by_rename("manifests/a.yaml", POLICY("front", 80));
	run_for(SETTLE_MS);
	after = stat_of(COPIES "a.yaml");
	ck_assert_uint_eq(after.st_ino, before.st_ino);
	by_rename("manifests/a.yaml", POLICY("front", 81));
	expect_copy(COPIES "a.yaml", POLICY("front", 81));
}
END_TEST

START_TEST(names_mean_the_same_among_the_copies)
{
	static const char *const names[] = { "a b.yaml", "%2e%2e.yaml", "-r.yaml", "a.new.yaml",
					     "~.json", "\xc3\xa4\n.yml" };

	for (int i = 0; i < CHECK_COUNT(names); i++) {
		cleanup(freep) char *file = NULL;

		ck_assert_int_gt(asprintf(&file, "manifests/%s", names[i]), 0);
		in_place(file, names[i][0] == '~' ? "{}" : POLICY("front", 80));
	}
	start_with_state();
	for (int i = 0; i < CHECK_COUNT(names); i++) {
		cleanup(freep) char *copy = NULL;

		ck_assert_int_gt(asprintf(&copy, COPIES "%s", names[i]), 0);
		expect_copy(copy, names[i][0] == '~' ? "{}" : POLICY("front", 80));
	}
}
END_TEST

START_TEST(one_file_that_cannot_be_copied_does_not_hinder_the_rest)
{
	cleanup(freep) char *name = NULL;

	ck_assert_int_gt(asprintf(&name, "manifests/%0250d.yaml", 0), 0);
	in_place(name, POLICY("long", 80));
	in_place("manifests/z.yaml", POLICY("front", 80));
	start_with_state();
	ck_assert_int_eq(port_of("long"), 80);
	expect_copy(COPIES "z.yaml", POLICY("front", 80));
	expect_trouble("cannot be kept: File name too long");
}
END_TEST

START_TEST(without_a_state_directory_policy_is_in_force_all_the_same)
{
	in_place("state", "a file");
	in_place("manifests/a.yaml", POLICY("front", 80));
	start_with_state();
	ck_assert_int_eq(port_of("front"), 80);
	expect_trouble("cannot be kept: Not a directory");
	drop("state");
	in_place("manifests/a.yaml", POLICY("front", 81));
	expect_copy(COPIES "a.yaml", POLICY("front", 81));
	expect_trouble(NULL);
}
END_TEST

/* A limit on the size of files stands for a disk that is full. */
START_TEST(a_copy_that_does_not_fit_leaves_the_former_one)
{
	const struct rlimit small = { 64, RLIM_INFINITY }, none = { RLIM_INFINITY, RLIM_INFINITY };

	signal(SIGXFSZ, SIG_IGN);
	copy_and_stop(POLICY("front", 80));
	start_with_state();
	in_place("manifests/a.yaml", POLICY("front", 81));
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	await_changes(1);
	ck_assert_int_eq(port_of("front"), 81);
	expect_trouble("cannot be kept: File too large");
	expect_copy(COPIES "a.yaml", POLICY("front", 80));
	expect_copy(COPIES "a.yaml.new", NULL);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	in_place("manifests/b.yaml", POLICY("back", 80));
	expect_copy(COPIES "a.yaml", POLICY("front", 81));
	expect_trouble(NULL);
}
END_TEST

START_TEST(a_copy_may_be_put_back_in_the_place_of_its_file)
{
	static const char json[] = "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": "
				   "{\"namespace\": \"shop\", \"name\": \"p\"}}";

	in_place("manifests/a.yaml", POLICY("front", 80));
	in_place("manifests/b.json", json);
	start_with_state();
	expect_copy(COPIES "a.yaml", POLICY("front", 80));
	expect_copy(COPIES "b.json", json);
	stop();
	move(COPIES "a.yaml", "manifests/a.yaml");
	move(COPIES "b.json", "manifests/b.json");
	start_with_state();
	ck_assert_int_eq(port_of("front"), 80);
	ck_assert(has_pod());
	ck_assert_uint_eq(problem_count(), 0);
}
END_TEST

START_TEST(a_copy_of_which_not_all_is_there_is_of_no_use)
{
	cleanup(freep) char *path = path_of(COPIES "a.yaml");

	copy_and_stop(POLICY("front", 80) NEXT POLICY("back", 80));
	ck_assert_int_eq(truncate(path, strlen(POLICY("front", 80))), 0);
	make_broken();
	start_with_state();
	ck_assert_int_eq(port_of("front"), 0);
	expect_problem("a.yaml", "", "; its copy cannot be used: not all of it is there");
	stop();
	ck_assert_int_eq(truncate(path, 0), 0);
	start_with_state();
	expect_problem("a.yaml", "", "; its copy cannot be used: not all of it is there");
}
END_TEST

START_TEST(copies_are_removed_with_their_directory_if_it_is_theirs)
{
	cleanup(freep) char *state = path_of("state");

	ck_assert_int_eq(copies_remove_all(state), 0);
	make_dir("state");
	make_dir("state/manifest-copies");
	in_place(COPIES "a.yaml", POLICY("mine", 80));
	ck_assert_int_eq(copies_remove_all(state), 0);
	ck_assert_int_gt(stat_of(COPIES "a.yaml").st_size, 0);
	in_place("manifests/b.yaml", POLICY("front", 80));
	start_with_state();
	expect_copy(COPIES "b.yaml", POLICY("front", 80));
	ck_assert_int_eq(copies_remove_all(state), 0);
	drop("state");
}
END_TEST

START_TEST(a_copy_is_at_most_as_large_as_a_file)
{
	cleanup(copies_done) struct manifest_copies copies = {};
	cleanup(freep) char *state = path_of("state");
	cleanup(freep) char *text = calloc(1, YAML_TEXT_MAX + 1);
	cleanup(freep) char *found = NULL;
	size_t length;
	time_t made;

	ck_assert_int_eq(copies_open(&copies, state, "/manifests"), 0);
	ck_assert_int_eq(copies_prepare(&copies), 0);
	ck_assert_int_eq(copy_write(&copies, "a.yaml", text, YAML_TEXT_MAX + 1), -EMSGSIZE);
	ck_assert_int_eq(copy_read(&found, &length, &made, &copies, "a.yaml"), -ENOENT);
	ck_assert_int_eq(copy_write(&copies, "a.yaml", text, YAML_TEXT_MAX), 0);
	ck_assert_int_eq(copy_read(&found, &length, &made, &copies, "a.yaml"), 0);
	ck_assert_uint_eq(length, YAML_TEXT_MAX);
}
END_TEST

MANIFEST_MAIN("manifest_copy",
	      CHECK_LOOP(a_file_that_cannot_be_used_at_the_start_says_what_its_copy_says, unusable),
	      CHECK_TEST(a_mended_file_replaces_the_copy),
	      CHECK_TEST(a_file_that_stays_empty_says_nothing_in_the_end),
	      CHECK_TEST(an_object_that_is_refused_at_the_start_has_the_version_of_the_copy),
	      CHECK_TEST(what_stays_in_force_of_a_file_stays_in_its_copy),
	      CHECK_TEST(elements_of_a_list_stay_in_the_copy_with_their_kind),
	      CHECK_TEST(a_copy_that_could_not_be_read_is_not_written),
	      CHECK_TEST(the_copy_of_a_file_that_is_gone_is_gone),
	      CHECK_TEST(another_directory_does_not_inherit_copies),
	      CHECK_TEST(a_directory_that_was_named_by_mistake_takes_no_copies_away),
	      CHECK_TEST(the_manifests_are_never_taken_for_copies),
	      CHECK_TEST(copies_are_for_their_owner_and_written_when_something_changed),
	      CHECK_TEST(names_mean_the_same_among_the_copies),
	      CHECK_TEST(one_file_that_cannot_be_copied_does_not_hinder_the_rest),
	      CHECK_TEST(without_a_state_directory_policy_is_in_force_all_the_same),
	      CHECK_TEST(a_copy_that_does_not_fit_leaves_the_former_one),
	      CHECK_TEST(a_copy_may_be_put_back_in_the_place_of_its_file),
	      CHECK_TEST(a_copy_of_which_not_all_is_there_is_of_no_use),
	      CHECK_TEST(copies_are_removed_with_their_directory_if_it_is_theirs),
	      CHECK_TEST(a_copy_is_at_most_as_large_as_a_file))
