// SPDX-License-Identifier: Apache-2.0
#include "probe.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS 50 /* how often questions that are due are looked for */

int64_t probe_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void probe_raise_fd_limit(size_t count)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= count + 16)
		return;
	limit.rlim_cur = count + 16;
	if (limit.rlim_max < limit.rlim_cur)
		limit.rlim_max = limit.rlim_cur;
	setrlimit(RLIMIT_NOFILE, &limit); /* where it fails, socket() will say so */
}

static void finish(struct target *target, int64_t started)
{
	target->took_ms = probe_now_ms() - started;
	exchange_close(target);
}

/* One round: returns how many are still without a result. */
static size_t turn(struct target *targets, struct pollfd *polls, size_t count, int64_t started)
{
	size_t pending = 0;

	for (size_t i = 0; i < count; i++) {
		struct target *target = &targets[i];

		if (target->result == PROBE_PENDING)
			exchange_repeat(target, probe_now_ms());
		if (target->result != PROBE_PENDING && target->fd >= 0)
			finish(target, started);
		polls[i] = (struct pollfd){ .fd = target->fd };
		if (target->fd >= 0) {
			polls[i].events = exchange_events(target);
			pending++;
		}
	}
	if (!pending || poll(polls, count, TICK_MS) <= 0)
		return pending;
	for (size_t i = 0; i < count; i++)
		if (polls[i].fd >= 0 && polls[i].revents)
			exchange_ready(&targets[i], polls[i].revents);
	return pending;
}

int probe_try(struct target *targets, size_t count, int64_t timeout_ms)
{
	struct pollfd *polls = calloc(count ?: 1, sizeof(*polls));
	int64_t started = probe_now_ms();

	if (!polls)
		return -ENOMEM;
	probe_raise_fd_limit(count);
	for (size_t i = 0; i < count; i++) {
		targets[i].id = (uint16_t)(((unsigned int)getpid() << 8) + i);
		exchange_start(&targets[i], started);
	}
	while (turn(targets, polls, count, started) && probe_now_ms() - started < timeout_ms)
		;
	for (size_t i = 0; i < count; i++) {
		exchange_give_up(&targets[i]);
		if (targets[i].fd >= 0)
			finish(&targets[i], started);
	}
	free(polls);
	return 0;
}
