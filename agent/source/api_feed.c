// SPDX-License-Identifier: Apache-2.0
#include "source/api_feed.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/jsoncost.h"
#include "base/utf8.h"
#include "source/api_feed_private.h"
#include "source/api_outline.h"
#include "source/decode.h"
#include "source/fingerprint.h"
#include "source/json_plain.h"

#define LABEL_MAX 512 /* kind, namespace and name have 63 + 63 + 253 characters at most */

/* What the decoder makes of one object. */
struct taking {
	struct api_feed *feed;
	struct object *object; /* NULL: nothing that could be used */
	char label[LABEL_MAX]; /* "NetworkPolicy shop/front" */
	size_t first_problem;
	bool no_memory;
};

void api_feed_done(struct api_feed *feed)
{
	problem_list_done(&feed->problems);
	json_arena_done(&feed->arena);
}

void api_feed_path(char ret[static API_PATH_MAX], const struct api_feed *feed)
{
	snprintf(ret, API_PATH_MAX, "%s/%s/%s", feed->kind->group, feed->version,
		 feed->kind->plural);
}

const char *api_feed_text(const json_t *object, const char *member)
{
	const json_t *metadata = json_object_get(object, "metadata");

	return json_string_value(json_object_get(metadata, member)) ?: "";
}

static int add_problem(struct api_feed *feed, const struct decode_problem *problem)
{
	struct decode_problem item = *problem;
	char path[API_PATH_MAX];

	if (feed->problems.count >= PROBLEMS_MAX) {
		feed->untold++;
		return 0;
	}
	item.document = item.line = 0;
	api_feed_path(path, feed);
	return problem_add_decoded(&feed->problems, path, &item);
}

static void take_object(void *arg, struct object *obj)
{
	struct taking *taking = arg;

	object_free(taking->object);
	taking->object = obj;
}

static void take_problem(void *arg, const struct decode_problem *problem)
{
	struct decode_problem item = *problem;
	struct taking *taking = arg;

	/* The decoder does not repeat a name that is none; here it is how the problem goes again. */
	if (!*item.object)
		item.object = taking->label;
	if (add_problem(taking->feed, &item) < 0)
		taking->no_memory = true;
}

/* As the decoder names it. */
static void name_object(char ret[static LABEL_MAX], const struct api_feed *feed,
			const char *namespace, const char *name)
{
	snprintf(ret, LABEL_MAX, "%s %s%s%s", feed->kind->name, namespace, *namespace ? "/" : "",
		 name);
	utf8_trim(ret);
}

static int keep_former(struct taking *taking, const char *namespace, const char *name)
{
	struct api_feed *feed = taking->feed;
	struct problem_list *problems = &feed->problems;

	if (!store_mark(feed->store, feed->kind->kind, namespace, name, feed->round))
		return 0;
	if (feed->state)
		api_state_keep(feed->state);
	if (problems->count == taking->first_problem)
		return 0;
	return problem_append(&problems->items[problems->count - 1],
			      "; its former version stays in force");
}

/* Equal objects are not put again: nothing has to be computed because of them. */
static int put(struct api_feed *feed, struct object *obj, bool *changed)
{
	cleanup(object_freep) struct object *owned = obj;
	const struct object *former = store_get(feed->store, obj->kind, obj->namespace, obj->name);

	*changed = !former || fingerprint_object(former) != fingerprint_object(obj);
	return *changed ? store_put(feed->store, take_ptr(&owned)) : 0;
}

static int use(struct taking *taking, const char *namespace, const char *name, const json_t *value)
{
	struct api_feed *feed = taking->feed;
	bool changed;
	int r;

	if (!taking->object)
		return keep_former(taking, namespace, name);
	r = put(feed, take_ptr(&taking->object), &changed);
	if (r < 0)
		return r;
	store_mark(feed->store, feed->kind->kind, namespace, name, feed->round);
	return feed->state && value ? api_state_put(feed->state, feed->kind, value, changed) : 0;
}

/* It is noted in a file of lines. */
static bool is_uid(const char *text)
{
	size_t length = strlen(text);

	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)text[i]) && text[i] != '-')
			return false;
	return length && length < API_CLUSTER_UID_MAX;
}

/* Of the one namespace that every cluster has and nobody can make anew. */
static void note_cluster(struct api_feed *feed, const json_t *object, const char *name)
{
	const char *uid = api_feed_text(object, "uid");

	if (feed->kind->kind == OBJECT_NAMESPACE && !strcmp(name, "kube-system") && is_uid(uid))
		strcpy(feed->cluster_uid, uid);
}

