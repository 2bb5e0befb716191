/* SPDX-License-Identifier: Apache-2.0 */
/* Files and directories. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* mkdir -p. 0 or a negative errno. */
int file_make_dirs(const char *path, mode_t mode);

/*
 * The whole file, NUL-terminated; -EFBIG beyond @max bytes, -EINVAL for what is no
 * regular file. The caller frees.
 */
int file_read(char **ret, size_t *length, const char *path, size_t max);

/* The same of what is open, a pipe perhaps, from where it is to its end. */
int file_read_all(char **ret, size_t *length, int fd, size_t max);

/* All of it, whatever the kernel takes at once. 0 or a negative errno. */
int file_write(int fd, const char *text, size_t length);

/*
 * Replace @path as a whole: write beside it, then rename. A reader sees the old
 * or the new content; nothing is forced to the disk.
 */
int file_replace(const char *path, const char *text, size_t length, mode_t mode);

/* The same, of a text that has @end behind it. */
int file_replace_ended(const char *path, const char *text, size_t length, const char *end,
		       mode_t mode);

/* rm -rf; what is not there is no error. Does not follow symbolic links or cross mounts. */
int file_remove_tree(const char *path);
