// SPDX-License-Identifier: Apache-2.0
/*
 * Every event leads to the same pass: watch, list, look at each file, merge. It
 * costs a stat per file that did not change, and cannot get out of step.
 */
#include "source/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "source/manifest_file.h"
#include "source/manifest_merge.h"
#include "source/manifest_watch.h"

#define QUIET_MS 20 /* of a burst of events before the pass */
#define BURST_MAX_MS 200
#define RETRY_MS 1000
#define POLL_MS 10000 /* catches what inotify cannot see: hard links, network file systems */

struct manifest {
	struct store *store;
	struct manifest_listener listener;
	struct manifest_watch watch;
	struct event *readable;
	struct event *timer;
	int64_t burst_ms; /* when the burst of events began, 0: none */
	struct manifest_file **files; /* by name */
	size_t count;
	uint64_t next_id;
	struct manifest_merge merge;
	struct problem_list dir_problems;
	struct manifest_problem *problems; /* strings are those of the lists */
	size_t problem_count;
};

static void schedule(struct manifest *manifest, int64_t delay_ms)
{
	struct timeval delay;

	if (delay_ms < 0)
		delay_ms = 0;
	delay.tv_sec = delay_ms / 1000;
	delay.tv_usec = delay_ms % 1000 * 1000;
	evtimer_add(manifest->timer, &delay);
}

static bool is_manifest(const char *name)
{
	static const char *const suffixes[] = { ".yaml", ".yml", ".json" };
	size_t length = strlen(name), suffix;

	if (name[0] == '.')
		return false;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		suffix = strlen(suffixes[i]);
		if (length > suffix && !strcmp(name + length - suffix, suffixes[i]))
			return true;
	}
	return false;
}

static int compare_name(const void *key, const void *element)
{
	return strcmp(key, (*(struct manifest_file *const *)element)->name);
}

static int compare_files(const void *a, const void *b)
{
	return compare_name((*(struct manifest_file *const *)a)->name, b);
}

static struct manifest_file *find_file(const struct manifest *manifest, size_t sorted,
				       const char *name)
{
	struct manifest_file **found;

	if (!sorted)
		return NULL;
	found = bsearch(name, manifest->files, sorted, sizeof(*found), compare_name);
	return found ? *found : NULL;
}

/* Appends; the caller sorts. */
static int add_file(struct manifest *manifest, const char *name)
{
	struct manifest_file **files;
	int r;

	files = reallocarray(manifest->files, manifest->count + 1, sizeof(*files));
	if (!files)
		return -ENOMEM;
	manifest->files = files;
	r = manifest_file_new(&files[manifest->count], manifest->next_id, manifest->watch.dir,
			      name);
	if (r < 0)
		return r;
	files[manifest->count]->listed = true;
	manifest->next_id++;
	manifest->count++;
	return 0;
}

static void drop_target(struct manifest *manifest, struct manifest_file *file)
{
	int wd = file->watch;

	file->watch = -1;
	for (size_t i = 0; i < manifest->count; i++)
		if (manifest->files[i]->watch == wd)
			return;
	watch_drop(&manifest->watch, wd);
}

/* The directory's watch is silent about writes to what a symbolic link points to. */
static void watch_link(struct manifest *manifest, struct manifest_file *file)
{
	struct stat st;
	int wd = -1;

	if (lstat(file->path, &st) == 0 && S_ISLNK(st.st_mode))
		wd = watch_target(&manifest->watch, file->path);
	if (wd == file->watch)
		return;
	drop_target(manifest, file);
	file->watch = wd;
}

/*
 * Bring the list of files up to date. -ENOMEM, or another errno with the list as it
 * was: a directory that cannot be read says what it said, one that is gone says nothing.
 */
