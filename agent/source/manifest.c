// SPDX-License-Identifier: Apache-2.0
/* When there is a pass over the directory, and who hears of it. */
#include "source/manifest_pass.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/heap.h"
#include "base/log.h"

#define QUIET_MS 20 /* of a burst of events before the pass */
#define BURST_MAX_MS 200

static void schedule(struct manifest *manifest, int64_t delay_ms)
{
	struct timeval delay;

	if (delay_ms < 0)
		delay_ms = 0;
	delay.tv_sec = delay_ms / 1000;
	delay.tv_usec = delay_ms % 1000 * 1000;
	evtimer_add(manifest->timer, &delay);
}

static void schedule_burst(struct manifest *manifest)
{
	int64_t left = manifest->burst_ms + BURST_MAX_MS - clock_ms();

	schedule(manifest, left < QUIET_MS ? left : QUIET_MS);
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
	manifest_collect_problems(manifest);
	manifest->listener.looked(manifest->listener.arg);
}

/* After what the listener does about a change: policy comes first. */
static void copy_soon(struct manifest *manifest)
{
	copier_restart(&manifest->copier);
	in_no_time(manifest->copy);
}

/* All that was to be read has been. What has happened meanwhile begins the next pass. */
static void finish(struct manifest *manifest)
{
	uint64_t version = store_version(manifest->store);
	int r = pass_end(manifest);

	if (manifest->burst_ms)
		schedule_burst(manifest);
	else
		schedule(manifest, manifest->pass.again_ms - clock_ms());
	if (r < 0)
		log_debug_errno(r, "Reading of %s is incomplete", manifest->watch.dir);
	if (store_version(manifest->store) != version)
		manifest->listener.changed(manifest->listener.arg);
	manifest->listener.looked(manifest->listener.arg);
	copy_soon(manifest);
}

/* As far as it goes without waiting; the timer rests meanwhile. @more: files are to be read. */
static void go_on(struct manifest *manifest, bool more)
{
	while (more) {
		manifest->pass.reading = job_start(&manifest->pass.job);
		if (manifest->pass.reading)
			return;
		more = pass_take(manifest);
	}
	finish(manifest);
}

static void on_read(evutil_socket_t fd, short what, void *arg)
{
	struct manifest *manifest = arg;

	job_join(&manifest->pass.job);
	manifest->pass.reading = false;
	go_on(manifest, pass_take(manifest));
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct manifest *manifest = arg;

	go_on(manifest, pass_begin(manifest));
}

/* The first pass, which whoever starts waits for. */
static int pass_now(struct manifest *manifest)
{
	int r;

	for (bool more = pass_begin(manifest); more; more = pass_take(manifest))
		job_run(&manifest->pass.job);
	r = pass_end(manifest);
	schedule(manifest, manifest->pass.again_ms - clock_ms());
	return r ?: manifest->dir_error;
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

	watch_drain(&manifest->watch, &sink);
	if (manifest->burst_ms && !manifest->pass.reading)
		schedule_burst(manifest);
}

static int start_events(struct manifest *manifest, struct event_base *base)
{
	manifest->timer = evtimer_new(base, on_timer, manifest);
	manifest->copy = evtimer_new(base, on_copy, manifest);
	manifest->read = event_new(base, manifest->pass.job.done_fd, EV_READ | EV_PERSIST, on_read,
				   manifest);
	if (!manifest->timer || !manifest->copy || !manifest->read ||
	    event_add(manifest->read, NULL) < 0)
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
	manifest->watch.fd = manifest->pass.job.done_fd = -1;
	manifest->store = store;
	manifest_merge_init(&manifest->merge, store);
	manifest->listener = *listener;
	r = job_init(&manifest->pass.job) ?: watch_open(&manifest->watch, dir);
	manifest->dir.path = manifest->watch.dir;
	manifest->dir.copies = &manifest->copier.copies;
	manifest->copier.sweep = true;
	if (r >= 0)
		r = copies_open(&manifest->copier.copies, state_dir, manifest->watch.dir);
	if (r >= 0)
		r = start_events(manifest, base);
	if (r >= 0)
		r = pass_now(manifest);
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
	if (manifest->read)
		event_free(manifest->read);
	job_done(&manifest->pass.job);
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

bool manifest_is_reading(const struct manifest *manifest)
{
	return manifest->pass.reading;
}

size_t manifest_files(const struct manifest *manifest)
{
	size_t count = 0;

	for (size_t i = 0; i < manifest->dir.count; i++)
		count += manifest->dir.files[i]->was_read;
	return count;
}
