// SPDX-License-Identifier: Apache-2.0
#include "image_bare.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static void *copy(const void *from, size_t count, size_t size)
{
	void *to = calloc(count + 1, size);

	if (!to)
		abort();
	if (count)
		memcpy(to, from, count * size);
	return to;
}

static void copy_ruleset(struct image_ruleset *to, const struct image_ruleset *from)
{
	*to = (struct image_ruleset){ .id = from->id, .header = from->header };
	to->classes = copy(from->classes, from->class_count, sizeof(*to->classes));
	to->class_count = from->class_count;
	to->ports = copy(from->ports, from->port_count, sizeof(*to->ports));
	to->port_count = from->port_count;
	to->cidrs = copy(from->cidrs, from->cidr_count, sizeof(*to->cidrs));
	to->cidr_count = from->cidr_count;
}

static struct image *with_numbers(const struct image *image)
{
	cleanup(freep) uint32_t *sets = calloc(image->ruleset_count + 1, sizeof(*sets));
	cleanup(freep) uint32_t *classes = calloc(image->class_count + 1, sizeof(*classes));
	cleanup(freep) uint32_t *rows = calloc(image->row_count + 1, sizeof(*rows));
	struct image *bare;

	for (size_t i = 0; i < image->ruleset_count; i++)
		sets[i] = image->rulesets[i].id;
	for (size_t i = 0; i < image->class_count; i++)
		classes[i] = image->classes[i].id;
	for (size_t i = 0; i < image->row_count; i++)
		rows[i] = image->rows[i].row;
	if (image_new_resting(&bare, sets, image->ruleset_count, classes, image->class_count, rows,
			      image->row_count) < 0)
		abort();
	return bare;
}

struct image *bare_image(const struct image *image)
{
	struct image *bare = with_numbers(image);

	bare->bindings = copy(image->bindings, image->binding_count, sizeof(*bare->bindings));
	bare->binding_count = image->binding_count;
	bare->peers = copy(image->peers, image->peer_count, sizeof(*bare->peers));
	bare->peer_count = image->peer_count;
	bare->rows = copy(image->rows, image->row_count, sizeof(*bare->rows));
	bare->row_count = image->row_count;
	bare->rulesets = copy(NULL, 0, (image->ruleset_count + 1) * sizeof(*bare->rulesets));
	for (; bare->ruleset_count < image->ruleset_count; bare->ruleset_count++)
		copy_ruleset(&bare->rulesets[bare->ruleset_count],
			     &image->rulesets[bare->ruleset_count]);
	return bare;
}
