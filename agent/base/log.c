// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048

static enum log_level max_level = LOG_LEVEL_INFO;

static const struct {
	enum log_level level;
	const char *name;
} levels[] = {
	{ LOG_LEVEL_ERROR, "error" },
	{ LOG_LEVEL_WARN, "warn" },
	{ LOG_LEVEL_INFO, "info" },
	{ LOG_LEVEL_DEBUG, "debug" },
};

int log_level_parse(enum log_level *ret, const char *text)
{
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (!strcmp(levels[i].name, text)) {
			*ret = levels[i].level;
			return 0;
		}
	}
	return -EINVAL;
}

void log_set_level(enum log_level level)
{
	max_level = level;
}

bool log_enabled(enum log_level level)
{
	return level <= max_level;
}

/*
 * One write(2) a line, so that lines of several threads never mix. Control
 * characters (names come from outside) must not forge a second line.
 */
static void write_line(enum log_level level, int r, const char *fmt, va_list ap)
{
	char line[LINE_MAX_BYTES];
	size_t used, start;
	int n;

	n = snprintf(line, sizeof(line), "<%d>", level);
	start = used = (size_t)n;
	n = vsnprintf(line + used, sizeof(line) - used - 1, fmt, ap);
	if (n > 0)
		used += (size_t)n;
	if (used > sizeof(line) - 2)
		used = sizeof(line) - 2;
	if (r < 0) {
		n = snprintf(line + used, sizeof(line) - used - 1, ": %s", strerror(-r));
		used += n > 0 ? (size_t)n : 0;
		if (used > sizeof(line) - 2)
			used = sizeof(line) - 2;
	}
	for (size_t i = start; i < used; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = ' ';
	line[used++] = '\n';
	if (write(STDERR_FILENO, line, used) < 0)
		return; /* nobody left to tell */
}

void log_line(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	write_line(level, 0, fmt, ap);
	va_end(ap);
}

int log_line_errno(enum log_level level, int r, const char *fmt, ...)
{
	va_list ap;

	if (!log_enabled(level))
		return r;
	va_start(ap, fmt);
	write_line(level, r, fmt, ap);
	va_end(ap);
	return r;
}
