/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: lines on stderr with a `<N>` priority that journald understands; no
 * time stamps, no colours.
 *
 * error: an operator must act; warn: degraded, will be retried; info: changes of
 * state that belong into a day's log; debug: free. Libraries log at debug only;
 * who decides logs once, with what was attempted and the name of the object.
 */
#pragma once

#include <stdbool.h>

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARN = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

/* "error", "warn", "info", "debug". 0 or -EINVAL. */
int log_level_parse(enum log_level *ret, const char *text);

/* Lines above @level are not written; the start value is info. */
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);

void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Appends the text of the errno @r (negative, or 0: none) and returns @r. */
int log_line_errno(enum log_level level, int r, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_error_errno(r, ...) log_line_errno(LOG_LEVEL_ERROR, r, __VA_ARGS__)
#define log_warn_errno(r, ...) log_line_errno(LOG_LEVEL_WARN, r, __VA_ARGS__)
#define log_debug_errno(r, ...) log_line_errno(LOG_LEVEL_DEBUG, r, __VA_ARGS__)
