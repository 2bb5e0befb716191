// SPDX-License-Identifier: Apache-2.0
/*
 * libcurl says which sockets it waits for and when it wants to be called; libevent
 * waits. Calls end in one place, on_work(), never from within a callback of libcurl.
 */
#include "source/api_http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "source/api_call.h"

struct api_http {
	struct event_base *base;
	const struct api_config *config;
	CURLM *multi;
	struct event *timer;
	size_t server; /* index of the current one */
	struct api_call *calls;
};

static void on_work(struct api_http *http);

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	int flags = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);
	struct api_http *http = arg;
	int running;

	curl_multi_socket_action(http->multi, fd, flags, &running);
	on_work(http);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct api_http *http = arg;
	int running;

	curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	on_work(http);
}

static int want_timer(CURLM *multi, long ms, void *arg)
{
	struct timeval delay = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
	struct api_http *http = arg;

	if (ms < 0)
		evtimer_del(http->timer);
	else
		evtimer_add(http->timer, &delay);
	return 0;
}

/* @of_socket is the socket's event, once there is one. */
static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *of_socket)
{
	struct api_http *http = arg;
	struct event *event = of_socket;
	short flags = EV_PERSIST;

	if (event)
		event_free(event);
	curl_multi_assign(http->multi, fd, NULL);
	if (what == CURL_POLL_REMOVE)
		return 0;
	flags |= what & CURL_POLL_IN ? EV_READ : 0;
	flags |= what & CURL_POLL_OUT ? EV_WRITE : 0;
	event = event_new(http->base, fd, flags, on_ready, http);
	if (!event || event_add(event, NULL) < 0)
		return -1;
	curl_multi_assign(http->multi, fd, event);
	return 0;
}

/* Whoever found out first moves all; those who were asking there follow by themselves. */
static void leave_server(struct api_http *http, const struct api_call *call)
{
	if (call->server == http->server)
		http->server = (http->server + 1) % http->config->server_count;
}

static void end_call(struct api_http *http, struct api_call *call, CURLcode code)
{
	struct api_call_handler handler = call->handler;
	struct api_answer answer;

	api_call_answer(&answer, call, code);
	/* A server that is alive and says no is as good as the others. */
	if (!call->has_enough && (!answer.status || !answer.is_whole || answer.status >= 500))
		leave_server(http, call);
	api_call_cancel(call);
	handler.done(handler.arg, &answer);
}

static void on_work(struct api_http *http)
{
	struct api_call *call;
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
		end_call(http, call, message->data.result);
	}
}

static void on_stall(evutil_socket_t fd, short what, void *arg)
{
	struct api_call *call = arg;

	call->stalled = true;
	end_call(call->http, call, CURLE_OPERATION_TIMEDOUT);
}

const char *api_http_server(const struct api_http *http)
{
	return http->config->servers[http->server];
}

int api_http_get(struct api_call **ret, struct api_http *http, const char *path, int stall_ms,
		 const struct api_call_handler *handler)
{
	return api_http_send(ret, http, path, NULL, stall_ms, handler);
}

int api_http_send(struct api_call **ret, struct api_http *http, const char *path,
		  const struct api_letter *letter, int stall_ms,
		  const struct api_call_handler *handler)
{
	struct api_call *call = calloc(1, sizeof(*call));
	int r;

	if (!call)
		return -ENOMEM;
	call->http = http;
	call->handler = *handler;
	call->server = http->server;
	call->stall = (struct timeval){ stall_ms / 1000, stall_ms % 1000 * 1000 };
	DL_APPEND(http->calls, call);
	call->watchdog = evtimer_new(http->base, on_stall, call);
	r = call->watchdog && evtimer_add(call->watchdog, &call->stall) == 0 ? 0 : -ENOMEM;
	r = r ?: api_call_prepare(call, http->config, api_http_server(http), path);
	r = r ?: letter ? api_call_enclose(call, letter) : 0;
	if (!r && curl_multi_add_handle(http->multi, call->easy) != CURLM_OK)
		r = -ENOMEM;
	if (r < 0) {
		api_call_cancel(call);
		return r;
	}
	call->multi = http->multi;
	*ret = call;
	return 0;
}

void api_call_cancel(struct api_call *call)
{
	if (!call)
		return;
	if (call->multi)
		curl_multi_remove_handle(call->multi, call->easy);
	DL_DELETE(call->http->calls, call);
	api_call_free(call);
}

int api_http_new(struct api_http **ret, struct event_base *base, const struct api_config *config)
{
	cleanup(api_http_freep) struct api_http *http = calloc(1, sizeof(*http));

	if (!http)
		return -ENOMEM;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return -ENOMEM;
	http->base = base;
	http->config = config;
	http->multi = curl_multi_init();
	http->timer = evtimer_new(base, on_timer, http);
	if (!http->multi || !http->timer)
		return -ENOMEM;
	curl_multi_setopt(http->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, want_timer);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	*ret = take_ptr(&http);
	return 0;
}

void api_http_free(struct api_http *http)
{
	if (!http)
		return;
	while (http->calls)
		api_call_cancel(http->calls);
	if (http->multi)
		curl_multi_cleanup(http->multi);
	if (http->timer)
		event_free(http->timer);
	free(http);
}

void api_http_freep(struct api_http **http)
{
	api_http_free(*http);
}
