// SPDX-License-Identifier: Apache-2.0
/*
 * Cumulative values of prefixes. All prefixes at which something begins or ends
 * are walked in the order of addresses, outer ones first; a stack holds those
 * that cover the present one, and a count per group tells how many elements of
 * it are in force there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/image_groups.h"

#define WORD_BITS 64
#define DEPTH_MAX 130 /* nested prefixes of one family, one a length */

struct event {
	const struct prefix *prefix;
	uint32_t element;
	bool except;
};

/* A prefix under which the walk is. */
struct level {
	const struct prefix *prefix;
	size_t first; /* its events */
	size_t end;
	uint32_t set;
};

struct walk {
	const struct cover_element *elements;
	struct event *events;
	size_t event_count;
	uint32_t *excepts; /* by element: how many of its exceptions cover the present prefix */
	uint32_t *covers; /* by group: elements in force */
	uint64_t *bits;
	struct level levels[DEPTH_MAX];
	size_t depth;
	struct bit_pool *pool;
	struct cover_value *values;
	size_t value_count;
};

static void walk_done(struct walk *walk)
{
	free(walk->events);
	free(walk->excepts);
	free(walk->covers);
	free(walk->bits);
	free(walk->values);
}

static int compare_prefixes(const struct prefix *a, const struct prefix *b)
{
	int r = ip_addr_is_v4(&b->addr) - ip_addr_is_v4(&a->addr);

	return r ?: prefix_compare(a, b);
}

static int compare_events(const void *left, const void *right)
{
	const struct event *a = left, *b = right;
	int r = compare_prefixes(a->prefix, b->prefix);

	if (!r)
		r = (a->element > b->element) - (a->element < b->element);
	/* An element begins before its exceptions do, should one be as wide as itself. */
	return r ?: a->except - b->except;
}

static void count_group(struct walk *walk, uint32_t group, bool enter)
{
	uint64_t bit = 1ULL << (group % WORD_BITS);

	if (enter ? !walk->covers[group]++ : !--walk->covers[group])
		walk->bits[group / WORD_BITS] ^= bit;
}

static void apply(struct walk *walk, const struct event *event, bool enter)
{
	uint32_t group = walk->elements[event->element].group;
	uint32_t *excepts = &walk->excepts[event->element];

	if (!event->except)
		count_group(walk, group, enter);
	else if (enter ? !(*excepts)++ : !--(*excepts))
		count_group(walk, group, !enter);
}

static void leave(struct walk *walk)
{
	const struct level *level = &walk->levels[--walk->depth];

	for (size_t i = level->end; i > level->first; i--)
		apply(walk, &walk->events[i - 1], false);
}

/* Where the value is that of the prefix around it, that one is found as well. */
static int emit(struct walk *walk, const struct level *level)
{
	uint32_t around = walk->depth > 1 ? walk->levels[walk->depth - 2].set : 0;
	struct cover_value *value;

	if (level->set == around)
		return 0;
	value = array_add(walk->values, walk->value_count);
	if (!value)
		return -ENOMEM;
	value->prefix = *level->prefix;
	value->set = level->set;
	return 0;
}

static int enter(struct walk *walk, size_t *at)
{
	struct level level = { .prefix = walk->events[*at].prefix, .first = *at };

	while (walk->depth && !prefix_covers(walk->levels[walk->depth - 1].prefix, level.prefix))
		leave(walk);
	while (*at < walk->event_count &&
	       !compare_prefixes(level.prefix, walk->events[*at].prefix))
		apply(walk, &walk->events[(*at)++], true);
	level.end = *at;
	if (bit_pool_add(&level.set, walk->pool, walk->bits) < 0)
		return -ENOMEM;
	walk->levels[walk->depth++] = level;
	return emit(walk, &level);
}

static int walk_init(struct walk *walk, size_t count, size_t groups)
{
	size_t events = count;

	for (size_t i = 0; i < count; i++)
		events += walk->elements[i].except_count;
	walk->events = calloc(events + 1, sizeof(*walk->events));
	walk->excepts = calloc(count + 1, sizeof(*walk->excepts));
	walk->covers = calloc(groups + 1, sizeof(*walk->covers));
	walk->bits = calloc(walk->pool->words, sizeof(*walk->bits));
	if (!walk->events || !walk->excepts || !walk->covers || !walk->bits)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const struct cover_element *element = &walk->elements[i];

		walk->events[walk->event_count++] =
			(struct event){ &element->prefix, (uint32_t)i, false };
		for (size_t k = 0; k < element->except_count; k++)
			walk->events[walk->event_count++] =
				(struct event){ &element->except[k], (uint32_t)i, true };
	}
	qsort(walk->events, walk->event_count, sizeof(*walk->events), compare_events);
	return 0;
}

int cover_compute(struct cover_value **ret, size_t *ret_count, struct bit_pool *pool,
		  const struct cover_element *elements, size_t count, size_t groups)
{
	cleanup(walk_done) struct walk walk = { .elements = elements, .pool = pool };
	int r = walk_init(&walk, count, groups);

	for (size_t at = 0; at < walk.event_count && r >= 0;)
		r = enter(&walk, &at);
	if (r < 0)
		return r;
	*ret = take_ptr(&walk.values);
	*ret_count = walk.value_count;
	return 0;
}
