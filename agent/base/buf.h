/* SPDX-License-Identifier: Apache-2.0 */
/* A text or key in the making. Failure is remembered, and reported once by the taker. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	char *data; /* NUL-terminated once something was put */
	size_t length;
	size_t room;
	bool failed;
};

void buf_put(struct buf *buf, const void *data, size_t size);
void buf_str(struct buf *buf, const char *text);
/* Decimal. */
void buf_number(struct buf *buf, uint32_t number);
/* Several times as slow as the others. */
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_reset(struct buf *buf);
void buf_done(struct buf *buf);
/* The text as a string of its own; empties the buffer. NULL: out of memory. */
char *buf_take(struct buf *buf);
