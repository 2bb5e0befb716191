/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From files to the store: which file has the say about which object. The first
 * file by name wins, and within a file the first document; the others are
 * reported as clashes of their file.
 *
 * The store owns an object once it has it. A loser holds its object, so that it
 * can step in at once. A file that loses an object to another therefore reads it
 * again first; while it cannot (it is broken at this moment), it stays the winner.
 */
#pragma once

#include "base/pool.h"
#include "model/store.h"
#include "source/manifest_file.h"

struct manifest_merge {
	struct store *store; /* borrowed */
	struct pool claims; /* what it holds because of us: struct merge_claim */
};

void manifest_merge_init(struct manifest_merge *merge, struct store *store);


/*
 * Make the store say what @files, sorted by name, say. Equal objects are not put
 * again. *@again: some object could not be had now, repeat. 0 or -ENOMEM; after a
 * failure another run completes the work.
 */
int manifest_merge_run(struct manifest_merge *merge, struct manifest_file *const *files,
		       size_t count, bool *again);

/* Leaves the store as it is. */
void manifest_merge_done(struct manifest_merge *merge);
