// SPDX-License-Identifier: Apache-2.0
/* Which terms the pods of a shape match. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/image_private.h"

/* Which namespace selectors select @ns: a flag each. */
static int namespace_match(struct image_build *build, struct image_namespace *ns)
{
	cleanup(id_list_done) struct id_list matched = {};
	const struct image_terms *terms = &build->terms;
	bool *selected;

	if (ns->selected)
		return 0;
	ns->own = intern_find(&terms->own, ns->name, strlen(ns->name) + 1);
	selected = arena_alloc(&build->arena, terms->namespaces.count + 1);
	if (!selected || selector_index_match(&matched, &terms->namespaces, ns->labels,
					      &build->scratch) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < matched.count; i++)
		selected[matched.items[i]] = true;
	ns->selected = selected;
	return 0;
}

/* The terms of one pod selector whose namespaces include @ns. */
static int add_terms(struct id_list *ret, const struct image_terms *terms,
		     const struct image_namespace *ns, uint32_t pods)
{
	struct term_key key = { .kind = TERM_OWN, .a = ns->own, .b = pods };
	uint32_t own = INTERN_NONE;

	if (ns->own != INTERN_NONE)
		own = intern_find(&terms->keys, &key, sizeof(key));
	if (own != INTERN_NONE && id_list_add(ret, own) < 0)
		return -ENOMEM;
	if (pods >= terms->by_selector_count)
		return 0;
	for (size_t i = 0; i < terms->by_selector[pods].count; i++) {
		uint32_t term = terms->by_selector[pods].items[i];

		if (ns->selected[terms->items[term].key.a] && id_list_add(ret, term) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* @base, matched by a pod that calls @port by its name: the pods that mean the same number. */
static int add_number(struct id_list *ret, struct image_build *build, uint32_t base,
		      const struct shape_port *port)
{
	uint32_t ask = terms_ask(&build->terms, base, port->name);
	uint32_t term;
	int r;

	if (ask == INTERN_NONE)
		return 0;
	r = terms_number(&term, build, ask, port->port);
	return r < 0 ? r : id_list_add(ret, term);
}

static int add_numbers(struct image_build *build, struct image_shape *shape)
{
	size_t bases = shape->terms.count;
	int r = 0;

	for (size_t i = 0; i < shape->port_count && r >= 0; i++) {
		r = add_number(&shape->terms, build, TERM_ANY_POD, &shape->ports[i]);
		for (size_t k = 0; k < bases && r >= 0; k++)
			r = add_number(&shape->terms, build, shape->terms.items[k],
				       &shape->ports[i]);
	}
	return r;
}

static int shape_match(struct image_build *build, struct image_shape *shape)
{
	struct image_namespace *ns = &build->namespaces[shape->namespace];
	cleanup(id_list_done) struct id_list selectors = {};
	int r;

	if (!shape->selectable)
		return 0;
	r = namespace_match(build, ns);
	if (r >= 0)
		r = selector_index_match(&selectors, &build->terms.pods, shape->labels,
					 &build->scratch);
	for (size_t i = 0; i < selectors.count && r >= 0; i++)
		r = add_terms(&shape->terms, &build->terms, ns, selectors.items[i]);
	if (r >= 0)
		r = add_numbers(build, shape);
	id_list_sort(&shape->terms);
	return r;
}

int shapes_match(struct image_build *build)
{
	int r = 0;

	for (size_t i = 0; i < build->shape_count && r >= 0; i++)
		r = shape_match(build, &build->shapes[i]);
	return r < 0 ? r : 0;
}
