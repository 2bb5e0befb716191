// SPDX-License-Identifier: Apache-2.0
#include "source/api_watch.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"

#define SPARE_PAUSE_MS 2 /* between two pieces, for all others */

static uint32_t random_number(void)
{
	uint32_t number = 0;

	/* Not at the start of a machine, and then any number does. */
	if (getrandom(&number, sizeof(number), GRND_NONBLOCK) < 0)
		number = (uint32_t)clock_us();
	return number;
}

bool api_watch_is_ready(const struct api_watch *watch)
{
	return !watch->is_foreign && (watch->sync.is_synced || watch->is_recalled);
}

static void schedule(struct api_watch *watch)
{
	int64_t ms = watch->sync.due_ms - clock_ms();
	struct timeval delay = {};

	if (ms > 0)
		delay = (struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
	evtimer_add(watch->timer, &delay);
}

static void set_error(struct api_watch *watch, const char *text)
{
	snprintf(watch->error, sizeof(watch->error), "%s", text);
}

static int on_piece(void *arg, const char *text, size_t length)
{
	struct api_watch *watch = arg;
	int r;

	if (!watch->request.is_watch)
		return api_feed_item(&watch->feed, text, length);
	r = api_feed_event(&watch->feed, &watch->sync, text, length);
	if (!r)
		return 0;
	/* After what was not taken in, the rest makes no sense either: all is listed again. */
	watch->outcome = r == -EAGAIN ? API_REFUSED : API_GONE;
	watch->is_given_up = true;
	set_error(watch, r == -ENOMEM ? "out of memory" : watch->feed.error);
	return -ECANCELED;
}

static void spare_soon(struct api_watch *watch)
{
	const struct timeval pause = { .tv_usec = SPARE_PAUSE_MS * 1000 };

	if (api_state_is_busy(&watch->state))
		evtimer_add(watch->spare, &pause);
}

static void on_spare(evutil_socket_t fd, short what, void *arg)
{
	struct api_watch *watch = arg;

	api_state_step(&watch->state);
	spare_soon(watch);
	if (watch->state.error)
		watch->listener->failed(watch->listener->arg);
}

static void flush_state(struct api_watch *watch)
{
	api_state_flush(&watch->state, store_count(watch->feed.store, watch->feed.kind->kind));
	if (!evtimer_pending(watch->spare, NULL))
		spare_soon(watch);
}

static int on_data(void *arg, const char *bytes, size_t length)
{
	struct api_watch *watch = arg;
	const struct api_stream_sink sink = { .arg = watch, .piece = on_piece };
	int r;

	if (watch->request.is_first && !watch->has_begun) {
		watch->has_begun = true;
		api_feed_begin(&watch->feed, watch->sync.round);
	}
	r = api_stream_feed(&watch->stream, bytes, length, &sink);
	flush_state(watch);
	if (watch->request.is_watch)
		watch->listener->changed(watch->listener->arg);
	if (!r || r == -ECANCELED)
		return r;
	watch->outcome = API_CUT;
	watch->is_given_up = true;
	set_error(watch, r == -EMSGSIZE ? "an object is larger than any can be" :
			 r == -ENOMEM ? "out of memory" : "the answer is not JSON of the kind asked for");
	return r;
}

void api_watch_settle(struct api_watch *watch)
{
	if (!watch->is_unsettled)
		return;
	watch->is_unsettled = false;
	if (watch->sync.is_absent)
		api_feed_absent(&watch->feed);
	else
		api_feed_complete(&watch->feed);
	flush_state(watch);
	watch->is_recalled = watch->is_foreign = false;
	watch->listener->changed(watch->listener->arg);
}

void api_watch_disown(struct api_watch *watch)
{
	watch->is_foreign = watch->is_recalled;
	watch->is_recalled = false;
}

static void end_list(struct api_watch *watch)
{
	watch->is_unsettled = true;
	watch->listener->changed(watch->listener->arg);
	watch->listener->listed(watch->listener->arg);
}

/* What stands around the items says where the list goes on. */
static enum api_outcome read_head(struct api_watch *watch)
{
	cleanup(json_decrefp) json_t *head = NULL;
	int r;

	if (watch->stream.head.length)
		head = json_loadb(watch->stream.head.data, watch->stream.head.length, 0, NULL);
	r = head ? api_sync_page(&watch->sync, api_feed_text(head, "resourceVersion"),
				 api_feed_text(head, "continue")) : -EBADMSG;
	if (r < 0)
		set_error(watch, r == -ENOMEM ? "out of memory" :
					       "the list has no usable resourceVersion or continue");
	else if (r)
		end_list(watch);
	return r < 0 ? API_CUT : API_DONE;
}

static enum api_outcome judge(struct api_watch *watch, const struct api_answer *answer)
{
	enum api_outcome outcome = api_outcome_of(answer->status, answer->wait_ms > 0);

	if (watch->is_given_up)
		return watch->outcome;
	if (answer->status)
		watch->refusal.verb = NULL;
	set_error(watch, answer->error);
	if (outcome == API_FORBIDDEN)
		api_refusal_note(&watch->refusal, watch->error, sizeof(watch->error),
				 watch->request.is_watch, watch->feed.kind->plural, answer->error);
	if (answer->is_stalled)
		return API_SILENT;
	if (outcome != API_DONE)
		return outcome;
	if (!answer->is_whole)
		return API_CUT;
	if (api_stream_finish(&watch->stream) < 0) {
		set_error(watch, "the answer was cut off");
		return API_CUT;
	}
	return watch->request.is_watch ? API_DONE : read_head(watch);
}

static void end_request(struct api_watch *watch, enum api_outcome outcome, int64_t wait_ms)
{
	struct api_sync *sync = &watch->sync;

	sync->has_objects = store_count(watch->feed.store, watch->feed.kind->kind) > 0;
	if (api_sync_ended(sync, outcome, wait_ms, clock_ms(), random_number()))
		end_list(watch);
	/* A custom resource may not be there. */
	if (outcome == API_ABSENT && sync->optional)
		set_error(watch, "");
	/* A copy that could not be written is begun anew with all objects. */
	if (watch->state.error && watch->request.is_watch)
		api_sync_relist(sync);
	watch->listener->failed(watch->listener->arg);
	schedule(watch);
}

static void on_done(void *arg, const struct api_answer *answer)
{
	struct api_watch *watch = arg;

	watch->call = NULL;
	end_request(watch, judge(watch, answer), answer->wait_ms);
}

static char *request_path(const struct api_watch *watch)
{
	const struct api_request *request = &watch->request;
	const char *value = request->version ?: request->next;
	char *escaped = value ? curl_easy_escape(NULL, value, 0) : NULL;
	cleanup(buf_done) struct buf path = {};
	char base[API_PATH_MAX];

	api_feed_path(base, &watch->feed);
	buf_str(&path, base);
	if (request->is_watch)
		buf_printf(&path, "?watch=1&allowWatchBookmarks=true&timeoutSeconds=%u"
				  "&resourceVersion=%s", request->timeout_s, escaped ?: "");
	else if (request->limit)
		buf_printf(&path, "?limit=%u%s%s", request->limit, escaped ? "&continue=" : "",
			   escaped ?: "");
	else if (escaped)
		buf_printf(&path, "?continue=%s", escaped);
	curl_free(escaped);
	return buf_take(&path);
}

static void on_due(evutil_socket_t fd, short what, void *arg)
{
	struct api_watch *watch = arg;
	const struct api_call_handler handler = { .arg = watch, .data = on_data, .done = on_done };
	cleanup(freep) char *path = NULL;
	int r;

	api_sync_next(&watch->request, &watch->sync, clock_ms(), random_number());
	watch->feed.version = watch->feed.kind->versions[watch->sync.version_index];
	watch->has_begun = watch->is_given_up = false;
	api_stream_start(&watch->stream, !watch->request.is_watch);
	path = request_path(watch);
	r = path ? api_http_get(&watch->call, watch->http, path, watch->sync.timing->stall,
				&handler) : -ENOMEM;
	if (r == 0)
		return;
	snprintf(watch->error, sizeof(watch->error), "the request cannot be made%s: %s",
		 r == -ENOMEM ? "" : ", the token file cannot be used", strerror(-r));
	end_request(watch, API_CUT, 0);
}

static int recall(void *arg, const json_t *object)
{
	struct api_watch *watch = arg;

	return api_feed_recall(&watch->feed, object);
}

static void recall_deleted(void *arg, const char *namespace, const char *name)
{
	struct api_watch *watch = arg;

	store_delete(watch->feed.store, watch->feed.kind->kind, namespace, name);
}

int api_watch_start(struct api_watch *watch, const struct api_kind *kind, struct api_http *http,
		    struct event_base *base, struct store *store, const char *state_dir,
		    bool has_copy, const struct api_timing *timing, const struct api_watch_listener *listener)
{
	const struct api_state_sink sink = { .arg = watch, .object = recall,
					     .deleted = recall_deleted };
	unsigned int versions = kind->versions[1] ? 2 : 1;
	int r;

	watch->http = http;
	watch->listener = listener;
	watch->feed = (struct api_feed){ .kind = kind, .store = store, .state = &watch->state,
					 .version = kind->versions[0] };
	api_sync_init(&watch->sync, timing, kind->optional, versions, clock_ms());
	watch->timer = evtimer_new(base, on_due, watch);
	watch->spare = evtimer_new(base, on_spare, watch);
	r = watch->timer && watch->spare ? api_state_init(&watch->state, state_dir, kind->plural) :
					   -ENOMEM;
	if (!r && has_copy)
		r = api_state_load(&watch->state, &sink);
	if (r < 0)
		return r;
	watch->is_recalled = r;
	schedule(watch);
	return 0;
}

void api_watch_stop(struct api_watch *watch)
{
	api_call_cancel(watch->call);
	if (watch->timer)
		event_free(watch->timer);
	if (watch->spare)
		event_free(watch->spare);
	api_stream_done(&watch->stream);
	api_feed_done(&watch->feed);
	api_state_done(&watch->state);
	api_sync_done(&watch->sync);
}
