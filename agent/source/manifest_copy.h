/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of the manifests in <state-dir>/manifest-copies: of each file the last
 * text that could be read as a whole, for an agent that starts while the file
 * itself cannot. They belong to one directory of manifests, which `.directory`
 * names; those of another are removed. A copy is a manifest too, with a last line
 * that tells whether all of it is there: nothing is forced to the disk.
 */
#pragma once

#include <stdbool.h>
#include <time.h>

#include "source/manifest_problem.h"

struct manifest_copies {
	const char *manifests; /* whose copies they are; borrowed */
	char *path; /* of the directory; NULL: none are kept */
	bool is_ready; /* the directory is there and ours */
	struct problem_list problems; /* why copies cannot be kept at this moment */
};

/* Only to read what there is. @state_dir NULL: keep none. 0 or -ENOMEM. */
int copies_open(struct manifest_copies *copies, const char *state_dir, const char *manifests);
void copies_done(struct manifest_copies *copies);

/* @r is why copies cannot be kept: the problem from now on. 0 or -ENOMEM. */
int copies_report(struct manifest_copies *copies, int r);

/* Make the directory, if need be without what another's left. 0 or a negative errno. */
int copies_prepare(struct manifest_copies *copies);

/*
 * The copy of the file @name, and when it was made. 0, -ENOENT: there is none;
 * -EBADMSG: not all of it is there; or another errno. The caller frees *@ret.
 */
int copy_read(char **ret, size_t *length, time_t *made, const struct manifest_copies *copies,
	      const char *name);

/* Replaces it as a whole. 0, -EMSGSIZE: a file may not be so large; or another errno. */
int copy_write(const struct manifest_copies *copies, const char *name, const char *text,
	       size_t length);

/* Remove all copies but those whose name @is_wanted. 0 or a negative errno. */
int copies_sweep(const struct manifest_copies *copies,
		 bool (*is_wanted)(const void *arg, const char *name), const void *arg);

/* The directory with all of them, whose copies ever they are. 0 or a negative errno. */
int copies_remove_all(const char *state_dir);
