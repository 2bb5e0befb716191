/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Brings the copies of the manifests up to date, a file a step: policy comes first,
 * and nobody waits for a disk longer than one file takes.
 */
#pragma once

#include "source/manifest_copy.h"
#include "source/manifest_dir.h"

struct manifest_copier {
	struct manifest_copies copies;
	bool sweep; /* some file may have gone */
	/* Of this round through the files: */
	size_t next;
	int error; /* the first, 0: none */
};

/* Begin a new round: the list of files may be another. */
void copier_restart(struct manifest_copier *copier);

/*
 * The next step of the round. True: there may be more to do. At the end of it the
 * copies have a problem, or are what they should be.
 */
bool copier_step(struct manifest_copier *copier, const struct manifest_dir *dir);
