/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of api_state.h once more, without superseded lines: a bounded piece at a time, while
 * lines are appended to the file. Private to api_state.c.
 */
#pragma once

#include <stddef.h>

#define API_COMPACT_LINES 256 /* that one step reads at most */

struct api_compact;

/*
 * Begin to write @to from @from, which has @lines lines behind its header, all of them with
 * the kernel. Takes 32 bytes of memory a line until api_compact_free(). 0 or a negative errno.
 */
int api_compact_start(struct api_compact **ret, const char *from, const char *to,
		      const char *title, size_t lines);
void api_compact_free(struct api_compact *compact);

/*
 * Go on. What was appended to @from before must be with the kernel. 1: there is more to do;
 * 0: @to says what @from says, and is with the kernel; or a negative errno.
 */
int api_compact_step(struct api_compact *compact);

/* Of @to, so far. */
size_t api_compact_lines(const struct api_compact *compact);
