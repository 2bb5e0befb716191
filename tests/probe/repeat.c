// SPDX-License-Identifier: Apache-2.0
/*
 * The same targets again and again: a load that goes on whatever becomes of it, so that
 * what fails for a moment is seen. Attempts begin by the clock, not when others end.
 */
#include "probe.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ATTEMPTS_MAX 1024 /* under way at the same time; when all are taken, none begins */

struct attempt {
	struct target target;
	size_t of; /* its place among the targets */
	int64_t started_ms;
};

struct repeat {
	const struct target *targets;
	size_t target_count;
	int64_t interval_ms, timeout_ms, next_ms;
	struct attempt *attempts;
	struct pollfd *polls;
	size_t running;
	uint16_t id;
	struct tally *tallies;
	size_t tally_count;
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
}

/* Finds or makes it. NULL: out of memory. */
static struct tally *tally_of(struct repeat *repeat, const struct attempt *attempt)
{
	struct tally *tallies = repeat->tallies;

	for (size_t i = 0; i < repeat->tally_count; i++)
		if (tallies[i].target == attempt->of &&
		    tallies[i].result == attempt->target.result &&
		    !strcmp(tallies[i].answer, attempt->target.answer))
			return &tallies[i];
	tallies = reallocarray(tallies, repeat->tally_count + 1, sizeof(*tallies));
	if (!tallies)
		return NULL;
	repeat->tallies = tallies;
	tallies += repeat->tally_count++;
	*tallies = (struct tally){ .target = attempt->of, .result = attempt->target.result };
	memcpy(tallies->answer, attempt->target.answer, sizeof(tallies->answer));
	return tallies;
}

static int count(struct repeat *repeat, const struct attempt *attempt, int64_t now_ms)
{
	struct tally *tally = tally_of(repeat, attempt);
	int64_t took_ms = now_ms - attempt->started_ms;

	if (!tally)
		return -ENOMEM;
	if (!tally->count++)
		tally->first_ms = now_ms;
	tally->last_ms = now_ms;
	if (took_ms > tally->slowest_ms)
		tally->slowest_ms = took_ms;
	return 0;
}

static void begin(struct repeat *repeat, size_t of, int64_t now_ms)
{
	struct attempt *attempt = &repeat->attempts[repeat->running++];

	*attempt = (struct attempt){ repeat->targets[of], of, now_ms };
	attempt->target.id = repeat->id++;
	exchange_start(&attempt->target, now_ms);
}

/* One attempt a target, unless there is no room for it. */
static void begin_all(struct repeat *repeat, int64_t now_ms)
{
	if (now_ms < repeat->next_ms)
		return;
	repeat->next_ms = now_ms + repeat->interval_ms;
	for (size_t i = 0; i < repeat->target_count && repeat->running < ATTEMPTS_MAX; i++)
		begin(repeat, i, now_ms);
}

/* Those that have a result or no time left are counted, and make room. */
static int end_finished(struct repeat *repeat, int64_t now_ms)
{
	int r = 0;

	for (size_t i = repeat->running; i-- > 0;) {
		struct attempt *attempt = &repeat->attempts[i];

		if (now_ms - attempt->started_ms >= repeat->timeout_ms)
			exchange_give_up(&attempt->target);
		if (attempt->target.result == PROBE_PENDING)
			continue;
		exchange_close(&attempt->target);
		r = count(repeat, attempt, now_ms) ?: r;
		*attempt = repeat->attempts[--repeat->running];
	}
	return r;
}

static void wait_for_some(struct repeat *repeat)
{
	for (size_t i = 0; i < repeat->running; i++) {
		struct target *target = &repeat->attempts[i].target;

		if (target->result == PROBE_PENDING)
			exchange_repeat(target, probe_now_ms());
		repeat->polls[i] = (struct pollfd){ target->fd, exchange_events(target), 0 };
	}
	if (poll(repeat->polls, repeat->running, (int)repeat->interval_ms) <= 0)
		return;
	for (size_t i = 0; i < repeat->running; i++)
		if (repeat->polls[i].revents)
			exchange_ready(&repeat->attempts[i].target, repeat->polls[i].revents);
}

static int run(struct repeat *repeat)
{
	int r = 0;

	while (!r && (!stopped || repeat->running)) {
		if (!stopped)
			begin_all(repeat, probe_now_ms());
		wait_for_some(repeat);
		r = end_finished(repeat, probe_now_ms());
	}
	return r;
}

int probe_repeat(struct tally **ret, size_t *ret_count, const struct target *targets,
		 size_t target_count, int64_t interval_ms, int64_t timeout_ms)
{
	struct repeat repeat = {
		.targets = targets,
		.target_count = target_count,
		.interval_ms = interval_ms,
		.timeout_ms = timeout_ms,
		.attempts = calloc(ATTEMPTS_MAX, sizeof(*repeat.attempts)),
		.polls = calloc(ATTEMPTS_MAX, sizeof(*repeat.polls)),
		.id = (uint16_t)(getpid() << 8),
	};
	int r = repeat.attempts && repeat.polls ? 0 : -ENOMEM;

	catch_signals();
	probe_raise_fd_limit(ATTEMPTS_MAX);
	r = r ?: run(&repeat);
	for (size_t i = 0; i < repeat.running; i++)
		exchange_close(&repeat.attempts[i].target);
	free(repeat.attempts);
	free(repeat.polls);
	*ret = repeat.tallies;
	*ret_count = repeat.tally_count;
	return r;
}
