// SPDX-License-Identifier: Apache-2.0
/* Which numbers may be given out. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/image_private.h"

static int compare_rulesets(const void *a, const void *b)
{
	const struct image_ruleset *left = a, *right = b;

	return (left->id > right->id) - (left->id < right->id);
}

static int compare_classes(const void *a, const void *b)
{
	const struct image_class *left = a, *right = b;

	return (left->id > right->id) - (left->id < right->id);
}

static int compare_rows(const void *a, const void *b)
{
	const struct image_row *left = a, *right = b;
	int r = (left->row > right->row) - (left->row < right->row);

	return r ?: (left->chunk > right->chunk) - (left->chunk < right->chunk);
}

void image_sort(struct image *image)
{
	if (image->ruleset_count)
		qsort(image->rulesets, image->ruleset_count, sizeof(*image->rulesets),
		      compare_rulesets);
	if (image->class_count)
		qsort(image->classes, image->class_count, sizeof(*image->classes),
		      compare_classes);
	if (image->row_count)
		qsort(image->rows, image->row_count, sizeof(*image->rows), compare_rows);
}

static int append(struct id_list *to, const struct id_list *from)
{
	for (size_t i = 0; i < from->count; i++)
		if (id_list_add(to, from->items[i]) < 0)
			return -ENOMEM;
	return 0;
}

int number_source_init(struct number_source *source, const struct image *previous,
		       enum number_space space)
{
	const struct image_numbers *numbers = previous ? previous->numbers : NULL;

	*source = (struct number_source){ .next = 1 };
	if (!numbers)
		return 0;
	if (append(&source->taken, &numbers->used[space]) < 0 ||
	    append(&source->taken, &numbers->resting[space]) < 0)
		return -ENOMEM;
	id_list_sort(&source->taken);
	return 0;
}

uint32_t number_take(struct number_source *source)
{
	const struct id_list *taken = &source->taken;

	for (; source->at < taken->count && taken->items[source->at] <= source->next; source->at++)
		if (taken->items[source->at] == source->next)
			source->next++;
	return source->next++;
}

void number_source_done(struct number_source *source)
{
	id_list_done(&source->taken);
}

static int collect_used(struct image_numbers *numbers, const struct image *image)
{
	int r = 0;

	for (size_t i = 0; i < image->ruleset_count && r >= 0; i++)
		r = id_list_add(&numbers->used[NUMBERS_RULESET], image->rulesets[i].id);
	for (size_t i = 0; i < image->class_count && r >= 0; i++)
		r = id_list_add(&numbers->used[NUMBERS_CLASS], image->classes[i].id);
	for (size_t i = 0; i < image->row_count && r >= 0; i++)
		r = id_list_add(&numbers->used[NUMBERS_ROW], image->rows[i].row);
	return r;
}

/* What the previous image used and this one does not. */
static int collect_resting(struct image_numbers *numbers, const struct image_numbers *previous)
{
	int r = 0;

	for (int space = 0; space < NUMBERS_MAX; space++) {
		const struct id_list *before = &previous->used[space];
		const struct id_list *now = &numbers->used[space];

		for (size_t i = 0; i < before->count && r >= 0; i++)
			if (!ids_contain(now->items, now->count, before->items[i]))
				r = id_list_add(&numbers->resting[space], before->items[i]);
	}
	return r;
}

static void numbers_freep(struct image_numbers **numbers)
{
	image_numbers_free(*numbers);
}

int numbers_finish(struct image *image, const struct image *previous)
{
	cleanup(numbers_freep) struct image_numbers *numbers = calloc(1, sizeof(*numbers));

	if (!numbers || collect_used(numbers, image) < 0)
		return -ENOMEM;
	for (int space = 0; space < NUMBERS_MAX; space++)
		id_list_sort(&numbers->used[space]);
	if (previous && previous->numbers && collect_resting(numbers, previous->numbers) < 0)
		return -ENOMEM;
	image->numbers = take_ptr(&numbers);
	return 0;
}

void image_numbers_free(struct image_numbers *numbers)
{
	if (!numbers)
		return;
	for (int space = 0; space < NUMBERS_MAX; space++) {
		id_list_done(&numbers->used[space]);
		id_list_done(&numbers->resting[space]);
	}
	free(numbers);
}

static int use_all(struct id_list *list, const uint32_t *ids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (id_list_add(list, ids[i]) < 0)
			return -ENOMEM;
	id_list_sort(list);
	return 0;
}

int image_new_resting(struct image **ret, const uint32_t *rulesets, size_t ruleset_count,
		      const uint32_t *classes, size_t class_count, const uint32_t *rows,
		      size_t row_count)
{
	cleanup(image_freep) struct image *image = calloc(1, sizeof(*image));
	cleanup(numbers_freep) struct image_numbers *numbers = calloc(1, sizeof(*numbers));

	if (!image || !numbers ||
	    use_all(&numbers->used[NUMBERS_RULESET], rulesets, ruleset_count) < 0 ||
	    use_all(&numbers->used[NUMBERS_CLASS], classes, class_count) < 0 ||
	    use_all(&numbers->used[NUMBERS_ROW], rows, row_count) < 0)
		return -ENOMEM;
	image->numbers = take_ptr(&numbers);
	*ret = take_ptr(&image);
	return 0;
}