static int list_files(struct manifest *manifest)
{
	cleanup(closedirp) DIR *dir = opendir(manifest->watch.dir);
	size_t sorted = manifest->count;
	struct manifest_file *file;
	struct dirent *entry;
	int r = 0;

	if (!dir && errno != ENOENT)
		return -errno;
	for (size_t i = 0; i < sorted; i++)
		manifest->files[i]->listed = false;
	while (dir && r >= 0 && (errno = 0, entry = readdir(dir))) {
		if (!is_manifest(entry->d_name))
			continue;
		file = find_file(manifest, sorted, entry->d_name);
		if (file)
			file->listed = true;
		else
			r = add_file(manifest, entry->d_name);
	}
	if (dir && r >= 0)
		r = -errno;
	if (manifest->count)
		qsort(manifest->files, manifest->count, sizeof(*manifest->files), compare_files);
	if (r < 0)
		for (size_t i = 0; i < manifest->count; i++)
			manifest->files[i]->listed = true;
	return r;
}

static void forget_gone(struct manifest *manifest)
{
	size_t kept = 0;

	for (size_t i = 0; i < manifest->count; i++)
		if (!manifest->files[i]->listed)
			drop_target(manifest, manifest->files[i]);
	for (size_t i = 0; i < manifest->count; i++) {
		if (manifest->files[i]->listed)
			manifest->files[kept++] = manifest->files[i];
		else
			manifest_file_free(manifest->files[i]);
	}
	manifest->count = kept;
}

static int read_files(struct manifest *manifest, int64_t now, int64_t *again_ms)
{
	int r, first_error = 0;

	for (size_t i = 0; i < manifest->count; i++) {
		watch_link(manifest, manifest->files[i]);
		r = manifest_file_update(manifest->files[i], now, again_ms);
		if (r < 0 && !first_error)
			first_error = r;
	}
	return first_error;
}

static void collect(struct manifest *manifest, const struct problem_list *list)
{
	if (!list->count)
		return;
	memcpy(manifest->problems + manifest->problem_count, list->items,
	       list->count * sizeof(*list->items));
	manifest->problem_count += list->count;
}

static int collect_problems(struct manifest *manifest)
{
	size_t total = manifest->dir_problems.count;
	const struct manifest_file *file;

	for (size_t i = 0; i < manifest->count; i++) {
		file = manifest->files[i];
		total += file->faults.count + file->content.problems.count + file->clashes.count;
	}
	manifest->problems = calloc(total + 1, sizeof(*manifest->problems));
	if (!manifest->problems)
		return -ENOMEM;
	collect(manifest, &manifest->dir_problems);
	for (size_t i = 0; i < manifest->count; i++) {
		file = manifest->files[i];
		collect(manifest, &file->faults);
		collect(manifest, &file->content.problems);
		collect(manifest, &file->clashes);
	}
	return 0;
}

static int look_at_dir(struct manifest *manifest, int64_t now, int64_t *again_ms)
{
	const char *dir = manifest->watch.dir;
	int r;

	problem_list_done(&manifest->dir_problems);
	if (!watch_refresh(&manifest->watch)) {
		*again_ms = now + RETRY_MS;
		r = problem_add(&manifest->dir_problems, dir, "",
				"cannot be watched, it is read every %d ms instead", RETRY_MS);
		if (r < 0)
			return r;
	}
	r = list_files(manifest);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		*again_ms = now + RETRY_MS;
		return problem_add(&manifest->dir_problems, dir, "", "cannot be read: %s",
				   strerror(-r));
	}
	forget_gone(manifest);
	return 0;
}

