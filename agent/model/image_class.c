// SPDX-License-Identifier: Apache-2.0
/* Classes: the distinct sets of terms that pods match, and their numbers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/image_private.h"

static int find_classes(struct image_build *build)
{
	struct image *image = build->image;
	int r = 0;

	for (size_t i = 0; i < build->shape_count; i++) {
		struct image_shape *shape = &build->shapes[i];

		r = intern_add(&shape->class, &build->class_keys, &build->arena,
			       shape->terms.items ?: &shape->class,
			       shape->terms.count * sizeof(*shape->terms.items));
		if (r > 0 && !array_add(image->classes, image->class_count))
			return -ENOMEM;
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < build->pod_count; i++)
		image->classes[build->shapes[build->pods[i].shape].class].members++;
	return 0;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The terms of class @index, sorted by their texts; terms learn where they are. */
static int class_text(struct image_build *build, uint32_t index)
{
	cleanup(freep) const char **texts = NULL;
	const struct intern_key *key = &build->class_keys.keys[index];
	size_t count = key->size / sizeof(uint32_t);
	const uint32_t *terms = key->data;

	texts = calloc(count + 1, sizeof(*texts));
	if (!texts)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		texts[i] = build->terms.items[terms[i]].text;
		if (id_list_add(&build->terms.items[terms[i]].classes, index) < 0)
			return -ENOMEM;
	}
	qsort(texts, count, sizeof(*texts), compare_texts);
	buf_reset(&build->scratch);
	for (size_t i = 0; i < count; i++) {
		if (i)
			buf_str(&build->scratch, "; ");
		buf_str(&build->scratch, texts[i]);
	}
	build->image->classes[index].text = buf_take(&build->scratch);
	return build->image->classes[index].text ? 0 : -ENOMEM;
}

static int compare_by_text(const void *a, const void *b)
{
	return strcmp((*(const struct image_class *const *)a)->text,
		      (*(const struct image_class *const *)b)->text);
}

/* Pointers to the classes of @image in the order of their texts, to the arena. */
static struct image_class **by_text(struct arena *arena, const struct image *image)
{
	struct image_class **order;

	order = arena_alloc(arena, (image->class_count + 1) * sizeof(*order));
	if (!order)
		return NULL;
	for (size_t i = 0; i < image->class_count; i++)
		order[i] = &image->classes[i];
	qsort(order, image->class_count, sizeof(*order), compare_by_text);
	return order;
}

/* A class that the previous image had keeps its number, the others get fresh ones. */
static int number_classes(struct image_build *build)
{
	static const struct image nothing = {};
	cleanup(number_source_done) struct number_source source = {};
	const struct image *previous = build->previous ?: &nothing;
	struct image_class **old = by_text(&build->arena, previous);
	struct image_class **now = by_text(&build->arena, build->image);
	size_t at = 0;

	if (!old || !now || number_source_init(&source, build->previous, NUMBERS_CLASS) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < build->image->class_count; i++) {
		int r = 1;

		while (at < previous->class_count && (r = strcmp(old[at]->text, now[i]->text)) < 0)
			at++;
		now[i]->id = at < previous->class_count && !r ? old[at]->id : number_take(&source);
	}
	return 0;
}

int classes_compile(struct image_build *build)
{
	struct image *image = build->image;
	int r = find_classes(build);

	for (size_t i = 0; i < image->class_count && r >= 0; i++)
		r = class_text(build, (uint32_t)i);
	if (r >= 0)
		r = number_classes(build);
	if (r < 0)
		return r;
	build->class_ids = arena_alloc(&build->arena,
				       (image->class_count + 1) * sizeof(*build->class_ids));
	if (!build->class_ids)
		return -ENOMEM;
	for (size_t i = 0; i < image->class_count; i++)
		build->class_ids[i] = image->classes[i].id;
	image_sort(image);
	return 0;
}
