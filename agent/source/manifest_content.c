// SPDX-License-Identifier: Apache-2.0
#include "source/manifest_content.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static void object_done(struct manifest_object *item)
{
	label_release(item->label);
	object_free(item->object);
}

void content_cut(struct manifest_content *content, size_t count)
{
	while (content->count > count)
		object_done(&content->objects[--content->count]);
}

void content_done(struct manifest_content *content)
{
	content_cut(content, 0);
	free(content->objects);
	problem_list_done(&content->problems);
	*content = (struct manifest_content){};
}

int content_append(struct manifest_content *content, const struct manifest_object *item)
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

void content_fit(struct manifest_content *content)
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
