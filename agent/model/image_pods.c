// SPDX-License-Identifier: Apache-2.0
/*
 * Namespaces and pods in order; shapes: pods that are alike in all that policies
 * ask for.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/image_private.h"
#include "model/workload.h"

#define METADATA_NAME "kubernetes.io/metadata.name"

/* The labels that every namespace has, for one whose object has not arrived. */
static const struct labels *labels_of_missing(struct arena *arena, const char *name)
{
	static char key[] = METADATA_NAME;
	struct labels *labels = arena_alloc(arena, sizeof(*labels));

	if (!labels)
		return NULL;
	labels->items = arena_alloc(arena, sizeof(*labels->items));
	if (!labels->items)
		return NULL;
	labels->count = 1;
	labels->items[0].key = key;
	labels->items[0].value = arena_copy(arena, name, strlen(name) + 1);
	return labels->items[0].value ? labels : NULL;
}

int namespace_find(uint32_t *ret, struct image_build *build, const char *name)
{
	struct image_namespace *ns;
	const struct object *obj;
	int r;

	/* Objects come in the order of their namespaces. */
	*ret = build->namespace_before;
	if (build->namespace_count && !strcmp(build->namespaces[*ret].name, name))
		return 0;
	r = intern_add(ret, &build->namespace_names, &build->arena, name, strlen(name) + 1);
	build->namespace_before = *ret;
	if (r <= 0)
		return r;
	ns = array_add(build->namespaces, build->namespace_count);
	if (!ns)
		return -ENOMEM;
	obj = store_get(build->input->store, OBJECT_NAMESPACE, "", name);
	ns->name = build->namespace_names.keys[*ret].data;
	ns->labels = obj ? &obj->ns.labels : labels_of_missing(&build->arena, name);
	ns->own = INTERN_NONE;
	return ns->labels ? 0 : -ENOMEM;
}

/* The ports of @pod whose names policies mention, to the arena. */
static int shape_ports(struct shape_port **ret, size_t *ret_count, struct image_build *build,
		       const struct pod *pod)
{
	struct shape_port *ports;
	size_t count = 0;

	*ret = NULL;
	*ret_count = 0;
	if (!pod || !pod->port_count || !build->terms.port_names.count)
		return 0;
	ports = arena_alloc(&build->arena, pod->port_count * sizeof(*ports));
	if (!ports)
		return -ENOMEM;
	for (size_t i = 0; i < pod->port_count; i++) {
		uint32_t name = terms_port_name(&build->terms, &build->scratch, pod->ports[i].proto,
						pod->ports[i].name);

		/* No policy means port 0. */
		if (name != INTERN_NONE && pod->ports[i].port)
			ports[count++] = (struct shape_port){ name, pod->ports[i].port };
	}
	*ret = ports;
	*ret_count = count;
	return 0;
}

/* Labels that no selector asks for do not tell pods apart. */
static void shape_key(struct image_build *build, const struct image_shape *shape)
{
	struct buf *buf = &build->key;

	buf_reset(buf);
	buf_put(buf, &shape->namespace, sizeof(shape->namespace));
	buf_put(buf, &shape->selectable, sizeof(shape->selectable));
	for (size_t i = 0; i < shape->labels->count; i++) {
		const struct label *label = &shape->labels->items[i];
		size_t length = strlen(label->key) + 1;

		if (intern_find(&build->label_keys, label->key, length) == INTERN_NONE)
			continue;
		buf_put(buf, label->key, length);
		buf_put(buf, label->value, strlen(label->value) + 1);
	}
	/* Keys of labels are not empty, so this ends them. */
	buf_put(buf, "", 1);
	for (size_t i = 0; i < shape->port_count; i++) {
		buf_put(buf, &shape->ports[i].name, sizeof(shape->ports[i].name));
		buf_put(buf, &shape->ports[i].port, sizeof(shape->ports[i].port));
	}
}

