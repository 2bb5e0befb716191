// SPDX-License-Identifier: Apache-2.0
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_MIN 256

static bool buf_room(struct buf *buf, size_t size)
{
	size_t room = buf->room ?: BUF_MIN;
	char *data;

	while (room - buf->length <= size)
		room *= 2;
	if (room == buf->room)
		return true;
	data = realloc(buf->data, room);
	if (!data) {
		buf->failed = true;
		return false;
	}
	buf->data = data;
	buf->room = room;
	return true;
}

void buf_put(struct buf *buf, const void *data, size_t size)
{
	if (!buf_room(buf, size))
		return;
	memcpy(buf->data + buf->length, data, size);
	buf->length += size;
	buf->data[buf->length] = '\0';
}

void buf_str(struct buf *buf, const char *text)
{
	buf_put(buf, text, strlen(text));
}

void buf_number(struct buf *buf, uint32_t number)
{
	char digits[10];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + number % 10);
	while (number /= 10);
	buf_put(buf, digits + at, sizeof(digits) - at);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0 || !buf_room(buf, (size_t)length))
		return;
	va_start(args, format);
	vsnprintf(buf->data + buf->length, (size_t)length + 1, format, args);
	va_end(args);
	buf->length += (size_t)length;
}

void buf_reset(struct buf *buf)
{
	buf->length = 0;
	buf->failed = false;
}

void buf_done(struct buf *buf)
{
	free(buf->data);
	*buf = (struct buf){};
}

char *buf_take(struct buf *buf)
{
	char *text = buf->failed ? NULL : strndup(buf->data ?: "", buf->length);

	buf_reset(buf);
	return text;
}
