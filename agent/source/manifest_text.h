/* SPDX-License-Identifier: Apache-2.0 */
/* A regular file's text, bounded, and the sign that tells whether it has changed since. */
#pragma once

#include "source/manifest_file.h"

void file_sign_of(struct file_sign *ret, const struct stat *st);

/* 0 or a negative errno; follows symbolic links. */
int file_sign_get(struct file_sign *ret, const char *path);
bool file_sign_equal(const struct file_sign *a, const struct file_sign *b);

/*
 * True if the file can no longer change without changing its sign: time stamps
 * have the granularity of a tick, so a young one says little.
 */
bool file_sign_settled(const struct file_sign *sign);

/*
 * Read @path. *@sign is set whenever the file could be opened. 0, -EAGAIN: it
 * changed meanwhile; -EFBIG: more than YAML_TEXT_MAX; -EBADF: not a regular file;
 * or another errno. The caller frees *@ret.
 */
int text_read(char **ret, size_t *length, struct file_sign *sign, const char *path);