int api_feed_apply(struct api_feed *feed, json_t *object, bool is_deleted, bool is_copy)
{
	const char *namespace = feed->kind->namespaced ? api_feed_text(object, "namespace") : "";
	const char *name = api_feed_text(object, "name");
	struct taking taking = { .feed = feed };
	const struct decode_sink sink = { .arg = &taking, .object = take_object,
					  .problem = take_problem };
	int r = api_kind_complete(feed->kind, feed->version, object);

	if (r < 0)
		return r;
	if (!*name || (feed->kind->namespaced && !*namespace))
		return -EBADMSG;
	name_object(taking.label, feed, namespace, name);
	problem_list_drop(&feed->problems, taking.label);
	if (is_deleted) {
		if (!store_delete(feed->store, feed->kind->kind, namespace, name))
			return 0;
		return feed->state ? api_state_delete(feed->state, namespace, name) : 0;
	}
	if (!is_copy)
		note_cluster(feed, object, name);
	taking.first_problem = feed->problems.count;
	r = decode_json(&sink, object, 1, 1);
	r = r ?: taking.no_memory ? -ENOMEM : 0;
	r = r ?: use(&taking, namespace, name, is_copy ? NULL : object);
	object_free(taking.object);
	return r;
}

json_t *api_feed_parse(const char *text, size_t length, const char *inside)
{
	cleanup(buf_done) struct buf trimmed = {};
	struct json_extent extent;
	int r;

	if (api_outline_trim(&trimmed, text, length, inside)) {
		text = trimmed.data;
		length = trimmed.length;
	}
	extent = json_extent(text, length);
	if (extent.end != text + length)
		return NULL;
	return json_plain_or(JSON_ALLOW_NUL, text, &extent, &r);
}

/* A policy that was never read isolates, like one whose spec is nonsense. */
static int isolate(struct api_feed *feed, json_t *outline, const char *namespace, const char *name)
{
	if (feed->kind->kind != OBJECT_NETWORK_POLICY ||
	    store_get(feed->store, feed->kind->kind, namespace, name))
		return 0;
	if (json_object_set_new(outline, "spec", json_string("")) < 0)
		return -ENOMEM;
	return api_feed_apply(feed, outline, false, false);
}

int api_feed_unread(struct api_feed *feed, json_t *outline)
{
	const char *namespace = feed->kind->namespaced ? api_feed_text(outline, "namespace") : "";
	const char *name = api_feed_text(outline, "name");
	struct taking taking = { .feed = feed };
	int r;

	if (!*name || (feed->kind->namespaced && !*namespace))
		return -EBADMSG;
	name_object(taking.label, feed, namespace, name);
	r = isolate(feed, outline, namespace, name);
	problem_list_drop(&feed->problems, taking.label);
	taking.first_problem = feed->problems.count;
	r = r ?: add_problem(feed, &(struct decode_problem){
					   .object = taking.label,
					   .field = "",
					   .text = "cannot be read: too large, or no JSON",
				   });
	return r ?: keep_former(&taking, namespace, name);
}

void api_feed_begin(struct api_feed *feed, uint32_t round)
{
	feed->round = round;
	feed->is_partial = false;
	feed->untold = 0;
	problem_list_done(&feed->problems);
	if (feed->state)
		api_state_begin(feed->state, store_count(feed->store, feed->kind->kind));
}

int api_feed_item(struct api_feed *feed, const char *text, size_t length)
{
	json_t *object;
	int r;

	json_arena_begin(&feed->arena);
	object = api_feed_parse(text, length, NULL);
	r = object ? api_feed_apply(feed, object, false, false) :
		     api_feed_unread(feed, api_outline(text, length));
	json_arena_end(&feed->arena);
	if (r != -EBADMSG)
		return r;
	/* One object that nobody can read must not hide all the others. */
	feed->is_partial = true;
	return add_problem(feed, &(struct decode_problem){
					 .object = "",
					 .field = "",
					 .text = "an object of the list cannot be read; nothing that is "
						 "not in the list is taken away",
				 });
}

static void on_swept(const struct object *obj, void *arg)
{
	struct api_feed *feed = arg;

	if (feed->state)
		api_state_delete(feed->state, obj->namespace, obj->name);
}

void api_feed_complete(struct api_feed *feed)
{
	if (!feed->is_partial)
		store_sweep(feed->store, feed->kind->kind, feed->round, on_swept, feed);
	else if (feed->state)
		api_state_keep(feed->state);
	if (feed->state)
		api_state_complete(feed->state);
}

void api_feed_absent(struct api_feed *feed)
{
	/* No object has the mark of a round that is still to come. */
	api_feed_begin(feed, feed->round + 1);
	api_feed_complete(feed);
}

int api_feed_recall(struct api_feed *feed, const json_t *object)
{
	cleanup(json_decrefp) json_t *copy = json_copy((json_t *)object);
	int r = copy ? api_feed_apply(feed, copy, false, true) : -ENOMEM;

	return r == -EBADMSG ? 0 : r;
}
