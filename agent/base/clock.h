/* SPDX-License-Identifier: Apache-2.0 */
/* Time that only goes forward (CLOCK_MONOTONIC), and how the time of day is written. */
#pragma once

#include <stdint.h>
#include <time.h>

static inline int64_t clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

static inline int64_t clock_ms(void)
{
	return clock_us() / 1000;
}

#define CLOCK_TEXT_MAX 32

/* "2026-01-31T10:00:00Z" (RFC 3339) */
static inline const char *clock_text(char ret[static CLOCK_TEXT_MAX], time_t when)
{
	struct tm tm;

	gmtime_r(&when, &tm);
	strftime(ret, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return ret;
}
