/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics around one run of a program, which may have runs of others inside. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "weir/reason.h"

/* All metrics of the programs' map. */
struct counts {
	struct metric metrics[METRIC_MAX];
};

void counts_read(struct counts *ret);

/* @outer becomes what was counted since; what @inner runs counted is left out. */
void counts_since(struct counts *ret, const struct counts *before, const struct counts *inner);
void counts_add(struct counts *to, const struct counts *more);
bool counts_are_none(const struct counts *counts);

/*
 * The only reason that counted, in direction @dir, with a packet of @length bytes, or of
 * @came when it was refused, for it may be an answer by now; DROP_NONE: it passed. -1:
 * nothing counted.
 */
int counts_reason(const struct counts *counts, enum policy_dir dir, size_t length, size_t came);
