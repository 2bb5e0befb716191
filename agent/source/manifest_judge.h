/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a file says: what its text says, as far as that can be used; else what it
 * said before, to this agent or, by its copy, to a former one. Each returns 0 or
 * -ENOMEM, then nothing has changed.
 */
#pragma once

#include "source/manifest_file.h"

/* The file has this text now. */
int judge_text(struct manifest_file *file, const char *text, size_t length);

/* The file cannot be used now, because it @why. */
int judge_fault(struct manifest_file *file, const char *why);

/* A file that was never read as a whole says what its copy says, if there is one. */
int judge_recall(struct manifest_file *file);
