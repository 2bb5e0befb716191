// SPDX-License-Identifier: Apache-2.0
#include "source/manifest_reading.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "source/fingerprint.h"
#include "source/manifest_text.h"

int job_init(struct manifest_job *job)
{
	*job = (struct manifest_job){ .done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	return job->done_fd < 0 ? -errno : 0;
}

static int make_room(struct manifest_job *job)
{
	size_t room = job->room * 2 ?: 1;
	struct manifest_reading *items;

	if (job->count < job->room)
		return 0;
	items = reallocarray(job->items, room, sizeof(*items));
	if (!items)
		return -ENOMEM;
	job->items = items;
	job->room = room;
	return 0;
}

static void reading_done(struct manifest_reading *reading)
{
	free(reading->place);
	free(reading->path);
	content_done(&reading->content);
}

int job_add(struct manifest_job *job, struct manifest_file *file)
{
	struct manifest_reading reading = {
		.file = file,
		.place = strdup(manifest_file_place(file)),
		.path = strdup(file->path),
		.has_known = file->judged,
		.known = file->text_hash,
		.looked = file->looked,
		.error = -ECANCELED,
	};
	int r = reading.place && reading.path ? make_room(job) : -ENOMEM;

	if (r < 0)
		reading_done(&reading);
	else
		job->items[job->count++] = reading;
	return r;
}

static int read_one(struct manifest_reading *reading)
{
	cleanup(freep) char *text = NULL;
	int r;

	r = text_read(&text, &reading->length, &reading->sign, reading->place);
	if (r < 0)
		return r;
	reading->hash = fingerprint_text(text, reading->length);
	if (reading->has_known && reading->hash == reading->known)
		return 0;
	r = content_decode(&reading->content, reading->path, text, reading->length);
	reading->decoded = r >= 0;
	return r;
}

static bool names_no_object(const struct problem_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].object[0])
			return false;
	return true;
}

/*
 * All files wait to be taken over, and so do the words about them. Those that name an object
 * are needed then: they say whose former version stays. Of the others one does.
 */
static int trim_words(struct manifest_reading *reading, size_t *words)
{
	struct problem_list *problems = &reading->content.problems;
	int r = 0;

	if (*words > MANIFEST_PROBLEMS_MAX && names_no_object(problems))
		r = problem_list_trim(problems);
	*words += problems->count;
	return r;
}

void job_run(struct manifest_job *job)
{
	size_t words = 0;

	for (size_t i = 0; i < job->count && !atomic_load(&job->stop); i++) {
		struct manifest_reading *reading = &job->items[i];
		int r = read_one(reading);

		reading->error = r < 0 ? r : trim_words(reading, &words);
	}
}

static void *run_thread(void *arg)
{
	struct manifest_job *job = arg;

	job_run(job);
	eventfd_write(job->done_fd, 1);
	return NULL;
}

bool job_start(struct manifest_job *job)
{
	sigset_t all, before;

	/* Signals belong to the event loop's thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	job->running = pthread_create(&job->thread, NULL, run_thread, job) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!job->running)
		job_run(job);
	return job->running;
}

void job_join(struct manifest_job *job)
{
	eventfd_t count;

	if (!job->running)
		return;
	pthread_join(job->thread, NULL);
	job->running = false;
	eventfd_read(job->done_fd, &count);
}

void job_clear(struct manifest_job *job)
{
	for (size_t i = 0; i < job->count; i++)
		reading_done(&job->items[i]);
	free(job->items);
	job->items = NULL;
	job->count = job->room = 0;
}

void job_done(struct manifest_job *job)
{
	atomic_store(&job->stop, true);
	job_join(job);
	job_clear(job);
	if (job->done_fd >= 0)
		close(job->done_fd);
}
