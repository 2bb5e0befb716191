/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kubernetes API servers as a source of objects: each kind is listed and then watched
 * (api_sync.h says what happens when that fails), and the store says what the API server
 * said last. Only GET requests are made (report/report.h writes). It never waits: without an
 * API server the store says what the copy of a former agent says.
 */
#pragma once

#include <event2/event.h>

#include "model/store.h"
#include "source/api_config.h"
#include "source/api_http.h"
#include "source/api_kinds.h"
#include "source/api_refusal.h"
#include "source/api_sync.h"
#include "source/manifest.h"

struct api_source;

/*
 * Start to ask. Copies are read from and kept in @state_dir (NULL: nowhere). @listener,
 * which is copied, hears when the store has changed or it has become ready or synced, and when
 * problems may differ, but not before the event loop runs. Takes what is in *@config,
 * also when it fails. 0 or a negative errno; the store is borrowed and must live longer.
 */
int api_source_new(struct api_source **ret, struct event_base *base, struct store *store,
		   struct api_config *config, const char *state_dir,
		   const struct api_timing *timing, const struct manifest_listener *listener);

/* Leaves the store as it is. */
void api_source_free(struct api_source *source);
void api_source_freep(struct api_source **source);

/*
 * Of every kind that @needs (enum api_need) are about all objects are known, from an API server
 * or from the copy. Before, a policy may be missing from the store: it must not be put in force.
 */
bool api_source_is_ready(const struct api_source *source, unsigned int needs);

/* Every such kind has been listed once. */
bool api_source_is_synced(const struct api_source *source, unsigned int needs);

/* The server that is asked now. */
const char *api_source_server(const struct api_source *source);

/* How the servers are asked, for others who have to; borrowed. */
struct api_http *api_source_http(const struct api_source *source);

/* The API version in which objects of @kind are asked for now, as "v1". */
const char *api_source_version(const struct api_source *source, enum object_kind kind);

enum api_kind_state {
	API_KIND_WAITING, /* to ask again */
	API_KIND_LISTING,
	API_KIND_WATCHING,
	API_KIND_ABSENT, /* the cluster does not have that kind */
};

struct api_kind_status {
	const char *plural;
	enum api_kind_state state;
	bool is_synced;
	bool is_recalled; /* from the copy, and not listed since */
	size_t objects;
	const struct api_refusal *refusal; /* borrowed */
};

/* The kind with number @index; false beyond the last one. */
bool api_source_kind(struct api_kind_status *ret, const struct api_source *source, size_t index);

/* As manifest_problems(); @file is the path of the request. */
const struct manifest_problem *api_source_problems(struct api_source *source, size_t *count);
