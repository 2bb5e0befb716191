// SPDX-License-Identifier: Apache-2.0
#include "source/api_source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "source/api_kinds.h"
#include "source/api_watch.h"

#define QUIET_MS 5 /* changes of a burst are told together */
#define FAILURES_TOLD 2 /* in a row: one is nothing to speak of, an API server was restarted */

struct api_source {
	struct api_config config;
	struct store *store;
	struct manifest_listener listener;
	struct api_watch_listener of_watches;
	struct event *news; /* tells the listener */
	bool has_changed; /* there may be something to tell */
	bool was_ready; /* when it was last told */
	bool was_synced;
	uint64_t version; /* of the store, then */
	struct api_http *http;
	struct api_watch watches[API_KINDS];
	struct problem_list failures; /* of requests and of copies */
	struct manifest_problem *problems; /* strings are those of the lists */
};

bool api_source_is_ready(const struct api_source *source)
{
	for (size_t i = 0; i < API_KINDS; i++)
		if (!api_watch_is_ready(&source->watches[i]))
			return false;
	return true;
}

bool api_source_is_synced(const struct api_source *source)
{
	for (size_t i = 0; i < API_KINDS; i++)
		if (!source->watches[i].sync.is_synced)
			return false;
	return true;
}

const char *api_source_server(const struct api_source *source)
{
	return api_http_server(source->http);
}

struct api_http *api_source_http(const struct api_source *source)
{
	return source->http;
}

const char *api_source_version(const struct api_source *source, enum object_kind kind)
{
	for (size_t i = 0; i < API_KINDS; i++)
		if (api_kinds[i].kind == kind)
			return source->watches[i].feed.version ?: api_kinds[i].versions[0];
	return "v1";
}

static void on_news(evutil_socket_t fd, short what, void *arg)
{
	struct api_source *source = arg;
	bool is_ready = api_source_is_ready(source), is_synced = api_source_is_synced(source);
	uint64_t version = store_version(source->store);

	if (source->has_changed &&
	    (version != source->version || is_ready != source->was_ready ||
	     is_synced != source->was_synced)) {
		source->version = version;
		source->was_ready = is_ready;
		source->was_synced = is_synced;
		source->listener.changed(source->listener.arg);
	}
	source->has_changed = false;
	source->listener.looked(source->listener.arg);
}

/* Problems may differ; objects of a list that is not complete yet are no news. */
static void look_soon(void *arg)
{
	const struct timeval delay = { .tv_usec = QUIET_MS * 1000 };
	struct api_source *source = arg;

	if (!evtimer_pending(source->news, NULL))
		evtimer_add(source->news, &delay);
}

static void tell_soon(void *arg)
{
	struct api_source *source = arg;

	source->has_changed = true;
	look_soon(source);
}

/* Nothing is taken away before every kind has been listed: the last list settles all. */
static void on_listed(void *arg)
{
	struct api_source *source = arg;

	if (!api_source_is_synced(source))
		return;
	for (size_t i = 0; i < API_KINDS; i++)
		api_watch_settle(&source->watches[i]);
	tell_soon(source);
}

static int start(struct api_source *source, struct event_base *base, const char *state_dir,
		 const struct api_timing *timing)
{
	int r;

	source->of_watches = (struct api_watch_listener){
		.arg = source,
		.changed = tell_soon,
		.listed = on_listed,
		.failed = look_soon,
	};
	source->news = evtimer_new(base, on_news, source);
	r = source->news ? api_http_new(&source->http, base, &source->config) : -ENOMEM;
	for (size_t i = 0; i < API_KINDS && !r; i++)
		r = api_watch_start(&source->watches[i], &api_kinds[i], source->http, base,
				    source->store, state_dir, timing, &source->of_watches);
	source->version = store_version(source->store);
	source->was_ready = api_source_is_ready(source);
	return r;
}

int api_source_new(struct api_source **ret, struct event_base *base, struct store *store,
		   struct api_config *config, const char *state_dir,
		   const struct api_timing *timing, const struct manifest_listener *listener)
{
	cleanup(api_source_freep) struct api_source *source = calloc(1, sizeof(*source));
	int r;

	if (!source) {
		api_config_done(config);
		return -ENOMEM;
	}
	source->config = *config;
	*config = (struct api_config){};
	source->store = store;
	source->listener = *listener;
	r = start(source, base, state_dir, timing);
	if (r < 0)
		return r;
	*ret = take_ptr(&source);
	return 0;
}

