/* SPDX-License-Identifier: Apache-2.0 */
/* The manifests directory and a pass over it. Private to manifest*.c. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "source/manifest.h"
#include "source/manifest_copier.h"
#include "source/manifest_dir.h"
#include "source/manifest_merge.h"
#include "source/manifest_reading.h"
#include "source/manifest_watch.h"

/* What of a pass has to last while files are read. */
struct manifest_pass {
	struct manifest_job job;
	unsigned int rounds; /* others changed meanwhile */
	bool is_mixed; /* a file was read as it was after others were looked at */
	int64_t again_ms; /* when to look again at the latest */
	int error;
	bool reading; /* a thread does, and nothing else of the pass happens */
};

struct manifest {
	struct store *store;
	struct manifest_listener listener;
	struct manifest_watch watch;
	struct event *readable;
	struct event *timer;
	struct event *copy; /* the next step of it */
	struct event *read; /* the files of a pass have been read */
	int64_t burst_ms; /* when the burst of events began, 0: none */
	struct manifest_dir dir;
	struct manifest_copier copier;
	struct manifest_merge merge;
	struct manifest_pass pass;
	int dir_error; /* negative errno: the directory cannot be read */
	struct problem_list dir_problems;
	struct manifest_problem *problems; /* strings are those of the lists */
	size_t problem_count;
};

/*
 * Begin: watch, list, look at each file. True: files are to be read, which are in the job;
 * then comes pass_take(). False: nothing is to be read.
 */
bool pass_begin(struct manifest *manifest);

/* The files of the job have been read. True: others are to be read, as above. */
bool pass_take(struct manifest *manifest);

/*
 * All has been read: the store is to say it. 0 or -ENOMEM; the store may have changed in
 * both cases. The pass tells when to look again.
 */
int pass_end(struct manifest *manifest);

/* Problems have changed. 0 or -ENOMEM, and there are none. */
int manifest_collect_problems(struct manifest *manifest);
