// SPDX-License-Identifier: Apache-2.0
#include "source/manifest_problem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static void problem_done(struct manifest_problem *problem)
{
	free(problem->file);
	free(problem->object);
	free(problem->field);
	free(problem->text);
}

int problem_add_decoded(struct problem_list *list, const char *file,
			const struct decode_problem *problem)
{
	struct manifest_problem item = {
		.file = strdup(file),
		.document = problem->document,
		.line = problem->line,
		.object = strdup(problem->object),
		.field = strdup(problem->field),
		.text = strdup(problem->text),
		.warning = problem->warning,
	};
	struct manifest_problem *items;

	items = reallocarray(list->items, list->count + 1, sizeof(*items));
	if (items)
		list->items = items;
	if (!items || !item.file || !item.object || !item.field || !item.text) {
		problem_done(&item);
		return -ENOMEM;
	}
	items[list->count++] = item;
	return 0;
}

int problem_add(struct problem_list *list, const char *file, const char *object, const char *fmt,
		...)
{
	cleanup(freep) char *text = NULL;
	va_list args;
	int length;

	va_start(args, fmt);
	length = vasprintf(&text, fmt, args);
	va_end(args);
	if (length < 0) {
		text = NULL;
		return -ENOMEM;
	}
	return problem_add_decoded(list, file,
				   &(struct decode_problem){
					   .object = object,
					   .field = "",
					   .text = text,
				   });
}

int problem_append(struct manifest_problem *problem, const char *more)
{
	char *text;

	if (asprintf(&text, "%s%s", problem->text, more) < 0)
		return -ENOMEM;
	free(problem->text);
	problem->text = text;
	return 0;
}

int problem_list_trim(struct problem_list *list)
{
	struct manifest_problem kept, *items;
	char more[64];
	size_t at = 0;
	int r;

	if (list->count < 2)
		return 0;
	while (at + 1 < list->count && list->items[at].warning)
		at++;
	snprintf(more, sizeof(more), "; and %zu more of this file", list->count - 1);
	r = problem_append(&list->items[at], more);
	if (r < 0)
		return r;
	kept = list->items[at];
	list->items[at] = list->items[0];
	list->items[0] = kept;
	for (size_t i = 1; i < list->count; i++)
		problem_done(&list->items[i]);
	list->count = 1;
	items = realloc(list->items, sizeof(*items));
	list->items = items ?: list->items;
	return 0;
}

void problem_list_drop(struct problem_list *list, const char *object)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++) {
		if (!strcmp(list->items[i].object, object))
			problem_done(&list->items[i]);
		else
			list->items[kept++] = list->items[i];
	}
	list->count = kept;
}

void problem_list_cut(struct problem_list *list, size_t count)
{
	while (list->count > count)
		problem_done(&list->items[--list->count]);
}

void problem_list_done(struct problem_list *list)
{
	problem_list_cut(list, 0);
	free(list->items);
	*list = (struct problem_list){};
}
