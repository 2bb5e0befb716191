// SPDX-License-Identifier: Apache-2.0
/*
 * Policies that matter, in order, and whom they select. Which of two policies with the same
 * priority comes first is left open by the API; here the name decides, so that
 * it is the same on every node and after every restart.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/image_private.h"

static int add_policy(struct image_build *build, const struct object *obj)
{
	const struct object **item = array_add(build->policies, build->policy_count);

	if (!item)
		return -ENOMEM;
	*item = obj;
	return selector_keys(&build->label_keys, &build->arena, &obj->policy.pods);
}

static int collect_namespaced(const struct object *obj, void *arg)
{
	struct image_build *build = arg;
	uint32_t ns;

	if (!locals_are_selected(build, obj))
		return 0;
	if (namespace_find(&ns, build, obj->namespace) < 0 || add_policy(build, obj) < 0)
		return -ENOMEM;
	if (!build->namespaces[ns].policy_count++)
		build->namespaces[ns].first_policy = build->policy_count - 1;
	return 0;
}

static int collect_ordered(const struct object *obj, void *arg)
{
	return locals_are_selected(arg, obj) ? add_policy(arg, obj) : 0;
}

static int compare_ordered(const void *left, const void *right)
{
	const struct object *a = *(const struct object *const *)left;
	const struct object *b = *(const struct object *const *)right;

	if (a->policy.tier != b->policy.tier)
		return a->policy.tier < b->policy.tier ? -1 : 1;
	if (a->policy.priority != b->policy.priority)
		return a->policy.priority < b->policy.priority ? -1 : 1;
	return strcmp(a->name, b->name) ?: (int)a->kind - (int)b->kind;
}

int policies_collect(struct image_build *build)
{
	static const enum object_kind ordered[] = {
		OBJECT_CLUSTER_NETWORK_POLICY,
		OBJECT_ADMIN_NETWORK_POLICY,
		OBJECT_BASELINE_ADMIN_NETWORK_POLICY,
	};
	const struct store *store = build->input->store;
	int r = store_each(store, OBJECT_NETWORK_POLICY, collect_namespaced, build);

	build->ordered = build->policy_count;
	for (size_t i = 0; i < sizeof(ordered) / sizeof(ordered[0]) && r >= 0; i++)
		r = store_each(store, ordered[i], collect_ordered, build);
	if (r >= 0 && build->policy_count > build->ordered)
		qsort(build->policies + build->ordered, build->policy_count - build->ordered,
		      sizeof(*build->policies), compare_ordered);
	return r;
}

static int select_namespaced(struct id_list *ret, const struct image_build *build,
			     const struct image_shape *shape, enum policy_dir dir)
{
	const struct image_namespace *ns = &build->namespaces[shape->namespace];
	int r = 0;

	for (size_t i = 0; i < ns->policy_count && r >= 0; i++) {
		uint32_t index = (uint32_t)(ns->first_policy + i);
		const struct network_policy *policy = &build->policies[index]->policy;

		if (policy_applies(policy, dir) && selector_matches(&policy->pods, shape->labels))
			r = id_list_add(ret, index);
	}
	return r;
}

int policies_select(struct id_list *ret, const struct image_build *build,
		    const struct image_shape *shape, enum policy_dir dir)
{
	const struct labels *namespace = build->namespaces[shape->namespace].labels;
	bool namespaced = false;
	int r = 0;

	for (size_t i = build->ordered; i < build->policy_count && r >= 0; i++) {
		const struct network_policy *policy = &build->policies[i]->policy;

		if (!namespaced && policy->tier > TIER_NETWORK_POLICY) {
			namespaced = true;
			r = select_namespaced(ret, build, shape, dir);
		}
		if (r >= 0 && policy_applies(policy, dir) &&
		    selector_matches(&policy->namespaces, namespace) &&
		    selector_matches(&policy->pods, shape->labels))
			r = id_list_add(ret, (uint32_t)i);
	}
	if (r >= 0 && !namespaced)
		r = select_namespaced(ret, build, shape, dir);
	return r;
}
