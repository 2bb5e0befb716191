// SPDX-License-Identifier: Apache-2.0
#include "source/api_sync.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MAX_MS (300 * 1000) /* whatever a server asks for */
#define DOUBLINGS_MAX 20
#define ABSENCES_NEEDED 2 /* to believe that objects are gone */
#define REFUSALS_MAX 3 /* of a watch, before it is listed again */
/*
 * As well. A server that was set back to a former state sends nothing to who watches from a
 * version that it has not reached again, not even bookmarks.
 */

const struct api_timing api_timing_default = {
	.retry_min = 1000,
	.retry_max = 30 * 1000,
	.absent = 45 * 1000,
	.watch = 600 * 1000,
	.stall = 120 * 1000,
};

enum api_outcome api_outcome_of(long status, bool has_wait)
{
	switch (status) {
	case 200:
		return API_DONE;
	case 0:
		return API_CUT;
	case 403:
		return API_FORBIDDEN;
	case 404:
		return API_ABSENT;
	case 410:
		return API_GONE;
	case 429:
		return API_BUSY;
	default:
		return status >= 500 && has_wait ? API_BUSY : API_REFUSED;
	}
}

void api_sync_init(struct api_sync *sync, const struct api_timing *timing, bool optional,
		   unsigned int versions, int64_t now_ms)
{
	*sync = (struct api_sync){
		.timing = timing,
		.optional = optional,
		.version_count = versions,
		.due_ms = now_ms,
	};
}

static void forget(char **text)
{
	free(*text);
	*text = NULL;
}

void api_sync_done(struct api_sync *sync)
{
	forget(&sync->version);
	forget(&sync->next);
}

