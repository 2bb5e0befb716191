// SPDX-License-Identifier: Apache-2.0
#include "source/manifest_content.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "source/decode.h"
#include "source/fingerprint.h"

struct reading {
	struct manifest_content content;
	const char *file;
	bool no_memory;
};

static void object_done(struct manifest_object *item)
{
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
		.label = object_label(obj),
		.hash = fingerprint_object(obj),
		.object = obj,
	};

	if (!item.label || content_append(&reading->content, &item) < 0) {
		object_done(&item);
		reading->no_memory = true;
	}
}

static void take_problem(void *arg, const struct decode_problem *problem)
{
	struct reading *reading = arg;

	if (!problem->document)
		reading->content.broken = true;
	if (problem_add_decoded(&reading->content.problems, reading->file, problem) < 0)
		reading->no_memory = true;
}

int content_decode(struct manifest_content *ret, const char *file, const char *text,
		   size_t length)
{
	struct reading reading = { .file = file };
	const struct decode_sink sink = {
		.arg = &reading,
		.object = take_object,
		.problem = take_problem,
	};
	int r;

	r = decode_text(&sink, text, length);
	if (r < 0 || reading.no_memory) {
		content_done(&reading.content);
		return -ENOMEM;
	}
	*ret = reading.content;
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
