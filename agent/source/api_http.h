/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to the API servers, by libcurl on the event loop. All requests go to one
 * server; when it cannot be reached, the next ones go to the next server.
 *
 * HTTP/1.1 on purpose: a request that is given up closes its connection, so a dead
 * connection is never used again.
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "source/api_config.h"

#define API_HTTP_ERROR_MAX 512

struct api_http;
struct api_call;

struct api_answer {
	long status; /* of HTTP; 0: there was none */
	bool is_whole; /* it arrived to its end */
	bool is_stalled; /* nothing was heard for too long */
	int64_t wait_ms; /* Retry-After; 0: none */
	/* What went wrong with the transport, or what the server said of an error; or "". */
	char error[API_HTTP_ERROR_MAX];
};

struct api_call_handler {
	void *arg;
	/*
	 * Bytes of an answer with status 200 or 201. Anything but 0 gives the request up;
	 * -ECANCELED says that the server is not to blame.
	 */
	int (*data)(void *arg, const char *bytes, size_t length);
	/* Always from the event loop; the call is gone afterwards. */
	void (*done)(void *arg, const struct api_answer *answer);
};

/* The configuration is borrowed and must live longer. 0 or a negative errno. */
int api_http_new(struct api_http **ret, struct event_base *base, const struct api_config *config);
/* Calls that are under way end without a word. */
void api_http_free(struct api_http *http);
void api_http_freep(struct api_http **http);

/* Where requests go now, for people. */
const char *api_http_server(const struct api_http *http);

/*
 * Ask for @path ("/api/v1/pods?limit=500"). The request is given up after @stall_ms
 * without a byte. 0 or a negative errno; the handler is copied.
 */
int api_http_get(struct api_call **ret, struct api_http *http, const char *path, int stall_ms,
		 const struct api_call_handler *handler);

/* What is sent with a request that asks for a change. */
struct api_letter {
	const char *method; /* "POST", "PATCH" */
	const char *type; /* the Content-Type of the body */
	const char *body; /* JSON, copied */
};

/* The same with @letter (NULL: GET). */
int api_http_send(struct api_call **ret, struct api_http *http, const char *path,
		  const struct api_letter *letter, int stall_ms,
		  const struct api_call_handler *handler);

/* It is as it was asked for. */
static inline bool api_answer_is_good(const struct api_answer *answer)
{
	return answer->is_whole && (answer->status == 200 || answer->status == 201);
}

/* Give the request up; its handler hears nothing more. NULL is accepted. */
void api_call_cancel(struct api_call *call);
