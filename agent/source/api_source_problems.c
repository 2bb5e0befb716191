// SPDX-License-Identifier: Apache-2.0
/* What is wrong with the source as a whole, with requests, and with objects. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "source/api_source_private.h"

#define FAILURES_TOLD 2 /* in a row: one is nothing to speak of, an API server was restarted */

static int add(struct problem_list *list, const char *path, const char *text, bool warning)
{
	return problem_add_decoded(list, path,
				   &(struct decode_problem){
					   .object = "",
					   .field = "",
					   .text = text,
					   .warning = warning,
				   });
}

static const char *who_waits(unsigned int needs)
{
	switch (needs) {
	case API_NEED_POLICY:
		return "; no policy is computed and no pod starts before it is known";
	case API_NEED_SERVICES:
		return "; no service is written before it is known";
	case API_NEED_SERVICE_CIDRS:
		return "; no service CIDR but those of the option is kept for services before it is known";
	default:
		return "; neither policy nor services are in force before it is known";
	}
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
		 is_ready ? "; what was known before stays in force" :
			    who_waits(watch->feed.kind->needs));
	api_feed_path(path, &watch->feed);
	return add(list, path, text, is_ready);
}

static int add_state(struct problem_list *list, const struct api_watch *watch)
{
	const struct api_state *state = &watch->state;
	char text[128];

	if (state->error == -ENODATA)
		snprintf(text, sizeof(text),
			 "the copy for the next start is not kept: an object is in force that cannot "
			 "be read any more");
	else if (state->error)
		snprintf(text, sizeof(text), "the copy for the next start cannot be kept: %s",
			 strerror(-state->error));
	else if (state->damaged)
		snprintf(text, sizeof(text), "%zu lines of the copy cannot be read", state->damaged);
	else
		return 0;
	return add(list, state->path, text, true);
}

static int collect_failures(struct api_source *source)
{
	int r = 0;

	problem_list_done(&source->failures);
	if (source->why_unused[0])
		r = add(&source->failures, source->cluster.path, source->why_unused, true);
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
