// SPDX-License-Identifier: Apache-2.0
/* Rule groups in their normal form: elements, order, the canonical text. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/image_groups.h"

bool cidr_matches(const struct prefix *cidr, const struct prefix *except, size_t except_count,
		  const struct ip_addr *addr)
{
	bool matches = prefix_contains(cidr, addr);

	for (size_t i = 0; i < except_count && matches; i++)
		matches = !prefix_contains(&except[i], addr);
	return matches;
}

static int compare_prefixes(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

static int element_name(struct cidr_element *element, struct image_build *build)
{
	struct buf *buf = &build->scratch;
	char text[PREFIX_TEXT_MAX];

	buf_reset(buf);
	buf_str(buf, prefix_text(text, &element->cidr));
	for (size_t i = 0; i < element->except_count; i++) {
		buf_str(buf, i ? " and " : " except ");
		buf_str(buf, prefix_text(text, &element->except[i]));
	}
	if (!buf->failed)
		element->text = arena_copy(&build->arena, buf->data, buf->length + 1);
	return element->text ? 1 : -ENOMEM;
}

int cidr_element_make(struct cidr_element *ret, struct image_build *build,
		      const struct prefix *cidr, const struct prefix *except, size_t except_count)
{
	struct prefix *kept;
	size_t count = 0;

	*ret = (struct cidr_element){ .cidr = *cidr };
	kept = arena_alloc(&build->arena, (except_count + 1) * sizeof(*kept));
	if (!kept)
		return -ENOMEM;
	for (size_t i = 0; i < except_count; i++) {
		if (prefix_covers(&except[i], cidr))
			return 0;
		if (prefix_covers(cidr, &except[i]))
			kept[count++] = except[i];
	}
	qsort(kept, count, sizeof(*kept), compare_prefixes);
	/* One within another says nothing; in this order it comes right after. */
	for (size_t i = 0; i < count; i++)
		if (!ret->except_count || !prefix_covers(&kept[ret->except_count - 1], &kept[i]))
			kept[ret->except_count++] = kept[i];
	ret->except = kept;
	return element_name(ret, build);
}

static int compare_terms(const void *a, const void *b, void *arg)
{
	const struct image_terms *terms = arg;

	return strcmp(terms->items[*(const uint32_t *)a].text,
		      terms->items[*(const uint32_t *)b].text);
}

static int compare_cidrs(const void *a, const void *b)
{
	return strcmp(((const struct cidr_element *)a)->text,
		      ((const struct cidr_element *)b)->text);
}

/* Peers sorted by their texts, each once; "any" makes the others superfluous. */
static void normalise_peers(struct rule_group *group, struct image_terms *terms)
{
	size_t kept = 0;

	if (group->any_peer) {
		id_list_done(&group->terms);
		group->cidr_count = 0;
		return;
	}
	id_list_sort(&group->terms);
	if (group->terms.count)
		qsort_r(group->terms.items, group->terms.count, sizeof(*group->terms.items),
			compare_terms, terms);
	if (!group->cidr_count)
		return;
	qsort(group->cidrs, group->cidr_count, sizeof(*group->cidrs), compare_cidrs);
	for (size_t i = 1; i < group->cidr_count; i++)
		if (strcmp(group->cidrs[i].text, group->cidrs[kept].text))
			group->cidrs[++kept] = group->cidrs[i];
	group->cidr_count = kept + 1;
}

static int compare_groups(const void *left, const void *right)
{
	const struct rule_group *a = left, *b = right;

	if (a->tier != b->tier)
		return a->tier < b->tier ? -1 : 1;
	if (a->run != b->run)
		return a->run < b->run ? -1 : 1;
	return strcmp(a->ports_text, b->ports_text);
}

static void group_done(struct rule_group *group)
{
	port_set_done(&group->ports);
	id_list_done(&group->terms);
	free(group->cidrs);
}

void groups_order(struct rule_groups *groups, struct image_build *build)
{
	size_t kept = 0;

	for (size_t i = 0; i < groups->count; i++) {
		struct rule_group *group = &groups->items[i];

		normalise_peers(group, &build->terms);
		/* Its only peers are blocks that exclude all of themselves. */
		if (!group->any_peer && !group->terms.count && !group->cidr_count)
			group_done(group);
		else
			groups->items[kept++] = *group;
	}
	groups->count = kept;
	if (kept)
		qsort(groups->items, kept, sizeof(*groups->items), compare_groups);
}

static void put_line(struct buf *buf, const char *text)
{
	buf_str(buf, text);
	buf_str(buf, "\n");
}

static void put_group(struct buf *buf, const struct rule_group *group,
		      const struct image_terms *terms)
{
	buf_str(buf, "group ");
	buf_number(buf, group->tier);
	buf_str(buf, " ");
	buf_number(buf, group->run);
	buf_str(buf, " ");
	buf_number(buf, group->action);
	buf_str(buf, "\n");
	put_line(buf, group->ports_text);
	if (group->any_peer)
		put_line(buf, "anywhere");
	for (size_t i = 0; i < group->terms.count; i++)
		put_line(buf, terms->items[group->terms.items[i]].text);
	for (size_t i = 0; i < group->cidr_count; i++)
		put_line(buf, group->cidrs[i].text);
}

void policy_text(struct buf *buf, const struct image_build *build, uint32_t policy)
{
	const struct object *obj = build->policies[policy];

	buf_str(buf, object_kind_name(obj->kind));
	buf_str(buf, " ");
	buf_str(buf, obj->namespace);
	buf_str(buf, *obj->namespace ? "/" : "");
	buf_str(buf, obj->name);
}

void groups_identity(struct buf *buf, const struct rule_groups *groups,
		     const struct image_build *build)
{
	buf_str(buf, groups->dir == POLICY_INGRESS ? "ingress" : "egress");
	put_line(buf, groups->isolated ? ", isolated" : "");
	for (size_t i = 0; i < groups->policies.count; i++) {
		policy_text(buf, build, groups->policies.items[i]);
		buf_str(buf, "\n");
	}
	for (size_t i = 0; i < groups->count; i++)
		put_group(buf, &groups->items[i], &build->terms);
}

void groups_done(struct rule_groups *groups)
{
	for (size_t i = 0; i < groups->count; i++)
		group_done(&groups->items[i]);
	free(groups->items);
	id_list_done(&groups->policies);
	intern_done(&groups->keys);
}
