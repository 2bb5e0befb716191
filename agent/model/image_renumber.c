// SPDX-License-Identifier: Apache-2.0
/*
 * Numbers for the first image of an agent. What it read back has no texts, so
 * things are known by what they contain: a class by the addresses that have it, a
 * rule set by the endpoints that are bound to it and by each of its entries. A
 * wrong guess about a class costs rule sets that are written anew, and no more.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/image_private.h"
#include "weir/maps.h"

/* @count addresses or endpoints speak for "@now is what @before was". */
struct vote {
	uint32_t now;
	uint32_t before;
	uint32_t count;
};

struct votes {
	struct vote *items;
	size_t count;
};

struct renumber {
	struct image *image;
	const struct image *previous;
	/* By the number in image: that of the previous one, later the final one. 0: none yet. */
	uint32_t *numbers[NUMBERS_MAX];
	size_t room[NUMBERS_MAX];
};

static void votes_done(struct votes *votes)
{
	free(votes->items);
}

static void renumber_done(struct renumber *ren)
{
	for (int space = 0; space < NUMBERS_MAX; space++)
		free(ren->numbers[space]);
}

static int vote(struct votes *votes, uint32_t now, uint32_t before)
{
	struct vote *item;

	if (!now || !before)
		return 0;
	item = array_add(votes->items, votes->count);
	if (!item)
		return -ENOMEM;
	*item = (struct vote){ now, before, 1 };
	return 0;
}

static int compare_pairs(const void *left, const void *right)
{
	const struct vote *a = left, *b = right;
	int r = (a->now > b->now) - (a->now < b->now);

	return r ?: (a->before > b->before) - (a->before < b->before);
}

static int compare_counts(const void *left, const void *right)
{
	const struct vote *a = left, *b = right;

	return (a->count < b->count) - (a->count > b->count) ?: compare_pairs(a, b);
}

/* Each pair once, those with most votes first. */
static void count_votes(struct votes *votes)
{
	size_t kept = 0;

	if (!votes->count)
		return;
	qsort(votes->items, votes->count, sizeof(*votes->items), compare_pairs);
	for (size_t i = 1; i < votes->count; i++)
		if (!compare_pairs(&votes->items[kept], &votes->items[i]))
			votes->items[kept].count++;
		else
			votes->items[++kept] = votes->items[i];
	votes->count = kept + 1;
	qsort(votes->items, votes->count, sizeof(*votes->items), compare_counts);
}

/* Each number finds one of before, and each of before one. @fits (or NULL) has the last word. */
static int elect(struct renumber *ren, enum number_space space, struct votes *votes,
		 bool (*fits)(struct renumber *ren, const struct vote *vote))
{
	cleanup(id_list_done) struct id_list before = {};
	cleanup(freep) bool *taken = NULL;

	count_votes(votes);
	for (size_t i = 0; i < votes->count; i++)
		if (id_list_add(&before, votes->items[i].before) < 0)
			return -ENOMEM;
	id_list_sort(&before);
	taken = calloc(before.count + 1, sizeof(*taken));
	if (!taken)
		return -ENOMEM;
	for (size_t i = 0; i < votes->count; i++) {
		const struct vote *item = &votes->items[i];
		size_t at = id_list_find(&before, item->before);

		if (ren->numbers[space][item->now] || taken[at] || (fits && !fits(ren, item)))
			continue;
		ren->numbers[space][item->now] = item->before;
		taken[at] = true;
	}
	return 0;
}

/* What was not elected gets a number that neither image has. */
static int fill_rest(struct renumber *ren, enum number_space space)
{
	cleanup(number_source_done) struct number_source source = {};

	if (number_source_init(&source, ren->previous, space) < 0)
		return -ENOMEM;
	for (size_t i = 1; i < ren->room[space]; i++)
		if (!ren->numbers[space][i])
			ren->numbers[space][i] = number_take(&source);
	return 0;
}

static int vote_addresses(struct votes *classes, const struct image *now,
			  const struct image *before)
{
	size_t i = 0, k = 0;

	while (i < now->peer_count && k < before->peer_count) {
		int order = memcmp(now->peers[i].addr.bytes, before->peers[k].addr.bytes,
				   sizeof(now->peers[i].addr.bytes));

		if (!order && vote(classes, now->peers[i].class, before->peers[k].class) < 0)
			return -ENOMEM;
		i += order <= 0;
		k += order >= 0;
	}
	return 0;
}

static int vote_endpoints(struct votes *classes, struct votes *rulesets, const struct image *now,
			  const struct image *before)
{
	size_t i = 0, k = 0;

	while (i < now->binding_count && k < before->binding_count) {
		const struct image_binding *a = &now->bindings[i], *b = &before->bindings[k];

		if (a->ifindex == b->ifindex && vote(classes, a->class, b->class) < 0)
			return -ENOMEM;
		for (int dir = 0; dir < POLICY_DIR_MAX && a->ifindex == b->ifindex; dir++)
			if (vote(rulesets, a->ruleset[dir], b->ruleset[dir]) < 0)
				return -ENOMEM;
		i += a->ifindex <= b->ifindex;
		k += b->ifindex <= a->ifindex;
	}
	return 0;
}

