// SPDX-License-Identifier: Apache-2.0
#include "manifest_world.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

struct world w;

static void on_changed(void *arg)
{
	struct world *world = arg;

	world->changes++;
	if (world->on_change)
		world->on_change();
}

static void on_looked(void *arg)
{
	struct world *world = arg;

	world->looks++;
}

int try_start(void)
{
	const struct manifest_listener listener = { &w, on_changed, on_looked };

	return manifest_new(&w.manifest, w.base, w.store, w.dir, w.state, &listener);
}

void start(void)
{
	ck_assert_int_eq(try_start(), 0);
	ck_assert_uint_eq(w.changes, 0);
}

void world_new(void)
{
	char root[] = "/tmp/weir-test-XXXXXX";

	ck_assert_ptr_nonnull(mkdtemp(root));
	w = (struct world){ .root = strdup(root), .base = event_base_new() };
	ck_assert_int_gt(asprintf(&w.dir, "%s/manifests", root), 0);
	ck_assert_int_eq(mkdir(w.dir, 0755), 0);
	ck_assert_int_eq(store_new(&w.store), 0);
}

void world_free(void)
{
	cleanup(freep) char *command = NULL;

	manifest_freep(&w.manifest);
	store_freep(&w.store);
	event_base_free(w.base);
	ck_assert_int_gt(asprintf(&command, "rm -rf %s", w.root), 0);
	ck_assert_int_eq(system(command), 0);
	free(w.dir);
	free(w.state);
	free(w.root);
}

char *path_of(const char *name)
{
	char *path;

	ck_assert_int_gt(asprintf(&path, "%s/%s", w.root, name), 0);
	return path;
}

int open_file(const char *name, int flags)
{
	cleanup(freep) char *path = path_of(name);
	int fd = open(path, flags | O_CLOEXEC, 0644);

	ck_assert_int_ge(fd, 0);
	return fd;
}

void write_text(int fd, const char *text)
{
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

void in_place(const char *name, const char *text)
{
	cleanup(closep) int fd = open_file(name, O_WRONLY | O_CREAT | O_TRUNC);

	write_text(fd, text);
}

void move(const char *from, const char *to)
{
	cleanup(freep) char *from_path = path_of(from);
	cleanup(freep) char *to_path = path_of(to);

	ck_assert_int_eq(rename(from_path, to_path), 0);
}

void by_rename(const char *name, const char *text)
{
	in_place("new", text);
	move("new", name);
}

void drop(const char *name)
{
	cleanup(freep) char *path = path_of(name);

	ck_assert_int_eq(remove(path), 0);
}

void make_dir(const char *name)
{
	cleanup(freep) char *path = path_of(name);

	ck_assert_int_eq(mkdir(path, 0755), 0);
}

void make_link(const char *target, const char *name)
{
	cleanup(freep) char *path = path_of(name);

	ck_assert_int_eq(symlink(target, path), 0);
}

void run_for(int ms)
{
	const struct timeval time = { ms / 1000, ms % 1000 * 1000 };

	event_base_loopexit(w.base, &time);
	event_base_dispatch(w.base);
	while (w.manifest && manifest_is_reading(w.manifest))
		event_base_loop(w.base, EVLOOP_ONCE);
}

void await_reading(void)
{
	int64_t end = clock_ms() + PATIENCE_MS;

	while (!manifest_is_reading(w.manifest) && clock_ms() < end)
		event_base_loop(w.base, EVLOOP_ONCE);
	ck_assert(manifest_is_reading(w.manifest));
}

void await_changes(unsigned int count)
{
	int64_t end = clock_ms() + PATIENCE_MS;

	while (w.changes < count && clock_ms() < end)
		run_for(10);
	ck_assert_uint_ge(w.changes, count);
}

void expect_changes(unsigned int count)
{
	await_changes(count);
	run_for(SETTLE_MS);
	ck_assert_uint_eq(w.changes, count);
}

int port_of(const char *name)
{
	const struct object *obj = store_get(w.store, OBJECT_NETWORK_POLICY, "shop", name);

	return obj ? obj->policy.rules[POLICY_INGRESS][0].ports[0].first : 0;
}

size_t problem_count(void)
{
	size_t count;

	manifest_problems(w.manifest, &count);
	return count;
}

void expect_problem(const char *file, const char *object, const char *text)
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

int manifest_run(const char *title, const struct check_row *rows, int count)
{
	Suite *suite = suite_create(title);
	TCase *tcase;

	for (int i = 0; i < count; i++) {
		tcase = tcase_create(rows[i].name);
		tcase_set_timeout(tcase, 60);
		tcase_add_checked_fixture(tcase, world_new, world_free);
		if (rows[i].rows)
			tcase_add_loop_test(tcase, rows[i].test, 0, rows[i].rows);
		else
			tcase_add_test(tcase, rows[i].test);
		suite_add_tcase(suite, tcase);
	}
	return check_run(suite);
}
