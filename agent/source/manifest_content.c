// SPDX-License-Identifier: Apache-2.0
#include "source/manifest_content.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "source/yaml.h"

#define HASH_PRIME 0x100000001b3u

struct reading {
	struct manifest_content content;
	const char *file;
	uint64_t hash; /* of the current document */
	bool no_memory;
};

static void object_done(struct manifest_object *item)
{
	free(item->namespace);
	free(item->name);
	free(item->label);
	object_free(item->object);
}

void content_done(struct manifest_content *content)
{
	for (size_t i = 0; i < content->count; i++)
		object_done(&content->objects[i]);
	free(content->objects);
	problem_list_done(&content->problems);
	*content = (struct manifest_content){};
}

/* FNV-1a: who writes manifests decides about policy anyway, so nobody gains from a collision. */
uint64_t content_hash(uint64_t hash, const void *data, size_t length)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ bytes[i]) * HASH_PRIME;
	return hash;
}

static int hash_chunk(const char *chunk, size_t length, void *arg)
{
	uint64_t *hash = arg;

	*hash = content_hash(*hash, chunk, length);
	return 0;
}

/* Leaves the array as it is when there is no memory. */
static int content_append(struct manifest_content *content, const struct manifest_object *item)
{
	struct manifest_object *objects = content->objects;

	/* Grows when the count is a power of two. */
	if (!(content->count & (content->count - 1))) {
		objects = reallocarray(objects, content->count ? content->count * 2 : 1,
				       sizeof(*objects));
		if (!objects)
			return -ENOMEM;
		content->objects = objects;
	}
	objects[content->count++] = *item;
	return 0;
}

static char *object_label(const struct object *obj)
{
	const char *slash = obj->namespace[0] ? "/" : "";
	char *label;

	if (asprintf(&label, "%s %s%s%s", object_kind_name(obj->kind), obj->namespace, slash,
		     obj->name) < 0)
		return NULL;
	return label;
}

static void take_object(void *arg, struct object *obj)
{
	struct reading *reading = arg;
	struct manifest_object item = {
		.kind = obj->kind,
		.namespace = strdup(obj->namespace),
		.name = strdup(obj->name),
		.label = object_label(obj),
		.hash = reading->hash,
		.object = obj,
	};

	if (!item.namespace || !item.name || !item.label ||
	    content_append(&reading->content, &item) < 0) {
		object_done(&item);
		reading->no_memory = true;
	}
}

static void take_problem(void *arg, const struct decode_problem *problem)
{
	struct reading *reading = arg;

	if (problem_add_decoded(&reading->content.problems, reading->file, problem) < 0)
		reading->no_memory = true;
}

static int take_document(void *arg, const json_t *value, unsigned int number, unsigned int line)
{
	struct reading *reading = arg;
	const struct decode_sink sink = {
		.arg = reading,
		.object = take_object,
		.problem = take_problem,
	};

	reading->hash = CONTENT_HASH_START;
	if (json_dump_callback(value, hash_chunk, &reading->hash,
			       JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY) < 0)
		return -ENOMEM;
	return decode_json(&sink, value, number, line);
}

int content_decode(struct manifest_content *ret, const char *file, const char *text,
		   size_t length)
{
	cleanup(content_done) struct manifest_content content = {};
	struct reading reading = { .file = file };
	char error[YAML_ERROR_MAX] = "";
	unsigned int line = 0;
	int r;

	r = yaml_each(text, length, take_document, &reading, error, &line);
	content = reading.content;
	if (r == -EINVAL) {
		const struct decode_problem syntax = {
			.line = line,
			.object = "",
			.field = "",
			.text = error,
		};

		content.broken = true;
		r = problem_add_decoded(&content.problems, file, &syntax);
	}
	if (r < 0 || reading.no_memory)
		return -ENOMEM;
	*ret = content;
	content = (struct manifest_content){};
	return 0;
}

struct manifest_object *content_find(const struct manifest_content *content, const char *label,
				     size_t *hint)
{
	size_t at;

	for (size_t i = 0; i < content->count; i++) {
		at = (*hint + i) % content->count;
		if (!strcmp(content->objects[at].label, label)) {
			*hint = at + 1;
			return &content->objects[at];
		}
	}
	return NULL;
}

/* The object moves: @from no longer owns anything. */
static int keep_object(struct manifest_content *after, struct manifest_object *from,
		       struct manifest_problem *problem)
{
	int r;

	r = problem_append(problem, "; its previous version stays in force");
	if (r >= 0)
		r = content_append(after, from);
	return r;
}

int content_keep(struct manifest_content *after, struct manifest_content *before)
{
	size_t first_kept = after->count;
	struct manifest_problem *problem;
	struct manifest_object *kept;
	size_t hint = 0, hint_after = 0;
	int r;

	for (size_t i = 0; i < after->problems.count; i++) {
		problem = &after->problems.items[i];
		if (problem->warning || !problem->object[0] ||
		    content_find(after, problem->object, &hint_after))
			continue;
		kept = content_find(before, problem->object, &hint);
		r = kept ? keep_object(after, kept, problem) : 0;
		if (r < 0) {
			after->count = first_kept;
			return r;
		}
	}
	/* Only now that nothing can fail, the old list lets go of them. */
	for (size_t i = first_kept; i < after->count; i++) {
		kept = content_find(before, after->objects[i].label, &hint);
		*kept = before->objects[--before->count];
	}
	return 0;
}
