/* SPDX-License-Identifier: Apache-2.0 */
/* One request: how libcurl is told about it, and what its end means. Private to api_http.c. */
#pragma once

#include <curl/curl.h>
#include <sys/time.h>
#include <utlist.h>

#include "source/api_http.h"

#define API_SAID_MAX 4096 /* of what a server says about an error */

struct api_call {
	struct api_http *http;
	struct api_call *prev, *next;
	struct api_call_handler handler;
	size_t server; /* index of the one that is asked */
	CURL *easy;
	CURLM *multi; /* NULL: not yet in it */
	struct curl_slist *headers;
	struct curl_slist *connect_to;
	struct event *watchdog;
	struct timeval stall;
	bool stalled;
	bool has_enough; /* the handler gave it up, and does not blame the server */
	char said[API_SAID_MAX + 1]; /* the beginning of an answer that is no 200 */
	size_t said_length;
	char error[CURL_ERROR_SIZE];
};

/* Everything but the watchdog. 0, -ENOMEM, or a negative errno: the token cannot be read. */
int api_call_prepare(struct api_call *call, const struct api_config *config, const char *server,
		     const char *path);

/* A prepared call takes @letter with it. 0 or -ENOMEM. */
int api_call_enclose(struct api_call *call, const struct api_letter *letter);

void api_call_answer(struct api_answer *ret, struct api_call *call, CURLcode code);

void api_call_free(struct api_call *call);
