/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inputs that are programs: steps of 16 bytes, the first of which says what is
 * done. mutate.c inserts, removes and moves whole steps, so that a mutation
 * changes one thing and the rest keeps its meaning.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RECORD_BYTES 16

struct record {
	uint8_t op;
	uint8_t arg[RECORD_BYTES - 1];
};

/* What is left of an input. */
struct records {
	const uint8_t *data;
	size_t len;
};

/* The next one in @ret, zeros after the end of a cut one; 0 when there is none. */
static inline int records_take(struct record *ret, struct records *in)
{
	size_t len = in->len < RECORD_BYTES ? in->len : RECORD_BYTES;

	if (!len)
		return 0;
	memset(ret, 0, sizeof(*ret));
	memcpy(ret, in->data, len);
	in->data += len;
	in->len -= len;
	return 1;
}

static inline uint16_t record_u16(const struct record *record, int at)
{
	return (uint16_t)(record->arg[at] << 8 | record->arg[at + 1]);
}
