// SPDX-License-Identifier: Apache-2.0
/* Which rule sets there are: those of the policies that select an endpoint. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/image_groups.h"

/*
 * What decides about the rule set of a shape, to build->key: nothing that looks
 * further than the policies and the port names that ingress rules resolve.
 */
static void source_key(struct image_build *build, const struct image_shape *shape,
		       enum policy_dir dir, const struct id_list *policies)
{
	struct buf *buf = &build->key;

	buf_reset(buf);
	buf_put(buf, &dir, sizeof(dir));
	buf_put(buf, &policies->count, sizeof(policies->count));
	buf_put(buf, policies->items, policies->count * sizeof(*policies->items));
	for (size_t i = 0; i < shape->port_count && dir == POLICY_INGRESS; i++) {
		buf_put(buf, &shape->ports[i].name, sizeof(shape->ports[i].name));
		buf_put(buf, &shape->ports[i].port, sizeof(shape->ports[i].port));
	}
}

/* The rule set of @policies, which select @shape. */
static int judge(uint32_t *ret, struct image_build *build, const struct image_shape *shape,
		 enum policy_dir dir, const struct id_list *policies)
{
	cleanup(groups_done) struct rule_groups groups = { .dir = dir, .shape = shape };
	uint32_t index;
	int r;

	source_key(build, shape, dir, policies);
	if (build->key.failed)
		return -ENOMEM;
	r = intern_add(&index, &build->ruleset_sources, &build->arena, build->key.data,
		       build->key.length);
	if (!r)
		*ret = build->source_rulesets.items[index];
	if (r <= 0)
		return r;
	r = groups_build(&groups, build, policies);
	if (r >= 0)
		r = ruleset_compile(ret, build, &groups);
	return r < 0 ? r : id_list_add(&build->source_rulesets, *ret);
}

static int judge_shape(struct image_build *build, struct image_shape *shape)
{
	int r = 0;

	for (int dir = 0; dir < POLICY_DIR_MAX && r >= 0; dir++) {
		cleanup(id_list_done) struct id_list policies = {};

		r = policies_select(&policies, build, shape, (enum policy_dir)dir);
		if (r >= 0 && policies.count)
			r = judge(&shape->ruleset[dir], build, shape, (enum policy_dir)dir,
				  &policies);
	}
	shape->judged = true;
	return r;
}

/* What the previous image has, by identity. */
static int learn_previous(struct image_build *build)
{
	const struct image *previous = build->previous;
	uint32_t index;
	int r = 0;

	for (size_t i = 0; previous && i < previous->ruleset_count && r >= 0; i++)
		r = intern_add(&index, &build->previous_identities, &build->arena,
			       previous->rulesets[i].identity,
			       strlen(previous->rulesets[i].identity));
	if (r >= 0)
		r = number_source_init(&build->rulesets, previous, NUMBERS_RULESET);
	if (r >= 0)
		r = number_source_init(&build->rows, previous, NUMBERS_ROW);
	return r;
}

int rulesets_compile(struct image_build *build)
{
	int r = learn_previous(build);

	/* Endpoints come first among the pods. */
	for (size_t i = 0; i < build->pod_count && build->pods[i].ifindex && r >= 0; i++) {
		struct image_shape *shape = &build->shapes[build->pods[i].shape];

		if (!shape->judged)
			r = judge_shape(build, shape);
	}
	if (r < 0)
		return r;
	image_sort(build->image);
	return 0;
}
