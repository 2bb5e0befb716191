// SPDX-License-Identifier: Apache-2.0
/*
 * Nodes as peers: what counts are the addresses in their objects, of this node as of the
 * others, and the gateways of their pods, from which they speak as well. Each selector is
 * looked through once.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/image_groups.h"
#include "model/ipam.h"

struct node_search {
	struct image_build *build;
	const struct selector *selector;
	struct cidr_element *found;
	size_t count;
};

static void node_search_done(struct node_search *search)
{
	freep(&search->found);
}

static int add_host(struct node_search *search, const struct ip_addr *addr)
{
	struct prefix host = { .addr = *addr, .bits = ip_addr_is_v4(addr) ? 32 : 128 };
	struct cidr_element *item = array_add(search->found, search->count);

	return item ? cidr_element_make(item, search->build, &host, NULL, 0) : -ENOMEM;
}

static int collect_node(const struct object *obj, void *arg)
{
	struct node_search *search = arg;
	int r = 0;

	if (!selector_matches(search->selector, &obj->node.labels))
		return 0;
	for (size_t i = 0; i < obj->node.ip_count && r >= 0; i++)
		r = add_host(search, &obj->node.ips[i]);
	for (size_t i = 0; i < obj->node.cidr_count && r >= 0; i++) {
		struct ip_addr gateway = ipam_gateway(&obj->node.cidrs[i]);

		r = add_host(search, &gateway);
	}
	return r < 0 ? r : 0;
}

/* Append what @selector selects to the lists. */
static int search_nodes(struct image_build *build, const struct selector *selector)
{
	cleanup(node_search_done) struct node_search search = {
		.build = build,
		.selector = selector,
	};
	struct node_list *list = array_add(build->node_lists, build->node_list_count);

	if (!list || store_each(build->input->store, OBJECT_NODE, collect_node, &search) < 0)
		return -ENOMEM;
	list->count = search.count;
	list->elements = arena_copy(&build->arena, search.found,
				    search.count * sizeof(*search.found));
	return list->elements ? 0 : -ENOMEM;
}

int nodes_select(const struct cidr_element **ret, size_t *ret_count, struct image_build *build,
		 const struct selector *selector)
{
	struct buf *text = &build->scratch;
	uint32_t index;
	int r;

	buf_reset(text);
	selector_text(text, selector);
	if (text->failed)
		return -ENOMEM;
	r = intern_add(&index, &build->node_selectors, &build->arena, text->data, text->length);
	if (r > 0)
		r = search_nodes(build, selector);
	if (r < 0)
		return r;
	*ret = build->node_lists[index].elements;
	*ret_count = build->node_lists[index].count;
	return 0;
}
