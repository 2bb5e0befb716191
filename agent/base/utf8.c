// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.h"

#include <stddef.h>
#include <stdint.h>
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

/* The bytes of the character at @text, 0: there is none. Forms that are too long are none. */
static size_t character(const char *text)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t width = width_of(*text);
	uint32_t code = (unsigned char)*text;

	if (width == 1)
		return code < 0x80;
	if (code >= 0xf8)
		return 0;
	code &= 0xffu >> (width + 1);
	for (size_t i = 1; i < width; i++) {
		if (!is_continuation(text[i]))
			return 0; /* also at the end */
		code = code << 6 | ((unsigned char)text[i] & 0x3f);
	}
	return code >= least[width] && code <= 0x10ffff && code >> 11 != 0xd800 >> 11 ? width : 0;
}

bool utf8_is_valid(const char *text)
{
	size_t width;

	for (; *text; text += width) {
		width = character(text);
		if (!width)
			return false;
	}
	return true;
}

void utf8_repair(char *text)
{
	while (*text) {
		size_t width = character(text);

		if (!width)
			*text = '?';
		text += width ?: 1;
	}
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
