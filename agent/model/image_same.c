// SPDX-License-Identifier: Apache-2.0
/* Whether a rule set says what another one says, in whatever numbers its bit sets stand. */
#include <stdlib.h>
#include <string.h>

#include "model/image_private.h"

void ruleset_each_bits(struct image_ruleset *set, uint64_t (*fn)(uint64_t bits, void *arg),
		       void *arg)
{
	set->header.any_peer = fn(set->header.any_peer, arg);
	set->header.allow = fn(set->header.allow, arg);
	set->header.pass = fn(set->header.pass, arg);
	for (size_t i = 0; i < set->class_count; i++)
		set->classes[i].bits = fn(set->classes[i].bits, arg);
	for (size_t i = 0; i < set->port_count; i++)
		set->ports[i].bits = fn(set->ports[i].bits, arg);
	for (size_t i = 0; i < set->cidr_count; i++)
		set->cidrs[i].bits = fn(set->cidrs[i].bits, arg);
}

/* The chunks of @row, which stand together. */
static const struct image_row *chunks_of(size_t *count, const struct image *image, uint32_t row)
{
	size_t low = 0, high = image->row_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (image->rows[middle].row < row)
			low = middle + 1;
		else
			high = middle;
	}
	for (*count = 0; low + *count < image->row_count; (*count)++)
		if (image->rows[low + *count].row != row)
			break;
	return &image->rows[low];
}

static bool rows_same(const struct same *same, uint32_t now, uint32_t before)
{
	size_t now_count, before_count;
	const struct image_row *a = chunks_of(&now_count, same->image, now);
	const struct image_row *b = chunks_of(&before_count, same->previous, before);

	if (now_count != before_count)
		return false;
	for (size_t i = 0; i < now_count; i++)
		if (a[i].chunk != b[i].chunk || memcmp(&a[i].bits, &b[i].bits, sizeof(a[i].bits)))
			return false;
	return true;
}

/*
 * Wide bit sets are references to rows. A row that met its like once must meet it
 * everywhere: what stands in the kernel stays there.
 */
static bool bits_same(struct same *same, bool wide, uint64_t now, uint64_t before)
{
	uint32_t row = policy_row_number(now), row_before = policy_row_number(before);

	if (!wide || !now || !before)
		return now == before;
	if (policy_row_chunks(now) != policy_row_chunks(before))
		return false;
	if (same->rows[row])
		return same->rows[row] == row_before;
	if (!rows_same(same, row, row_before))
		return false;
	same->rows[row] = row_before;
	return true;
}

static bool headers_same(struct same *same, const struct ruleset *now, const struct ruleset *before)
{
	bool wide = now->words > 1;

	return now->words == before->words && now->flags == before->flags &&
	       !memcmp(now->tier_end, before->tier_end, sizeof(now->tier_end)) &&
	       bits_same(same, wide, now->any_peer, before->any_peer) &&
	       bits_same(same, wide, now->allow, before->allow) &&
	       bits_same(same, wide, now->pass, before->pass);
}

static bool ports_same(struct same *same, const struct image_ruleset *now,
		       const struct image_ruleset *before)
{
	if (now->port_count != before->port_count)
		return false;
	for (size_t i = 0; i < now->port_count; i++) {
		const struct policy_port_key *a = &now->ports[i].key, *b = &before->ports[i].key;

		if (a->prefixlen != b->prefixlen || a->proto != b->proto || a->port != b->port ||
		    !bits_same(same, now->header.words > 1, now->ports[i].bits,
			       before->ports[i].bits))
			return false;
	}
	return true;
}

static bool cidrs_same(struct same *same, const struct image_ruleset *now,
		       const struct image_ruleset *before)
{
	if (now->cidr_count != before->cidr_count)
		return false;
	for (size_t i = 0; i < now->cidr_count; i++)
		if (prefix_compare(&now->cidrs[i].prefix, &before->cidrs[i].prefix) ||
		    !bits_same(same, now->header.words > 1, now->cidrs[i].bits,
			       before->cidrs[i].bits))
			return false;
	return true;
}

static int compare_class_ids(const void *key, const void *element)
{
	uint32_t id = *(const uint32_t *)key, other = ((const struct image_class *)element)->id;

	return (id > other) - (id < other);
}

static bool has_class(const struct image *image, uint32_t id)
{
	return image->class_count && bsearch(&id, image->classes, image->class_count,
					     sizeof(*image->classes), compare_class_ids);
}

/*
 * A class of one side only may come or go beside: one that no address of the
 * previous image has, one that no address of the image has.
 */
static bool classes_same(struct same *same, const struct image_ruleset *now,
			 const struct image_ruleset *before)
{
	const struct image_numbers *numbers = same->previous->numbers;
	const struct id_list *used = &numbers->used[NUMBERS_CLASS];
	size_t i = 0, k = 0;

	while (i < now->class_count || k < before->class_count) {
		const struct image_class_bits *a = &now->classes[i], *b = &before->classes[k];

		if (k == before->class_count || (i < now->class_count && a->class < b->class)) {
			if (ids_contain(used->items, used->count, a->class))
				return false;
			i++;
		} else if (i == now->class_count || a->class > b->class) {
			if (has_class(same->image, b->class))
				return false;
			k++;
		} else {
			if (!bits_same(same, now->header.words > 1, a->bits, b->bits))
				return false;
			i++;
			k++;
		}
	}
	return true;
}

static uint64_t forget(uint64_t bits, void *arg)
{
	struct same *same = arg;

	same->rows[policy_row_number(bits)] = 0;
	return bits;
}

bool ruleset_same(struct same *same, struct image_ruleset *now, const struct image_ruleset *before)
{
	if (headers_same(same, &now->header, &before->header) && ports_same(same, now, before) &&
	    cidrs_same(same, now, before) && classes_same(same, now, before))
		return true;
	if (now->header.words > 1)
		ruleset_each_bits(now, forget, same);
	return false;
}