/* The shape of the pods of a kind, of which @pod is one; it may be NULL. */
static int shape_find(uint32_t *ret, struct image_build *build, const struct pod_kind *kind,
		      const struct pod *pod)
{
	static const struct labels none = {};
	struct image_shape *item, shape = {
		.namespace = kind->namespace,
		.labels = pod ? &pod->labels : &none,
		.selectable = kind->selectable,
	};
	int r = shape_ports(&shape.ports, &shape.port_count, build, pod);

	if (r < 0)
		return r;
	shape_key(build, &shape);
	if (build->key.failed)
		return -ENOMEM;
	r = intern_add(ret, &build->shape_keys, &build->arena, build->key.data, build->key.length);
	if (r <= 0)
		return r;
	item = array_add(build->shapes, build->shape_count);
	if (!item)
		return -ENOMEM;
	*item = shape;
	return 0;
}

/*
 * The shape of a pod of @namespace; @pod may be NULL. Most pods are one of many of
 * their workload, whose labels are looked at once.
 */
static int pod_shape(uint32_t *ret, struct image_build *build, const char *namespace,
		     const struct pod *pod)
{
	struct pod_kind kind = {
		.workload = pod ? pod->workload->id : 0,
		/*
		 * An endpoint whose object has finished, or calls itself part of the host, is
		 * no peer any more; its own isolation stays as long as it can send.
		 */
		.selectable = !pod || (!pod->finished && !pod->host_network),
	};
	uint32_t index;
	int r;

	r = namespace_find(&kind.namespace, build, namespace);
	if (r >= 0)
		r = intern_add(&index, &build->kinds, &build->arena, &kind, sizeof(kind));
	if (r < 0)
		return r;
	if (!r) {
		*ret = build->kind_shapes.items[index];
		return 0;
	}
	r = shape_find(ret, build, &kind, pod);
	return r < 0 ? r : id_list_add(&build->kind_shapes, *ret);
}

static int compare_endpoints(const void *a, const void *b)
{
	const struct image_endpoint *left = *(const struct image_endpoint *const *)a;
	const struct image_endpoint *right = *(const struct image_endpoint *const *)b;

	return (left->ifindex > right->ifindex) - (left->ifindex < right->ifindex);
}

static int collect_endpoint(struct image_build *build, const struct image_endpoint *ep)
{
	const struct object *obj;
	struct image_pod *pod;

	if (!ep->ifindex)
		return 0;
	obj = store_get(build->input->store, OBJECT_POD, ep->namespace, ep->pod);
	pod = array_add(build->pods, build->pod_count);
	if (!pod)
		return -ENOMEM;
	pod->ifindex = ep->ifindex;
	pod->ips = ep->ips;
	pod->ip_count = sizeof(ep->ips) / sizeof(ep->ips[0]);
	return pod_shape(&pod->shape, build, ep->namespace, obj ? &obj->pod : NULL);
}

static int collect_endpoints(struct image_build *build)
{
	size_t count = build->input->endpoint_count;
	const struct image_endpoint **order;
	int r = 0;

	order = arena_alloc(&build->arena, count * sizeof(*order));
	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		order[i] = &build->input->endpoints[i];
	qsort(order, count, sizeof(*order), compare_endpoints);
	for (size_t i = 0; i < count && r >= 0; i++)
		r = collect_endpoint(build, order[i]);
	return r;
}

static int collect_remote(const struct object *obj, void *arg)
{
	const struct pod *pod = &obj->pod;
	struct image_build *build = arg;
	struct image_pod *item;

	if (!pod->node[0] || !strcmp(pod->node, build->input->node_name) || pod->host_network ||
	    pod->finished || !pod->ip_count)
		return 0;
	item = array_add(build->pods, build->pod_count);
	if (!item)
		return -ENOMEM;
	item->ips = pod->ips;
	item->ip_count = (uint32_t)pod->ip_count;
	return pod_shape(&item->shape, build, obj->namespace, pod);
}

int pods_collect(struct image_build *build)
{
	int r = collect_endpoints(build);

	if (r >= 0)
		r = store_each(build->input->store, OBJECT_POD, collect_remote, build);
	return r;
}