void api_source_free(struct api_source *source)
{
	if (!source)
		return;
	for (size_t i = 0; i < API_KINDS; i++)
		api_watch_stop(&source->watches[i]);
	api_http_free(source->http);
	if (source->news)
		event_free(source->news);
	problem_list_done(&source->failures);
	free(source->problems);
	api_config_done(&source->config);
	free(source);
}

void api_source_freep(struct api_source **source)
{
	api_source_free(*source);
}

static enum api_kind_state state_of(const struct api_sync *sync)
{
	if (sync->is_absent)
		return API_KIND_ABSENT;
	if (!sync->in_flight)
		return API_KIND_WAITING;
	return sync->is_watch ? API_KIND_WATCHING : API_KIND_LISTING;
}

bool api_source_kind(struct api_kind_status *ret, const struct api_source *source, size_t index)
{
	const struct api_watch *watch;

	if (index >= API_KINDS)
		return false;
	watch = &source->watches[index];
	*ret = (struct api_kind_status){
		.plural = watch->feed.kind->plural,
		.state = state_of(&watch->sync),
		.is_synced = watch->sync.is_synced,
		.is_recalled = watch->is_recalled,
		.objects = store_count(source->store, watch->feed.kind->kind),
	};
	return true;
}

/* What is in force may be old, or is nothing at all. */
static int add_failure(struct problem_list *list, const struct api_source *source,
		       const struct api_watch *watch)
{
	const struct api_sync *sync = &watch->sync;
	bool is_ready = api_watch_is_ready(watch);
	char text[API_FEED_ERROR_MAX * 2], path[API_PATH_MAX];

	if (!watch->error[0] || (is_ready && sync->failures < FAILURES_TOLD))
		return 0;
	snprintf(text, sizeof(text), "%s: %s%s", api_source_server(source), watch->error,
		 is_ready ? "; what was known before stays in force" : "");
	api_feed_path(path, &watch->feed);
	return problem_add_decoded(list, path,
				   &(struct decode_problem){
					   .object = "",
					   .field = "",
					   .text = text,
					   .warning = is_ready,
				   });
}

static int add_state(struct problem_list *list, const struct api_watch *watch)
{
	const struct api_state *state = &watch->state;
	char text[128];

	if (state->error)
		snprintf(text, sizeof(text), "the copy for the next start cannot be kept: %s",
			 strerror(-state->error));
	else if (state->damaged)
		snprintf(text, sizeof(text), "%zu lines of the copy cannot be read", state->damaged);
	else
		return 0;
	return problem_add_decoded(list, state->path,
				   &(struct decode_problem){
					   .object = "",
					   .field = "",
					   .text = text,
					   .warning = true,
				   });
}

static int collect_failures(struct api_source *source)
{
	int r = 0;

	problem_list_done(&source->failures);
	for (size_t i = 0; i < API_KINDS && !r; i++)
		r = add_failure(&source->failures, source, &source->watches[i]) ?:
		    add_state(&source->failures, &source->watches[i]);
	return r;
}

static size_t append(struct manifest_problem *to, size_t at, const struct problem_list *list)
{
	if (list->count)
		memcpy(to + at, list->items, list->count * sizeof(*list->items));
	return at + list->count;
}

const struct manifest_problem *api_source_problems(struct api_source *source, size_t *count)
{
	size_t total, at = 0;

	*count = 0;
	free(source->problems);
	source->problems = NULL;
	if (collect_failures(source) < 0)
		return NULL;
	total = source->failures.count;
	for (size_t i = 0; i < API_KINDS; i++)
		total += source->watches[i].feed.problems.count;
	source->problems = calloc(total + 1, sizeof(*source->problems));
	if (!source->problems)
		return NULL;
	at = append(source->problems, at, &source->failures);
	for (size_t i = 0; i < API_KINDS; i++)
		at = append(source->problems, at, &source->watches[i].feed.problems);
	*count = at;
	return source->problems;
}
