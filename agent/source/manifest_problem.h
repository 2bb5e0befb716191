/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of struct manifest_problem; a list owns its strings. */
#pragma once

#include "source/decode.h"
#include "source/manifest.h"

#define MANIFEST_PROBLEMS_MAX 10000 /* of all files; of those behind one each */
#define PROBLEMS_MAX 200 /* of one file: nobody reads more at once */

struct problem_list {
	struct manifest_problem *items;
	size_t count;
};

/* A problem of @file as a whole, or of @object in it ("" for none). 0 or -ENOMEM. */
int problem_add(struct problem_list *list, const char *file, const char *object, const char *fmt,
		...) __attribute__((format(printf, 4, 5)));

/* Copies. 0 or -ENOMEM. */
int problem_add_decoded(struct problem_list *list, const char *file,
			const struct decode_problem *problem);

/* Adds @more to the sentence. 0 or -ENOMEM. */
int problem_append(struct manifest_problem *problem, const char *more);

/* Of many one stays, an error if there is one, with the number of the others. 0 or -ENOMEM. */
int problem_list_trim(struct problem_list *list);

/* Forget the problems of @object. */
void problem_list_drop(struct problem_list *list, const char *object);

/* Keep only the first @count. */
void problem_list_cut(struct problem_list *list, size_t count);

/* Leaves an empty list. */
void problem_list_done(struct problem_list *list);
