/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which request about a kind comes next, and when: list page by page, then watch
 * from the list's resourceVersion; what to do about every way in which an answer can
 * end. Pure: it is told the time and is given random numbers.
 *
 * Source: Kubernetes API concepts, "Efficient detection of changes", "Retrieving
 * large results sets in chunks", "Resource versions", "Semantics for get, list and watch".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define API_PAGE 500 /* objects of a page of a list */

/* All in milliseconds. */
struct api_timing {
	int retry_min; /* of the first wait after a failure; each next one is twice as long */
	int retry_max;
	int absent; /* until a custom resource without definition is asked for again */
	int watch; /* the server is asked to end a watch after that */
	int stall; /* without a byte: the connection is dead; bookmarks come each minute */
};

extern const struct api_timing api_timing_default;

enum api_outcome {
	API_DONE, /* as it should */
	API_CUT, /* no connection, or it broke, or the answer makes no sense */
	API_SILENT, /* nothing was heard for timing->stall */
	API_GONE, /* 410: the version is too old, or the rest of the list is */
	API_ABSENT, /* 404 */
	API_BUSY, /* 429, or 5xx with a time to wait */
	API_FORBIDDEN, /* 403: the account may not do that */
	API_REFUSED, /* anything else */
};

/* Of an HTTP status; @has_wait: there was a Retry-After. */
enum api_outcome api_outcome_of(long status, bool has_wait);

struct api_sync {
	const struct api_timing *timing;
	bool optional; /* 404 is an answer */
	bool in_flight;
	bool is_watch; /* the request in flight */
	bool is_synced; /* was listed as a whole once, or is known to be absent */
	bool is_absent;
	bool has_objects; /* a 404 would take some away: it must be said twice */
	bool is_whole; /* list without pages: the last one aged before it was complete */
	bool progress; /* of the watch in flight */
	unsigned int failures; /* in a row, since something was heard of a watch or list */
	unsigned int absences; /* answers of 404 in a row */
	unsigned int version_index; /* which of the kind's API versions is asked for */
	unsigned int version_count;
	uint32_t round; /* of the list that is being read, from 1 */
	int64_t started_ms;
	int64_t due_ms; /* of the next request, while none is in flight */
	char *version; /* resourceVersion to watch from; NULL: list first */
	char *next; /* continue token of the next page; NULL: the first */
};

/* The version is borrowed; watch: of what to watch, list: NULL. */
struct api_request {
	bool is_watch;
	bool is_first; /* of a list: it starts anew */
	const char *version;
	const char *next;
	unsigned int limit; /* 0: no pages */
	unsigned int timeout_s; /* of a watch */
};

void api_sync_init(struct api_sync *sync, const struct api_timing *timing, bool optional,
		   unsigned int versions, int64_t now_ms);
void api_sync_done(struct api_sync *sync);

/* List anew when the request in flight has ended. */
void api_sync_relist(struct api_sync *sync);

/* The request that is due; it counts as sent. */
void api_sync_next(struct api_request *ret, struct api_sync *sync, int64_t now_ms, uint32_t random);

/*
 * A page of the list has been read. 1: it was the last one, and what was not listed
 * in this round is gone; 0: there are more; -EBADMSG: a list without version, or the
 * same page again; -ENOMEM.
 */
int api_sync_page(struct api_sync *sync, const char *version, const char *next);

/*
 * An event or a bookmark of the watch. 0, -ENOMEM, or -ESTALE when the version goes
 * backwards: then the answer is not to be believed, and its end is API_GONE.
 */
int api_sync_event(struct api_sync *sync, const char *version);

/*
 * The request in flight has ended. @wait_ms is what the server asked for, 0: nothing.
 * True: the kind is known to be absent now, none of its objects exists.
 */
bool api_sync_ended(struct api_sync *sync, enum api_outcome outcome, int64_t wait_ms,
		    int64_t now_ms, uint32_t random);
