// SPDX-License-Identifier: Apache-2.0
/*
 * Whom the policies of this node are about: its endpoints, each workload once. A policy that
 * selects none of them decides nothing here, whatever its rules say, and is left out from the
 * start; most policies of a large cluster are of that kind.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/image_private.h"
#include "model/workload.h"

static int compare_locals(const void *left, const void *right)
{
	const struct image_local *a = left, *b = right;

	if (a->namespace != b->namespace)
		return a->namespace < b->namespace ? -1 : 1;
	return (a->workload > b->workload) - (a->workload < b->workload);
}

static int add_local(struct image_build *build, const struct image_endpoint *ep)
{
	static const struct labels none = {};
	const struct object *obj = store_get(build->input->store, OBJECT_POD, ep->namespace, ep->pod);
	struct image_local *local;
	uint32_t namespace;

	if (namespace_find(&namespace, build, ep->namespace) < 0)
		return -ENOMEM;
	local = array_add(build->locals, build->local_count);
	if (!local)
		return -ENOMEM;
	local->namespace = namespace;
	local->labels = obj ? &obj->pod.labels : &none;
	local->workload = obj ? obj->pod.workload->id : 0;
	return 0;
}

/* They are sorted. */
static void drop_twins(struct image_build *build)
{
	size_t kept = 0;

	for (size_t i = 0; i < build->local_count; i++)
		if (!kept || compare_locals(&build->locals[kept - 1], &build->locals[i]))
			build->locals[kept++] = build->locals[i];
	build->local_count = kept;
}

int locals_collect(struct image_build *build)
{
	int r = 0;

	for (size_t i = 0; i < build->input->endpoint_count && r >= 0; i++)
		if (build->input->endpoints[i].ifindex)
			r = add_local(build, &build->input->endpoints[i]);
	if (r < 0 || !build->local_count)
		return r;
	qsort(build->locals, build->local_count, sizeof(*build->locals), compare_locals);
	drop_twins(build);
	for (size_t i = build->local_count; i-- > 0;) {
		struct image_namespace *ns = &build->namespaces[build->locals[i].namespace];

		ns->first_local = i;
		ns->local_count++;
	}
	return 0;
}

static bool selects_one(const struct selector *pods, const struct image_local *locals, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (selector_matches(pods, locals[i].labels))
			return true;
	return false;
}

/* Namespaces are known by now if an endpoint is in them. */
static bool is_namespaced_local(const struct image_build *build, const struct object *obj)
{
	uint32_t id = intern_find(&build->namespace_names, obj->namespace,
				  strlen(obj->namespace) + 1);
	const struct image_namespace *ns = id == INTERN_NONE ? NULL : &build->namespaces[id];

	return ns && selects_one(&obj->policy.pods, build->locals + ns->first_local,
				 ns->local_count);
}

bool locals_are_selected(const struct image_build *build, const struct object *obj)
{
	const struct image_local *local, *end = build->locals + build->local_count;
	const struct image_namespace *ns;
	size_t count;

	if (obj->kind == OBJECT_NETWORK_POLICY)
		return is_namespaced_local(build, obj);
	for (local = build->locals; local < end; local += count) {
		ns = &build->namespaces[local->namespace];
		count = ns->local_count;
		if (selector_matches(&obj->policy.namespaces, ns->labels) &&
		    selects_one(&obj->policy.pods, local, count))
			return true;
	}
	return false;
}
