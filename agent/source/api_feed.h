/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the pieces of an answer to the store: elements of a list and events of a watch
 * of one kind. What cannot be used is a problem of its object, whose former version
 * stays in force.
 */
#pragma once

#include <jansson.h>

#include "model/store.h"
#include "source/api_cluster.h"
#include "source/api_kinds.h"
#include "source/api_state.h"
#include "source/api_sync.h"
#include "source/json_arena.h"
#include "source/manifest_problem.h"

#define API_FEED_ERROR_MAX 512
#define API_PATH_MAX 160

struct api_feed {
	const struct api_kind *kind;
	struct store *store; /* borrowed */
	struct api_state *state; /* borrowed; the copy for the next start */
	const char *version; /* of the kind, that the pieces have */
	uint32_t round; /* of the list */
	char cluster_uid[API_CLUSTER_UID_MAX]; /* of the namespace kube-system, or "" */
	bool is_partial; /* the list has an object whose name cannot be read: nothing is gone */
	struct json_arena arena; /* the values of the piece in hand */
	struct problem_list problems;
	size_t untold; /* more problems than are kept */
	char error[API_FEED_ERROR_MAX]; /* why the answer is of no use, or "" */
};

void api_feed_done(struct api_feed *feed);

/* "/apis/networking.k8s.io/v1/networkpolicies" */
void api_feed_path(char ret[static API_PATH_MAX], const struct api_feed *feed);

/* A list begins anew. */
void api_feed_begin(struct api_feed *feed, uint32_t round);

/* An element of it. 0 or -ENOMEM. */
int api_feed_item(struct api_feed *feed, const char *text, size_t length);

/* It is complete: what it did not name is gone. */
void api_feed_complete(struct api_feed *feed);

/* The kind is not known to the server: all its objects are gone. */
void api_feed_absent(struct api_feed *feed);

/*
 * An event of the watch. 0, -ENOMEM, -EAGAIN for an error of the server, or -ESTALE when
 * all must be listed again; then feed->error says why.
 */
int api_feed_event(struct api_feed *feed, struct api_sync *sync, const char *text, size_t length);

/* A line of the state of a former agent: as an element, without a copy. 0 or -ENOMEM. */
int api_feed_recall(struct api_feed *feed, const json_t *object);

/* What the metadata of a list says; borrowed, "" when it is not there. */
const char *api_feed_text(const json_t *object, const char *member);
