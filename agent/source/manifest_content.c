// SPDX-License-Identifier: Apache-2.0
#include "source/manifest_content.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "source/decode.h"
#include "source/fingerprint.h"

struct reading {
	struct manifest_content content;
	const char *file;
	size_t untold; /* problems beyond */
	unsigned int last_document; /* that has one of them */
	bool no_memory;
};

static void object_done(struct manifest_object *item)
{
	label_release(item->label);
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
	size_t room = content->room * 2 ?: 1;
	struct manifest_object *objects;

	if (content->count == content->room) {
		objects = reallocarray(content->objects, room, sizeof(*objects));
		if (!objects)
			return -ENOMEM;
		content->objects = objects;
		content->room = room;
	}
	content->objects[content->count++] = *item;
	return 0;
}

/* Most contents stay as they are. */
static void content_fit(struct manifest_content *content)
{
	struct manifest_object *objects;

	if (content->count == content->room || !content->count)
		return;
	objects = reallocarray(content->objects, content->count, sizeof(*objects));
	if (!objects)
		return;
	content->objects = objects;
	content->room = content->count;
}

static void take_object(void *arg, struct object *obj)
{
	struct reading *reading = arg;
	struct manifest_object item = {
		.label = label_new(obj),
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
	/* Documents that cannot be read are bounded already, and decide about the file. */
	if (problem->document && reading->content.problems.count >= PROBLEMS_MAX) {
		reading->untold++;
		reading->last_document = problem->document;
		return;
	}
	if (problem_add_decoded(&reading->content.problems, reading->file, problem) < 0)
		reading->no_memory = true;
}

/* Of which objects they are is not told: as if their names could not be read. */
static int add_untold(struct reading *reading)
{
	char text[64];

	if (!reading->untold)
		return 0;
	snprintf(text, sizeof(text), "there are %zu more problems", reading->untold);
	return problem_add_decoded(&reading->content.problems, reading->file,
				   &(struct decode_problem){
					   .document = reading->last_document,
					   .object = "",
					   .field = "",
					   .text = text,
				   });
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
	if (r >= 0)
		r = add_untold(&reading);
	if (r < 0 || reading.no_memory) {
		content_done(&reading.content);
		return -ENOMEM;
	}
	content_fit(&reading.content);
	*ret = reading.content;
	return 0;
}

struct manifest_object *content_find(const struct manifest_content *content, const char *label,
				     size_t *hint)
{
	size_t at;

	for (size_t i = 0; i < content->count; i++) {
		at = (*hint + i) % content->count;
		if (!strcmp(content->objects[at].label->text, label)) {
			*hint = at + 1;
			return &content->objects[at];
		}
	}
	return NULL;
}

static int move_object(struct manifest_content *after, struct manifest_object *from)
{
	struct manifest_object to = *from;
	int r;

	to.kept = true;
	r = content_append(after, &to);
	from->moved = r >= 0;
	return r;
}

/* Only now that nothing can fail, or has failed, one of the two lets go of what moved. */
static int end_moves(struct manifest_content *after, size_t first_moved,
		     struct manifest_content *before, int r)
{
	size_t left = 0;

	for (size_t i = 0; i < before->count; i++) {
		if (before->objects[i].moved && r >= 0)
			continue;
		before->objects[i].moved = false;
		before->objects[left++] = before->objects[i];
	}
	before->count = left;
	if (r < 0)
		after->count = first_moved;
	return r;
}

static int compare_labels(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* All that @after does not say; the number of them, or -ENOMEM. */
static int move_rest(struct manifest_content *after, struct manifest_content *before)
{
	cleanup(freep) const char **labels = calloc(after->count + 1, sizeof(*labels));
	size_t count = after->count;
	int r, moved = 0;

	if (!labels)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		labels[i] = after->objects[i].label->text;
	qsort(labels, count, sizeof(*labels), compare_labels);
	for (size_t i = 0; i < before->count; i++) {
		const char *label = before->objects[i].label->text;

		if (before->objects[i].moved ||
		    bsearch(&label, labels, count, sizeof(*labels), compare_labels))
			continue;
		r = move_object(after, &before->objects[i]);
		if (r < 0)
			return r;
		moved++;
	}
	return moved;
}

int content_join(struct manifest_content *after, struct manifest_content *before)
{
	size_t first_moved = after->count;
	int r = move_rest(after, before);

	r = end_moves(after, first_moved, before, r);
	return r < 0 ? r : 0;
}

static int keep_named(struct manifest_content *after, struct manifest_content *before,
		      const char *version)
{
	cleanup(freep) char *note = NULL;
	struct manifest_problem *problem;
	size_t hint = 0, hint_after = 0;
	struct manifest_object *kept;
	int r;

	if (asprintf(&note, "; its %s stays in force", version) < 0) {
		note = NULL;
		return -ENOMEM;
	}
	for (size_t i = 0; i < after->problems.count; i++) {
		problem = &after->problems.items[i];
		if (problem->warning || !problem->object[0] ||
		    content_find(after, problem->object, &hint_after))
			continue;
		kept = content_find(before, problem->object, &hint);
		if (!kept)
			continue;
		r = problem_append(problem, note);
		if (r >= 0)
			r = move_object(after, kept);
		if (r < 0)
			return r;
	}
	return 0;
}

static int keep_unnamed(struct manifest_content *after, struct manifest_content *before)
{
	struct manifest_problem *problem;
	int moved;

	for (size_t i = 0; i < after->problems.count; i++) {
		problem = &after->problems.items[i];
		if (problem->warning || problem->object[0])
			continue;
		moved = move_rest(after, before);
		return moved <= 0 ? moved : problem_append(problem, "; what the file said before "
						"and does not say now stays in force");
	}
	return 0;
}

int content_keep(struct manifest_content *after, struct manifest_content *before,
		 const char *version)
{
	size_t first_moved = after->count;
	int r;

	r = keep_named(after, before, version);
	if (r >= 0)
		r = keep_unnamed(after, before);
	return end_moves(after, first_moved, before, r);
}
