// SPDX-License-Identifier: Apache-2.0
/*
 * Every event leads to the same pass: watch, list, look at each file, merge. It
 * costs a stat per file that did not change, and cannot get out of step.
 */
#include "source/manifest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/heap.h"
#include "base/log.h"
#include "source/manifest_copier.h"
#include "source/manifest_dir.h"
#include "source/manifest_merge.h"
#include "source/manifest_watch.h"

#define QUIET_MS 20 /* of a burst of events before the pass */
#define BURST_MAX_MS 200
#define RETRY_MS 1000
#define EXCHANGES_MAX 10 /* within one pass: whoever exchanges faster gets a mixture */
#define PROBLEMS_TOLD_MAX 10000 /* of all files; of those behind one each */
#define POLL_MS 10000 /* catches what inotify cannot see: hard links, network file systems */

struct manifest {
	struct store *store;
	struct manifest_listener listener;
	struct manifest_watch watch;
	struct event *readable;
	struct event *timer;
	struct event *copy; /* the next step of it */
	int64_t burst_ms; /* when the burst of events began, 0: none */
	struct manifest_dir dir;
	struct manifest_copier copier;
	struct manifest_merge merge;
	int dir_error; /* negative errno: the directory cannot be read */
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

static void drop_target(struct manifest *manifest, struct manifest_file *file)
{
	int wd = file->watch;

	file->watch = -1;
	for (size_t i = 0; i < manifest->dir.count; i++)
		if (manifest->dir.files[i]->watch == wd)
			return;
	watch_drop(&manifest->watch, wd);
}

/* The directory's watch is silent about writes to what lies behind a symbolic link. */
static void watch_link(struct manifest *manifest, struct manifest_file *file)
{
	struct stat st;
	int wd = -1;

	if (file->place || (lstat(file->path, &st) == 0 && S_ISLNK(st.st_mode)))
		wd = watch_target(&manifest->watch, manifest_file_place(file));
	if (wd == file->watch)
		return;
	drop_target(manifest, file);
	file->watch = wd;
}

static void forget_gone(struct manifest *manifest)
{
	for (size_t i = 0; i < manifest->dir.count; i++)
		if (!manifest->dir.files[i]->listed)
			drop_target(manifest, manifest->dir.files[i]);
	if (manifest_dir_forget_gone(&manifest->dir))
		manifest->copier.sweep = true;
}

/* Whoever fills a directory with nonsense fills no memory with words about it. */
static int trim_problems(struct manifest_file *file, size_t *told)
{
	int r = 0;

	if (*told > PROBLEMS_TOLD_MAX)
		r = problem_list_trim(&file->faults) ?: problem_list_trim(&file->content.problems);
	*told += file->faults.count + file->content.problems.count;
	return r;
}

static int read_files(struct manifest *manifest, int64_t now, int64_t *again_ms)
{
	uint64_t room = MANIFESTS_BYTES_MAX;
	int r, first_error = 0;
	size_t told = 0;

	for (size_t i = 0; i < manifest->dir.count; i++) {
		watch_link(manifest, manifest->dir.files[i]);
		r = manifest_file_update(manifest->dir.files[i], now, again_ms, &room) ?:
		    trim_problems(manifest->dir.files[i], &told);
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
	const struct manifest_dir *dir = &manifest->dir;
	size_t total = manifest->dir_problems.count + manifest->copier.copies.problems.count;
	const struct manifest_file *file;

	for (size_t i = 0; i < dir->count; i++) {
		file = dir->files[i];
		total += file->faults.count + file->content.problems.count + file->clashes.count;
	}
	free(manifest->problems);
	manifest->problem_count = 0;
	manifest->problems = calloc(total + 1, sizeof(*manifest->problems));
	if (!manifest->problems)
		return -ENOMEM;
	collect(manifest, &manifest->dir_problems);
	collect(manifest, &manifest->copier.copies.problems);
	for (size_t i = 0; i < dir->count; i++) {
		file = dir->files[i];
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
	r = manifest_dir_list(&manifest->dir);
	if (r == -ENOMEM)
		return r;
	manifest->dir_error = r;
	if (r < 0) {
		*again_ms = now + RETRY_MS;
		return problem_add(&manifest->dir_problems, dir, "",
				   "cannot be read, what it said before holds: %s",
				   strerror(-r));
	}
	forget_gone(manifest);
	if (!manifest->dir.left_out)
		return 0;
	return problem_add(&manifest->dir_problems, dir, "",
			   "has %zu files more than the %d that are read", manifest->dir.left_out,
			   MANIFEST_FILES_MAX);
}

/*
 * An exchange of the directory, or of its `..data`, may fall between two files: what
 * was read is then of two versions, and is read again.
 */
static int look(struct manifest *manifest, int64_t now, int64_t *again_ms)
{
	int r;

	for (int i = 0; i < EXCHANGES_MAX; i++) {
		r = look_at_dir(manifest, now, again_ms);
		if (r >= 0)
			r = read_files(manifest, now, again_ms);
		if (r < 0 || manifest_dir_is_same(&manifest->dir))
			return r;
	}
	*again_ms = now;
	return 0;
}

/* 0 or -ENOMEM; the store may have changed in both cases. */
static int pass(struct manifest *manifest)
{
	int64_t now = clock_ms(), again_ms = now + POLL_MS;
	bool again = false;
	int r, collected;

	manifest->burst_ms = 0;
	r = look(manifest, now, &again_ms);
	if (r >= 0)
		r = manifest_merge_run(&manifest->merge, manifest->dir.files, manifest->dir.count,
				       &again);
	collected = collect_problems(manifest);
	if (r >= 0)
		r = collected;
	if (r < 0 || again)
		again_ms = now + RETRY_MS;
	schedule(manifest, again_ms - clock_ms());
	return r;
}

static void in_no_time(struct event *event)
{
	const struct timeval now = {};

	evtimer_add(event, &now);
}

static void on_copy(evutil_socket_t fd, short what, void *arg)
{
	struct manifest *manifest = arg;
	size_t problems = manifest->copier.copies.problems.count;

	if (copier_step(&manifest->copier, &manifest->dir)) {
		in_no_time(manifest->copy);
		return;
	}
	heap_trim();
	if (!problems && !manifest->copier.copies.problems.count)
		return;
	collect_problems(manifest);
	manifest->listener.looked(manifest->listener.arg);
}

/* After what the listener does about a change: policy comes first. */
static void copy_soon(struct manifest *manifest)
{
	copier_restart(&manifest->copier);
	in_no_time(manifest->copy);
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
	copy_soon(manifest);
}

static void on_news(void *arg, enum watch_news news, const char *name, int wd)
{
	struct manifest *manifest = arg;
	struct manifest_file *file;
	int64_t now = clock_ms();

	for (size_t i = 0; i < manifest->dir.count; i++) {
		file = manifest->dir.files[i];
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
	manifest->copy = evtimer_new(base, on_copy, manifest);
	if (!manifest->timer || !manifest->copy)
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
		 const char *dir, const char *state_dir, const struct manifest_listener *listener)
{
	cleanup(manifest_freep) struct manifest *manifest = NULL;
	int r;

	manifest = calloc(1, sizeof(*manifest));
	if (!manifest)
		return -ENOMEM;
	manifest->watch.fd = -1;
	manifest->store = store;
	manifest_merge_init(&manifest->merge, store);
	manifest->listener = *listener;
	r = watch_open(&manifest->watch, dir);
	manifest->dir.path = manifest->watch.dir;
	manifest->dir.copies = &manifest->copier.copies;
	manifest->copier.sweep = true;
	if (r >= 0)
		r = copies_open(&manifest->copier.copies, state_dir, manifest->watch.dir);
	if (r >= 0)
		r = start_events(manifest, base);
	if (r >= 0)
		r = pass(manifest);
	if (r >= 0)
		r = manifest->dir_error;
	if (r < 0)
		return r;
	copy_soon(manifest);
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
	if (manifest->copy)
		event_free(manifest->copy);
	manifest_merge_done(&manifest->merge);
	manifest_dir_done(&manifest->dir);
	copies_done(&manifest->copier.copies);
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

	for (size_t i = 0; i < manifest->dir.count; i++)
		count += manifest->dir.files[i]->was_read;
	return count;
}
