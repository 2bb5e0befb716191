/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of api_source.h. */
#pragma once

#include "source/api_cluster.h"
#include "source/api_source.h"
#include "source/api_watch.h"

struct api_source {
	struct api_config config;
	struct store *store;
	struct manifest_listener listener;
	struct api_watch_listener of_watches;
	struct event *news; /* tells the listener */
	bool has_changed; /* there may be something to tell */
	unsigned int ready; /* of enum api_need: whose kinds were all known when it was last told */
	unsigned int synced; /* and listed */
	uint64_t version; /* of the store, then */
	struct api_http *http;
	struct api_cluster cluster;
	char why_unused[API_CONFIG_ERROR_MAX]; /* the copies are of no use, or "" */
	struct api_watch watches[API_KINDS];
	struct problem_list failures; /* of requests and of copies */
	struct manifest_problem *problems; /* strings are those of the lists */
};
