/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connections of the control socket: bounded in number, in age and in what they make
 * the agent hold. When there are too many the oldest goes, so that whoever asks now is
 * served whatever others keep open.
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONNECTIONS_MAX 1024
#define CONNECTIONS_FEW 16 /* as many may send large requests */

struct evhttp;
struct bufferevent;

struct connection {
	struct bufferevent *stream; /* a reference */
	int64_t since_ms;
};

struct connections {
	struct evhttp *http; /* borrowed */
	struct event *timer;
	struct connection items[CONNECTIONS_MAX]; /* the oldest first */
	size_t count;
	size_t max; /* as the limit of file descriptors allows */
};

/* Takes part in every connection that @http accepts from now on. 0 or -ENOMEM. */
int connections_open(struct connections *connections, struct evhttp *http,
		     struct event_base *base);

/* Before @http is freed. */
void connections_close(struct connections *connections);

/* Ends those whose clients are slow to fetch large answers, the oldest first. */
void connections_end_slow(struct connections *connections);
