/* SPDX-License-Identifier: Apache-2.0 */
/* An input that is read byte by byte; after its end there are zeros. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct bytes {
	const uint8_t *data;
	size_t len;
};

static inline uint8_t bytes_take(struct bytes *in)
{
	if (!in->len)
		return 0;
	in->len--;
	return *in->data++;
}

/* A choice: 0 .. @n - 1. */
static inline size_t bytes_below(struct bytes *in, size_t n)
{
	return bytes_take(in) % n;
}
