/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a file says: what its text says, as far as that can be used; else what it
 * said before, to this agent or, by its copy, to a former one. Each returns 0 or
 * -ENOMEM, then nothing has changed.
 */
#pragma once

#include "source/manifest_file.h"

/* The file has a text of this hash and content now; takes what it needs of @content. */
int judge_content(struct manifest_file *file, uint64_t hash, struct manifest_content *content);

/* The file cannot be used now, because it @why. */
int judge_fault(struct manifest_file *file, const char *why);

/* A file that was never read as a whole says what its copy says, if there is one. */
int judge_recall(struct manifest_file *file);
