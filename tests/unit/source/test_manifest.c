// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "manifest_world.h"
#include "source/yaml.h"

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
	in_place("manifests/b.yaml", BROKEN);
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
	in_place("manifests/a.yaml", POLICY("front", 81) NEXT BROKEN);
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

#define LARGE_FILES 3

/* Each takes a large part of a second to be decoded. */
static void write_large(void)
{
	static const char document[] = "a: [b, {c: d}]\n---\n";
	size_t size = sizeof(document) - 1, count = YAML_TEXT_MAX / size / 8;
	cleanup(freep) char *text = malloc(count * size + 1);
	char name[32];

	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i < count; i++)
		memcpy(text + i * size, document, size + 1);
	for (int i = 0; i < LARGE_FILES; i++) {
		snprintf(name, sizeof(name), "manifests/large-%d.yaml", i);
		by_rename(name, text);
	}
}

struct turns {
	unsigned int reading; /* turns of the loop while files were read first */
};

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct turns *turns = arg;

	if (w.looks || !manifest_is_reading(w.manifest))
		return;
	turns->reading++;
	ck_assert_int_eq(port_of("front"), 80);
	ck_assert_uint_eq(w.changes, 0);
	if (turns->reading > 1)
		return;
	/* The one is new, the other among those that are being read, or were. */
	by_rename("manifests/b.yaml", POLICY("back", 90));
	by_rename("manifests/large-2.yaml", POLICY("late", 91));
}

static void check_order(void)
{
	if (port_of("late"))
		ck_assert_int_eq(port_of("back"), 90);
}

START_TEST(the_loop_goes_on_while_files_are_read)
{
	const struct timeval millisecond = { .tv_usec = 1000 };
	struct turns turns = {};
	struct event *event;

	in_place("manifests/a.yaml", POLICY("front", 80));
	start();
	event = event_new(w.base, -1, EV_PERSIST, on_turn, &turns);
	w.on_change = check_order;
	ck_assert_ptr_nonnull(event);
	ck_assert_int_eq(event_add(event, &millisecond), 0);
	write_large();
	by_rename("manifests/a.yaml", POLICY("front", 81));
	await_reading();
	run_for(0);
	ck_assert_uint_ge(turns.reading, 3);
	event_free(event);
	for (unsigned int i = 1; !port_of("late") || port_of("front") != 81; i++)
		await_changes(i);
	ck_assert_uint_eq(manifest_files(w.manifest), 2 + LARGE_FILES);
}
END_TEST

START_TEST(an_end_while_files_are_read_leaves_the_store_as_it_is)
{
	in_place("manifests/a.yaml", POLICY("front", 80));
	start();
	write_large();
	by_rename("manifests/a.yaml", POLICY("front", 81));
	await_reading();
	manifest_free(w.manifest);
	w.manifest = NULL;
	ck_assert_int_eq(port_of("front"), 80);
	ck_assert_uint_eq(w.changes, 0);
}
END_TEST

START_TEST(a_broken_file_stays_the_winner_of_what_only_the_store_has)
{
	in_place("manifests/b.yaml", POLICY("front", 81));
	start();
	in_place("manifests/b.yaml", BROKEN);
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

START_TEST(a_file_that_never_was_whole_says_what_can_be_read_of_it)
{
	in_place("manifests/a.yaml", POLICY("front", 80) NEXT BROKEN NEXT POLICY("back", 80));
	start();
	ck_assert_int_eq(port_of("front"), 80);
	ck_assert_int_eq(port_of("back"), 80);
	ck_assert_uint_eq(manifest_files(w.manifest), 0);
	expect_problem("a.yaml", "", "what can be read of it is in force");
	in_place("manifests/a.yaml", "kind: }\n" NEXT POLICY("back", 81));
	expect_changes(1);
	ck_assert_int_eq(port_of("front"), 80);
	ck_assert_int_eq(port_of("back"), 81);
	in_place("manifests/a.yaml", POLICY("back", 82));
	expect_changes(2);
	ck_assert_int_eq(port_of("front"), 0);
	ck_assert_int_eq(port_of("back"), 82);
	ck_assert_uint_eq(problem_count(), 0);
}
END_TEST

START_TEST(a_document_without_a_name_may_be_any_object_that_is_missing)
{
	in_place("manifests/a.yaml",
		 POLICY("front", 80) NEXT POLICY("back", 80) NEXT POLICY("db", 80));
	start();
	in_place("manifests/a.yaml", POLICY("front", 81) NEXT "kind: NetworkPolicy\n");
	expect_changes(1);
	ck_assert_int_eq(port_of("front"), 81);
	ck_assert_int_eq(port_of("back"), 80);
	ck_assert_int_eq(port_of("db"), 80);
	expect_problem("a.yaml", "", "what the file said before and does not say now stays");
	in_place("manifests/a.yaml", POLICY("front", 81) NEXT POLICY("db", 80));
	expect_changes(2);
	ck_assert_int_eq(port_of("back"), 0);
	ck_assert_int_eq(port_of("db"), 80);
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

MANIFEST_MAIN("manifest",
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
	      CHECK_TEST(the_first_file_by_name_wins_and_the_next_steps_in),
	      CHECK_TEST(equal_objects_in_two_files_change_hands_silently),
	      CHECK_TEST(a_loser_that_broke_still_steps_in),
	      CHECK_TEST(an_object_twice_in_one_file_is_reported),
	      CHECK_TEST(a_broken_file_keeps_what_it_said_until_it_is_mended),
	      CHECK_TEST(the_loop_goes_on_while_files_are_read),
	      CHECK_TEST(an_end_while_files_are_read_leaves_the_store_as_it_is),
	      CHECK_TEST(a_broken_file_stays_the_winner_of_what_only_the_store_has),
	      CHECK_TEST(an_object_that_became_undecodable_keeps_its_previous_version),
	      CHECK_TEST(a_file_that_never_was_whole_says_what_can_be_read_of_it),
	      CHECK_TEST(a_document_without_a_name_may_be_any_object_that_is_missing),
	      CHECK_TEST(what_is_no_file_is_reported_and_not_waited_for),
	      CHECK_TEST(a_burst_over_300_files_is_one_change),
	      CHECK_TEST(files_that_follow_each_other_closely_are_one_change),
	      CHECK_TEST(an_endless_burst_does_not_hold_changes_back),
	      CHECK_TEST(lost_events_lead_to_a_look_at_everything))
