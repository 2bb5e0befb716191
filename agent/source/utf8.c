// SPDX-License-Identifier: Apache-2.0
#include "source/utf8.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* Bytes of the character that starts with @lead. */
static size_t width_of(char lead)
{
	unsigned char c = (unsigned char)lead;

	return c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

void utf8_trim(char *text)
{
	size_t length = strlen(text);
	size_t start = length;

	if (!length)
		return;
	do {
		start--;
	} while (start && is_continuation(text[start]));
	if (start + width_of(text[start]) > length)
		text[start] = '\0';
}
