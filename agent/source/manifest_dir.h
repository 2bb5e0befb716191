/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which files the manifests directory has. A ConfigMap volume is exchanged as a
 * whole by its link `..data`, but the links beside it, which lead through it,
 * follow one by one: of such a directory what `..data` leads to counts.
 */
#pragma once

#include "source/manifest_file.h"

#define MANIFEST_FILES_MAX 20000

/* What tells one directory at a path from the next. */
struct dir_sign {
	struct file_sign link; /* zero: the path is no symbolic link */
	dev_t device;
	ino_t inode; /* 0: nothing is there */
};

struct manifest_dir {
	const char *path; /* borrowed */
	const struct manifest_copies *copies; /* borrowed */
	struct manifest_file **files; /* by name */
	size_t count;
	size_t left_out; /* beyond MANIFEST_FILES_MAX */
	uint64_t next_id;
	struct dir_sign self, data; /* of the directory and its `..data`, when it was listed */
};

/* A name that is looked at. */
bool manifest_name_counts(const char *name);

/*
 * Bring the list of files up to date; one that is gone is not `listed` any more.
 * -ENOMEM, or another errno with the list as it was: a directory that cannot be
 * read, or is gone, says what it said. A wrong mount must not open what policies close.
 */
int manifest_dir_list(struct manifest_dir *dir);

/* False: it, or its `..data`, was exchanged since it was listed. */
bool manifest_dir_is_same(const struct manifest_dir *dir);

/* NULL: it is not in the list. */
struct manifest_file *manifest_dir_find(const struct manifest_dir *dir, const char *name);

/* Free what is not listed; the number of files that were not. */
size_t manifest_dir_forget_gone(struct manifest_dir *dir);

void manifest_dir_done(struct manifest_dir *dir);