static int remember(char **text, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

/* Somewhere in the upper half of @ms: thousands of nodes must not come at the same time. */
static int64_t jitter(int64_t ms, uint32_t random)
{
	return ms / 2 + (int64_t)((uint64_t)random * (uint64_t)(ms - ms / 2 + 1) >> 32);
}

static int64_t back_off(const struct api_sync *sync, uint32_t random)
{
	unsigned int doublings = sync->failures ? sync->failures - 1 : 0;
	int64_t ms;

	if (doublings > DOUBLINGS_MAX)
		doublings = DOUBLINGS_MAX;
	ms = (int64_t)sync->timing->retry_min << doublings;
	if (ms > sync->timing->retry_max)
		ms = sync->timing->retry_max;
	return jitter(ms, random);
}

void api_sync_next(struct api_request *ret, struct api_sync *sync, int64_t now_ms, uint32_t random)
{
	*ret = (struct api_request){
		.is_watch = sync->version,
		.is_first = !sync->version && !sync->next,
		.version = sync->version,
		.next = sync->version ? NULL : sync->next,
	};
	if (ret->is_watch)
		ret->timeout_s = (unsigned int)((jitter(sync->timing->watch, random) + 999) / 1000);
	else if (!sync->is_whole)
		ret->limit = API_PAGE;
	if (ret->is_first)
		sync->round++;
	sync->in_flight = true;
	sync->is_watch = ret->is_watch;
	sync->progress = false;
	sync->started_ms = now_ms;
}

int api_sync_page(struct api_sync *sync, const char *version, const char *next)
{
	int r;

	if (next && *next) {
		/* The same page for ever? */
		if (sync->next && !strcmp(sync->next, next))
			return -EBADMSG;
		return remember(&sync->next, next);
	}
	if (!version || !*version || !strcmp(version, "0"))
		return -EBADMSG;
	r = remember(&sync->version, version);
	if (r < 0)
		return r;
	forget(&sync->next);
	sync->is_whole = false;
	sync->is_synced = true;
	sync->is_absent = false;
	return 1;
}

/* The versions of Kubernetes are numbers that grow; anything else cannot be compared. */
static bool is_number(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

static bool is_older(const char *a, const char *b)
{
	if (!is_number(a) || !is_number(b))
		return false;
	a += strspn(a, "0");
	b += strspn(b, "0");
	return strlen(a) != strlen(b) ? strlen(a) < strlen(b) : strcmp(a, b) < 0;
}

int api_sync_event(struct api_sync *sync, const char *version)
{
	if (is_older(version, sync->version))
		return -ESTALE;
	sync->progress = true;
	sync->failures = 0;
	return remember(&sync->version, version);
}

static void fail(struct api_sync *sync, int64_t wait_ms, int64_t now_ms, uint32_t random)
{
	int64_t lasted = now_ms - sync->started_ms, ms;

	/* A quiet watch that something on the way cut after a while is no bad sign; silence is. */
	if (sync->is_watch && lasted >= sync->timing->retry_max && lasted < sync->timing->stall)
		sync->failures = 0;
	if (sync->failures < UINT32_MAX)
		sync->failures++;
	ms = back_off(sync, random);
	if (wait_ms > WAIT_MAX_MS)
		wait_ms = WAIT_MAX_MS;
	/* Never before the time the server asked for, and not all at that time. */
	sync->due_ms = now_ms + (wait_ms > 0 ? wait_ms + ms : ms);
}

void api_sync_relist(struct api_sync *sync)
{
	forget(&sync->version);
	forget(&sync->next);
}

/* Pages are answered at once; a watch that ends as soon as it began is no good. */
static void go_on(struct api_sync *sync, int64_t now_ms, uint32_t random)
{
	sync->absences = 0;
	if (!sync->is_watch || sync->progress ||
	    now_ms - sync->started_ms >= sync->timing->retry_max) {
		sync->failures = sync->is_watch ? 0 : sync->failures;
		sync->due_ms = now_ms;
		return;
	}
	fail(sync, 0, now_ms, random);
}

/* One 404 may be the word of a server that has just started, or of the wrong one. */
static bool end_absent(struct api_sync *sync, int64_t now_ms, uint32_t random)
{
	bool is_final;

	api_sync_relist(sync);
	sync->version_index = (sync->version_index + 1) % sync->version_count;
	sync->absences++;
	is_final = sync->optional && sync->absences >= sync->version_count &&
		   (!sync->has_objects || sync->absences >= ABSENCES_NEEDED * sync->version_count);
	if (!is_final) {
		/* The next version at once; the next round later. */
		if (sync->optional && sync->absences % sync->version_count)
			sync->due_ms = now_ms;
		else
			fail(sync, 0, now_ms, random);
		return false;
	}
	sync->failures = 0;
	sync->is_synced = sync->is_absent = true;
	sync->due_ms = now_ms;
	if (!sync->version_index)
		sync->due_ms += jitter(sync->timing->absent, random);
	return true;
}

bool api_sync_ended(struct api_sync *sync, enum api_outcome outcome, int64_t wait_ms,
		    int64_t now_ms, uint32_t random)
{
	sync->in_flight = false;
	switch (outcome) {
	case API_DONE:
		go_on(sync, now_ms, random);
		return false;
	case API_ABSENT:
		return end_absent(sync, now_ms, random);
	case API_GONE:
		sync->is_whole = sync->next;
		api_sync_relist(sync);
		break;
	case API_SILENT:
		/*
		 * A server says at least a bookmark a minute. One that was set back says nothing
		 * to a watch from a version that it has not reached. So the second failure in a
		 * row is taken for that when it is a silence.
		 */
		if (sync->is_watch && !sync->progress && sync->failures)
			api_sync_relist(sync);
		break;
	case API_FORBIDDEN:
	case API_REFUSED:
		if (sync->failures >= REFUSALS_MAX)
			api_sync_relist(sync);
		break;
	case API_CUT:
	case API_BUSY:
		break;
	}
	sync->absences = 0;
	fail(sync, wait_ms, now_ms, random);
	return false;
}
