// SPDX-License-Identifier: Apache-2.0
#include "source/api_source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "source/api_kinds.h"
#include "source/api_source_private.h"

#define QUIET_MS 5 /* changes of a burst are told together */

static bool is_listed(const struct api_watch *watch)
{
	return watch->sync.is_synced;
}

/* Of all kinds that somebody reads for one of @needs it is @true_of. */
static bool all_are(const struct api_source *source, unsigned int needs,
		    bool (*true_of)(const struct api_watch *watch))
{
	for (size_t i = 0; i < API_KINDS; i++)
		if (api_kinds[i].needs & needs && !true_of(&source->watches[i]))
			return false;
	return true;
}

bool api_source_is_ready(const struct api_source *source, unsigned int needs)
{
	return all_are(source, needs, api_watch_is_ready);
}

bool api_source_is_synced(const struct api_source *source, unsigned int needs)
{
	return all_are(source, needs, is_listed);
}

/* The needs of which all kinds are @true_of. */
static unsigned int which_are(const struct api_source *source,
			      bool (*true_of)(const struct api_watch *watch))
{
	unsigned int needs = 0;

	for (unsigned int need = 1; need & API_NEEDS_ALL; need <<= 1)
		needs |= all_are(source, need, true_of) ? need : 0;
	return needs;
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
	unsigned int ready = which_are(source, api_watch_is_ready);
	unsigned int synced = which_are(source, is_listed);
	uint64_t version = store_version(source->store);

	if (source->has_changed &&
	    (version != source->version || ready != source->ready || synced != source->synced)) {
		source->version = version;
		source->ready = ready;
		source->synced = synced;
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

/* Where copies lie that are not in use, and where some are in use that must not be. */
static void disown_copies(struct api_source *source)
{
	snprintf(source->why_unused, sizeof(source->why_unused),
		 "the copies of objects were not this cluster's: its namespace kube-system has "
		 "another UID; nothing of them counts any more");
	log_warn("%s", source->why_unused);
	for (size_t i = 0; i < API_KINDS; i++)
		api_watch_disown(&source->watches[i]);
}

/* The server has said something about the cluster; the copies are its from then on. */
static void look_at_cluster(struct api_source *source)
{
	struct api_cluster *cluster = &source->cluster;
	bool was_bound = cluster->is_bound;
	int r;

	for (size_t i = 0; i < API_KINDS; i++) {
		const char *uid = source->watches[i].feed.cluster_uid;

		if (*uid && !api_cluster_hear(cluster, uid))
			disown_copies(source);
	}
	for (size_t i = 0; i < API_KINDS; i++) {
		if (source->watches[i].is_foreign)
			return;
		if (!was_bound)
			api_state_clear(&source->watches[i].state);
	}
	r = api_cluster_bind(cluster);
	if (r < 0)
		snprintf(source->why_unused, sizeof(source->why_unused),
			 "it cannot be noted of which cluster the copies are, the next start does "
			 "not use them: %s", strerror(-r));
	else
		source->why_unused[0] = '\0';
}

/*
 * Nothing is taken away before all that goes with it has been listed: the last list of a need
 * settles all of its kinds. What another need waits for does not hold it up.
 */
static void on_listed(void *arg)
{
	struct api_source *source = arg;

	for (size_t i = 0; i < API_KINDS; i++)
		if (api_source_is_synced(source, api_kinds[i].needs))
			api_watch_settle(&source->watches[i]);
	look_at_cluster(source);
	tell_soon(source);
}

static int start(struct api_source *source, struct event_base *base, const char *state_dir,
		 const struct api_timing *timing)
{
	int r, has_copy;

	source->of_watches = (struct api_watch_listener){
		.arg = source,
		.changed = tell_soon,
		.listed = on_listed,
		.failed = look_soon,
	};
	source->news = evtimer_new(base, on_news, source);
	has_copy = api_cluster_open(&source->cluster, state_dir, &source->config,
				    source->why_unused);
	r = source->news && has_copy >= 0 ? api_http_new(&source->http, base, &source->config) :
					    -ENOMEM;
	for (size_t i = 0; i < API_KINDS && !r; i++)
		r = api_watch_start(&source->watches[i], &api_kinds[i], source->http, base,
				    source->store, state_dir, has_copy, timing,
				    &source->of_watches);
	source->version = store_version(source->store);
	source->ready = which_are(source, api_watch_is_ready);
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
	api_cluster_done(&source->cluster);
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
		.refusal = &watch->refusal,
	};
	return true;
}
