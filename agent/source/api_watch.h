/* SPDX-License-Identifier: Apache-2.0 */
/* One kind of an api_source: its requests, one after the other. Private to api_source.c. */
#pragma once

#include "source/api_feed.h"
#include "source/api_http.h"
#include "source/api_refusal.h"
#include "source/api_stream.h"
#include "source/api_sync.h"

struct api_watch;

struct api_watch_listener {
	void *arg;
	void (*changed)(void *arg); /* the store may have, and says what the server said */
	void (*listed)(void *arg); /* a kind is complete, see api_watch_settle() */
	void (*failed)(void *arg); /* problems may differ */
};

struct api_watch {
	struct api_http *http;
	const struct api_watch_listener *listener;
	struct event *timer;
	struct api_call *call;
	struct api_request request; /* in flight; its strings are those of @sync */
	struct api_sync sync;
	struct api_stream stream;
	struct api_feed feed;
	struct api_state state;
	bool has_begun; /* the list in flight has had its first byte */
	bool is_unsettled; /* it is complete; what it did not name is still there */
	bool is_recalled; /* the copy was read */
	bool is_foreign; /* it was another cluster's, and objects of it are there still */
	bool is_given_up; /* the request, by us, with @outcome */
	enum api_outcome outcome;
	char error[API_FEED_ERROR_MAX]; /* why the last request failed, or "" */
	struct api_refusal refusal;
	struct event *spare; /* removes superseded lines of the copy, piece by piece */
};

/*
 * Reads the copy if it @has_copy that may be used, and asks as soon as the event loop runs.
 * @watch must be zero.
 */
int api_watch_start(struct api_watch *watch, const struct api_kind *kind, struct api_http *http,
		    struct event_base *base, struct store *store, const char *state_dir,
		    bool has_copy, const struct api_timing *timing, const struct api_watch_listener *listener);
void api_watch_stop(struct api_watch *watch);

/* Take away what the last complete list did not name. */
void api_watch_settle(struct api_watch *watch);

/* The copy that was read is another cluster's. */
void api_watch_disown(struct api_watch *watch);

/* All its objects are known. */
bool api_watch_is_ready(const struct api_watch *watch);