static int compare_class_bits(const void *left, const void *right)
{
	const struct image_class_bits *a = left, *b = right;

	return (a->class > b->class) - (a->class < b->class);
}

static void rename_classes(struct renumber *ren)
{
	const uint32_t *to = ren->numbers[NUMBERS_CLASS];
	struct image *image = ren->image;

	for (size_t i = 0; i < image->class_count; i++)
		image->classes[i].id = to[image->classes[i].id];
	for (size_t i = 0; i < image->peer_count; i++)
		image->peers[i].class = to[image->peers[i].class];
	for (size_t i = 0; i < image->binding_count; i++)
		image->bindings[i].class = to[image->bindings[i].class];
	for (size_t i = 0; i < image->ruleset_count; i++) {
		struct image_ruleset *set = &image->rulesets[i];

		for (size_t k = 0; k < set->class_count; k++)
			set->classes[k].class = to[set->classes[k].class];
		if (set->class_count)
			qsort(set->classes, set->class_count, sizeof(*set->classes),
			      compare_class_bits);
	}
	image_sort(image);
}

static int compare_rulesets(const void *key, const void *element)
{
	uint32_t id = *(const uint32_t *)key, other = ((const struct image_ruleset *)element)->id;

	return (id > other) - (id < other);
}

static struct image_ruleset *ruleset_of(const struct image *image, uint32_t id)
{
	return image->ruleset_count ? bsearch(&id, image->rulesets, image->ruleset_count,
					      sizeof(*image->rulesets), compare_rulesets) : NULL;
}

static bool same_ruleset(struct renumber *ren, const struct vote *vote)
{
	struct same same = { ren->image, ren->previous, ren->numbers[NUMBERS_ROW] };
	const struct image_ruleset *before = ruleset_of(ren->previous, vote->before);

	return before && ruleset_same(&same, ruleset_of(ren->image, vote->now), before);
}

static uint64_t rename_row(uint64_t bits, void *arg)
{
	const uint32_t *to = arg;

	return bits ? policy_row(to[policy_row_number(bits)], policy_row_chunks(bits)) : 0;
}

static int rename_rulesets(struct renumber *ren)
{
	const uint32_t *to = ren->numbers[NUMBERS_RULESET];
	struct image *image = ren->image;

	for (size_t i = 0; i < image->binding_count; i++)
		for (int dir = 0; dir < POLICY_DIR_MAX; dir++)
			image->bindings[i].ruleset[dir] = to[image->bindings[i].ruleset[dir]];
	for (size_t i = 0; i < image->ruleset_count; i++) {
		struct image_ruleset *set = &image->rulesets[i];

		set->id = to[set->id];
		if (set->id >= RULESETS_MAX)
			return -ENOSPC;
		for (size_t k = 0; k < set->port_count; k++)
			set->ports[k].key.set = htonl(set->id);
		if (set->header.words > 1)
			ruleset_each_bits(set, rename_row, ren->numbers[NUMBERS_ROW]);
	}
	for (size_t i = 0; i < image->row_count; i++)
		image->rows[i].row = ren->numbers[NUMBERS_ROW][image->rows[i].row];
	image_sort(image);
	return 0;
}

/* Compiled without a previous image, numbers run from 1. */
static int renumber_init(struct renumber *ren)
{
	const struct image *image = ren->image;

	ren->room[NUMBERS_RULESET] = image->ruleset_count + 1;
	ren->room[NUMBERS_CLASS] = image->class_count + 1;
	ren->room[NUMBERS_ROW] = image->row_count ? image->rows[image->row_count - 1].row + 1U : 1;
	for (int space = 0; space < NUMBERS_MAX; space++) {
		ren->numbers[space] = calloc(ren->room[space], sizeof(**ren->numbers));
		if (!ren->numbers[space])
			return -ENOMEM;
	}
	return 0;
}

static int elect_all(struct renumber *ren)
{
	cleanup(votes_done) struct votes classes = {};
	cleanup(votes_done) struct votes rulesets = {};
	int r;

	r = vote_addresses(&classes, ren->image, ren->previous);
	r = r ?: vote_endpoints(&classes, &rulesets, ren->image, ren->previous);
	r = r ?: elect(ren, NUMBERS_CLASS, &classes, NULL);
	r = r ?: fill_rest(ren, NUMBERS_CLASS);
	if (r < 0)
		return r;
	/* Rule sets are compared class by class. */
	rename_classes(ren);
	r = elect(ren, NUMBERS_RULESET, &rulesets, same_ruleset);
	r = r ?: fill_rest(ren, NUMBERS_RULESET);
	return r ?: fill_rest(ren, NUMBERS_ROW);
}

int image_renumber(struct image *image, const struct image *previous)
{
	cleanup(renumber_done) struct renumber ren = { .image = image, .previous = previous };
	int r;

	r = renumber_init(&ren);
	r = r ?: elect_all(&ren);
	r = r ?: rename_rulesets(&ren);
	if (r < 0)
		return r;
	image_numbers_free(image->numbers);
	image->numbers = NULL;
	return numbers_finish(image, previous);
}
