// SPDX-License-Identifier: Apache-2.0
#include "base/base64.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define GROUP 4 /* characters that make three bytes */

/* -1: none of the alphabet. */
static int digit(char c)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(alphabet, c) : NULL;

	return at ? (int)(at - alphabet) : -1;
}

/* @count characters of a group that has been padded; the bits beyond the bytes are zero. */
static int end_group(char *out, size_t *size, uint32_t bits, unsigned int count)
{
	unsigned int bytes = count - 1;

	bits <<= 6 * (GROUP - count);
	if (count < 2 || (bits & ((1u << 8 * (3 - bytes)) - 1)))
		return -EINVAL;
	for (unsigned int i = 0; i < bytes; i++)
		out[(*size)++] = (char)(bits >> (16 - 8 * i));
	return 0;
}

int base64_decode(char **ret, size_t *length, const char *text)
{
	cleanup(freep) char *out = malloc(strlen(text) / GROUP * 3 + 4);
	unsigned int count = 0, padding = 0;
	uint32_t bits = 0;
	size_t size = 0;

	if (!out)
		return -ENOMEM;
	for (; *text; text++) {
		int value = digit(*text);

		if (strchr(" \t\r\n", *text))
			continue;
		if (*text == '=' && count + padding < GROUP && count > 1) {
			padding++;
			continue;
		}
		if (value < 0 || padding)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)value;
		if (++count < GROUP)
			continue;
		end_group(out, &size, bits, count);
		count = bits = 0;
	}
	if (count && (count + padding != GROUP || end_group(out, &size, bits, count) < 0))
		return -EINVAL;
	out[size] = '\0';
	*length = size;
	*ret = take_ptr(&out);
	return 0;
}
