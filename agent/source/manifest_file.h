/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file of the manifests directory: what it said when it was last readable.
 * Times are CLOCK_MONOTONIC in ms.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "source/manifest_content.h"

#define MANIFEST_WRITER_MS 1000 /* a writer that is quiet for so long is done */
#define MANIFEST_EMPTY_MS 1000 /* a file that stays empty for so long means it */
#define MANIFEST_RETRY_MS 1000
#define MANIFESTS_BYTES_MAX (256u << 20) /* of all files together */

struct manifest_copies;

/* What tells one state of a file from another without reading it. */
struct file_sign {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified;
	struct timespec changed;
};

struct manifest_file {
	uint64_t id; /* never given twice */
	char *name; /* in the directory; files are sorted by it */
	char *path;
	char *place; /* where it is read, NULL: at @path */
	struct manifest_content content; /* what it says, of its last readable state */
	struct problem_list faults; /* why the file as a whole is not read now */
	struct problem_list clashes; /* objects that another file says too */
	bool was_read; /* as a whole */

	const struct manifest_copies *copies; /* borrowed */
	bool recalled; /* the copy of a former agent was asked for */
	int copy_error; /* why it is of no use, 0: nothing to say */
	bool is_copy; /* @content is from it */
	time_t copied; /* when it was made */
	bool uncopied; /* what was read may not be in the copy yet */

	struct file_sign looked; /* when it was looked at and found to be read */
	struct file_sign sign;
	bool settled; /* the same sign means the same text */
	uint64_t text_hash;
	bool judged; /* content and faults are what the text of this hash leads to */
	int64_t empty_ms; /* since when it is empty but was not, 0: it is not */
	int64_t writing_ms; /* last sign of a writer that has not closed it, 0: none */

	int watch; /* of what a symbolic link points to, -1: none */
	bool listed; /* seen in the directory */
};

int manifest_file_new(struct manifest_file **ret, uint64_t id, const char *dir, const char *name);
void manifest_file_free(struct manifest_file *file);
void manifest_file_freep(struct manifest_file **file);

/* It is listed, and to be read in the directory @place. 0 or -ENOMEM. */
int manifest_file_found(struct manifest_file *file, const char *place);

static inline const char *manifest_file_place(const struct manifest_file *file)
{
	return file->place ?: file->path;
}

/*
 * Look whether the file has changed. 1: it is to be read; 0; or -ENOMEM. A file that
 * cannot be used now keeps its content, or if it never had one says what its copy says,
 * and has a fault. *@again_ms is lowered to the time at which to look again even if
 * nothing is heard of the file. *@room are the bytes that all files may have from
 * this one on; a file that has more is not read.
 */
int manifest_file_look(struct manifest_file *file, int64_t now_ms, int64_t *again_ms,
		       uint64_t *room);

struct manifest_reading;

/* It was read: it says that from now on, or the same as above. 0 or -ENOMEM. */
int manifest_file_take(struct manifest_file *file, struct manifest_reading *reading,
		       int64_t now_ms, int64_t *again_ms);

/*
 * Read the file once more, to get the wanted objects that the store owns. Objects
 * that the file does not say any more, literally, are left without. 0 or -ENOMEM.
 */
int manifest_file_refill(struct manifest_file *file);