/* 0 or -ENOMEM; the store may have changed in both cases. */
static int pass(struct manifest *manifest)
{
	int64_t now = clock_ms(), again_ms = now + POLL_MS;
	bool again = false;
	int r, collected;

	manifest->burst_ms = 0;
	freep(&manifest->problems);
	manifest->problems = NULL;
	manifest->problem_count = 0;
	r = look_at_dir(manifest, now, &again_ms);
	if (r >= 0)
		r = read_files(manifest, now, &again_ms);
	if (r >= 0)
		r = manifest_merge_run(&manifest->merge, manifest->files, manifest->count, &again);
	collected = collect_problems(manifest);
	if (r >= 0)
		r = collected;
	if (r < 0 || again)
		again_ms = now + RETRY_MS;
	schedule(manifest, again_ms - clock_ms());
	return r;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct manifest *manifest = arg;
	uint64_t version = store_version(manifest->store);
	int r;

	r = pass(manifest);
	if (r < 0)
		log_debug_errno(r, "Reading of %s is incomplete", manifest->watch.dir);
	if (store_version(manifest->store) != version)
		manifest->listener.changed(manifest->listener.arg);
	manifest->listener.looked(manifest->listener.arg);
}

static void on_news(void *arg, enum watch_news news, const char *name, int wd)
{
	struct manifest *manifest = arg;
	struct manifest_file *file;
	int64_t now = clock_ms();

	for (size_t i = 0; i < manifest->count; i++) {
		file = manifest->files[i];
		if (news != WATCH_LOST && (name ? strcmp(name, file->name) : wd != file->watch))
			continue;
		if (news == WATCH_WRITING)
			file->writing_ms = now;
		else if (news != WATCH_LOOK)
			file->writing_ms = 0;
	}
	if (!manifest->burst_ms)
		manifest->burst_ms = now;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct manifest *manifest = arg;
	const struct watch_sink sink = { .arg = manifest, .news = on_news };
	int64_t left;

	watch_drain(&manifest->watch, &sink);
	if (!manifest->burst_ms)
		return;
	left = manifest->burst_ms + BURST_MAX_MS - clock_ms();
	schedule(manifest, left < QUIET_MS ? left : QUIET_MS);
}

static int start_events(struct manifest *manifest, struct event_base *base)
{
	manifest->timer = evtimer_new(base, on_timer, manifest);
	if (!manifest->timer)
		return -ENOMEM;
	if (manifest->watch.fd < 0)
		return 0;
	manifest->readable = event_new(base, manifest->watch.fd, EV_READ | EV_PERSIST,
				       on_readable, manifest);
	if (!manifest->readable || event_add(manifest->readable, NULL) < 0)
		return -ENOMEM;
	return 0;
}

int manifest_new(struct manifest **ret, struct event_base *base, struct store *store,
		 const char *dir, const struct manifest_listener *listener)
{
	cleanup(manifest_freep) struct manifest *manifest = NULL;
	int r;

	manifest = calloc(1, sizeof(*manifest));
	if (!manifest)
		return -ENOMEM;
	manifest->watch.fd = -1;
	manifest->store = manifest->merge.store = store;
	manifest->listener = *listener;
	manifest->next_id = 1;
	r = watch_open(&manifest->watch, dir);
	if (r >= 0)
		r = start_events(manifest, base);
	if (r >= 0)
		r = pass(manifest);
	if (r < 0)
		return r;
	*ret = take_ptr(&manifest);
	return 0;
}

void manifest_free(struct manifest *manifest)
{
	if (!manifest)
		return;
	if (manifest->readable)
		event_free(manifest->readable);
	if (manifest->timer)
		event_free(manifest->timer);
	manifest_merge_done(&manifest->merge);
	for (size_t i = 0; i < manifest->count; i++)
		manifest_file_free(manifest->files[i]);
	free(manifest->files);
	free(manifest->problems);
	problem_list_done(&manifest->dir_problems);
	watch_close(&manifest->watch);
	free(manifest);
}

void manifest_freep(struct manifest **manifest)
{
	manifest_free(*manifest);
}

const struct manifest_problem *manifest_problems(const struct manifest *manifest, size_t *count)
{
	*count = manifest->problem_count;
	return manifest->problems;
}

size_t manifest_files(const struct manifest *manifest)
{
	size_t count = 0;

	for (size_t i = 0; i < manifest->count; i++)
		count += manifest->files[i]->was_read;
	return count;
}
