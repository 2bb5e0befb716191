// SPDX-License-Identifier: Apache-2.0
/* The three tables of a rule set: by class, by port, by address. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/image_groups.h"

struct class_group {
	uint32_t class;
	uint32_t group;
};

struct class_groups {
	struct class_group *items;
	size_t count;
};

static void class_groups_done(struct class_groups *list)
{
	free(list->items);
}

static int compare_class_groups(const void *left, const void *right)
{
	const struct class_group *a = left, *b = right;
	int r = (a->class > b->class) - (a->class < b->class);

	return r ?: (a->group > b->group) - (a->group < b->group);
}

/* Which groups name a term of which classes. */
static int collect_classes(struct class_groups *ret, const struct ruleset_draft *draft)
{
	const struct image_build *build = draft->build;

	for (size_t i = 0; i < draft->groups->count; i++) {
		const struct id_list *terms = &draft->groups->items[i].terms;

		for (size_t k = 0; k < terms->count; k++) {
			const struct term *term = &build->terms.items[terms->items[k]];
			const struct id_list *classes = &term->classes;

			for (size_t c = 0; c < classes->count; c++) {
				struct class_group *item = array_add(ret->items, ret->count);

				if (!item)
					return -ENOMEM;
				item->class = build->class_ids[classes->items[c]];
				item->group = (uint32_t)i;
			}
		}
	}
	if (ret->count)
		qsort(ret->items, ret->count, sizeof(*ret->items), compare_class_groups);
	return 0;
}

int draft_classes(struct ruleset_draft *draft)
{
	cleanup(class_groups_done) struct class_groups list = {};
	struct image_ruleset *set = draft->set;

	if (collect_classes(&list, draft) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < list.count;) {
		uint32_t class = list.items[i].class, bits;
		struct image_class_bits *item;

		draft_clear(draft);
		for (; i < list.count && list.items[i].class == class; i++)
			draft_set(draft, list.items[i].group);
		item = array_add(set->classes, set->class_count);
		if (!item || bit_pool_add(&bits, &draft->pool, draft->words) < 0)
			return -ENOMEM;
		item->class = class;
		item->bits = bits;
	}
	return 0;
}

int draft_ports(struct ruleset_draft *draft)
{
	cleanup(freep) struct cover_element *elements = NULL;
	cleanup(freep) struct cover_value *values = NULL;
	struct image_ruleset *set = draft->set;
	size_t element_count, count;

	if (ports_elements(&elements, &element_count, draft->groups) < 0 ||
	    cover_compute(&values, &count, &draft->pool, elements, element_count,
			  draft->groups->count) < 0)
		return -ENOMEM;
	set->ports = calloc(count + 1, sizeof(*set->ports));
	if (!set->ports)
		return -ENOMEM;
	set->port_count = count;
	for (size_t i = 0; i < count; i++) {
		set->ports[i].key = ports_key(&values[i].prefix, set->id);
		set->ports[i].bits = values[i].set;
	}
	return 0;
}

static int cidr_elements(struct cover_element **ret, size_t *ret_count,
			 const struct rule_groups *groups)
{
	struct cover_element *elements;
	size_t count = 0;

	for (size_t i = 0; i < groups->count; i++)
		count += groups->items[i].cidr_count;
	elements = calloc(count + 1, sizeof(*elements));
	if (!elements)
		return -ENOMEM;
	*ret = elements;
	*ret_count = count;
	for (size_t i = 0; i < groups->count; i++) {
		for (size_t k = 0; k < groups->items[i].cidr_count; k++) {
			const struct cidr_element *cidr = &groups->items[i].cidrs[k];

			*elements++ = (struct cover_element){ cidr->cidr, cidr->except,
							      cidr->except_count, (uint32_t)i };
		}
	}
	return 0;
}

int draft_cidrs(struct ruleset_draft *draft)
{
	cleanup(freep) struct cover_element *elements = NULL;
	cleanup(freep) struct cover_value *values = NULL;
	struct image_ruleset *set = draft->set;
	size_t element_count, count;

	if (cidr_elements(&elements, &element_count, draft->groups) < 0 ||
	    cover_compute(&values, &count, &draft->pool, elements, element_count,
			  draft->groups->count) < 0)
		return -ENOMEM;
	set->cidrs = calloc(count + 1, sizeof(*set->cidrs));
	if (!set->cidrs)
		return -ENOMEM;
	set->cidr_count = count;
	for (size_t i = 0; i < count; i++) {
		set->cidrs[i].prefix = values[i].prefix;
		set->cidrs[i].bits = values[i].set;
		set->header.flags |= ip_addr_is_v4(&values[i].prefix.addr) ? RULESET_CIDR4 :
									     RULESET_CIDR6;
	}
	return 0;
}
