/* SPDX-License-Identifier: Apache-2.0 */
/* What one text says: its objects and its problems. No I/O. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/objects.h"
#include "source/manifest_label.h"
#include "source/manifest_problem.h"

struct manifest_object {
	struct manifest_label *label;
	uint64_t hash; /* fingerprint.h: equal, the same object */
	struct object *object; /* NULL once the store has it */
	bool wanted; /* the store lets go of it, see manifest_merge.c */
	bool kept; /* of an earlier text */
	bool moved; /* on its way into another content */
};

struct manifest_content {
	struct manifest_object *objects; /* in the order of the text */
	size_t count, room;
	struct problem_list problems;
	bool broken; /* some of the text cannot be read: @objects is not all of it */
};

/* @file is for the problems. 0 or -ENOMEM. */
int content_decode(struct manifest_content *ret, const char *file, const char *text,
		   size_t length);

/* Takes what @item has. 0, or -ENOMEM and nothing has changed. */
int content_append(struct manifest_content *content, const struct manifest_object *item);

/* Keep only the first @count objects. */
void content_cut(struct manifest_content *content, size_t count);

/* Most contents stay as they are: no room for more. */
void content_fit(struct manifest_content *content);

/* The first object of this label, or NULL; @hint makes searches in order quick, start with 0. */
struct manifest_object *content_find(const struct manifest_content *content, const char *label,
				     size_t *hint);

/*
 * Objects of @before that @after tries to say but cannot move into @after, and the
 * problem says that their @version stays in force. If @after has a document of which
 * not even the name is known, that may be any object that it does not say: then all
 * of those move. 0 or -ENOMEM, then nothing has moved.
 */
int content_keep(struct manifest_content *after, struct manifest_content *before,
		 const char *version);

/* All objects of @before that @after does not say move. 0 or -ENOMEM, then nothing has. */
int content_join(struct manifest_content *after, struct manifest_content *before);

/* Leaves an empty content. */
void content_done(struct manifest_content *content);
