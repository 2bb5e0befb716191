// SPDX-License-Identifier: Apache-2.0
#include "model/image.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "model/image_private.h"

void image_free(struct image *image)
{
	if (!image)
		return;
	for (size_t i = 0; i < image->ruleset_count; i++)
		image_ruleset_done(&image->rulesets[i]);
	for (size_t i = 0; i < image->class_count; i++)
		free(image->classes[i].text);
	free(image->bindings);
	free(image->peers);
	free(image->rulesets);
	free(image->rows);
	free(image->classes);
	image_numbers_free(image->numbers);
	free(image);
}

void image_freep(struct image **image)
{
	image_free(*image);
}

static void build_done(struct image_build *build)
{
	for (size_t i = 0; i < build->shape_count; i++)
		id_list_done(&build->shapes[i].terms);
	free(build->locals);
	free(build->policies);
	free(build->namespaces);
	free(build->pods);
	free(build->shapes);
	terms_done(&build->terms);
	free(build->node_lists);
	intern_done(&build->node_selectors);
	intern_done(&build->namespace_names);
	intern_done(&build->label_keys);
	intern_done(&build->kinds);
	id_list_done(&build->kind_shapes);
	intern_done(&build->shape_keys);
	intern_done(&build->class_keys);
	intern_done(&build->ruleset_sources);
	intern_done(&build->identities);
	intern_done(&build->previous_identities);
	intern_done(&build->previous_explanations);
	id_list_done(&build->explanation_sets);
	id_list_done(&build->source_rulesets);
	id_list_done(&build->identity_rulesets);
	number_source_done(&build->rulesets);
	number_source_done(&build->rows);
	buf_done(&build->scratch);
	buf_done(&build->key);
	arena_done(&build->arena);
}

static int bindings_compile(struct image_build *build)
{
	struct image *image = build->image;

	/* Endpoints come first among the pods, by interface index. */
	for (size_t i = 0; i < build->pod_count && build->pods[i].ifindex; i++) {
		const struct image_shape *shape = &build->shapes[build->pods[i].shape];
		struct image_binding *binding = array_add(image->bindings, image->binding_count);

		if (!binding)
			return -ENOMEM;
		binding->ifindex = build->pods[i].ifindex;
		binding->class = build->class_ids[shape->class];
		for (int dir = 0; dir < POLICY_DIR_MAX; dir++)
			binding->ruleset[dir] = shape->ruleset[dir];
	}
	return 0;
}

int image_compile(struct image **ret, const struct image_input *input,
		  const struct image *previous)
{
	static int (*const steps[])(struct image_build *build) = {
		locals_collect, policies_collect, terms_collect,    pods_collect,    shapes_match,
		classes_compile, peers_compile,   rulesets_compile, bindings_compile,
	};
	cleanup(image_freep) struct image *image = calloc(1, sizeof(*image));
	cleanup(build_done) struct image_build build = {
		.input = input,
		.previous = previous,
		.image = image,
	};
	int r = 0;

	if (!image)
		return -ENOMEM;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && r >= 0; i++)
		r = steps[i](&build);
	if (r >= 0)
		r = numbers_finish(image, previous);
	if (r < 0)
		return r;
	*ret = take_ptr(&image);
	return 0;
}
