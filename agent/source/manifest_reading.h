/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that are to be read and decoded, which for a large one takes a second: a thread does
 * it, beside the event loop. It touches nothing but what is here.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "source/manifest_file.h"

struct manifest_reading {
	struct manifest_file *file; /* whose it is; not for the thread */
	char *place; /* where it is read */
	char *path; /* what problems call it */
	bool has_known;
	uint64_t known; /* hash of a text that need not be decoded again */
	struct file_sign looked;

	/* Afterwards: */
	int error; /* negative errno: it was not read; of text_read() */
	struct file_sign sign;
	size_t length;
	uint64_t hash; /* of the text */
	bool decoded;
	struct manifest_content content; /* if @decoded; whoever wants it takes it */
};

struct manifest_job {
	struct manifest_reading *items;
	size_t count, room;
	pthread_t thread;
	bool running;
	atomic_bool stop;
	int done_fd; /* eventfd: readable when the thread has ended */
};

/* 0 or a negative errno. */
int job_init(struct manifest_job *job);

/* The file is to be read. 0 or -ENOMEM. */
int job_add(struct manifest_job *job, struct manifest_file *file);

/* Read them all, now. */
void job_run(struct manifest_job *job);

/* The same beside the event loop, or now if there can be no thread. True: it has begun. */
bool job_start(struct manifest_job *job);

/* Wait for the end of the thread, if there is one. */
void job_join(struct manifest_job *job);

/* Forget all files. */
void job_clear(struct manifest_job *job);

/* Gives up what has not been read yet. */
void job_done(struct manifest_job *job);
