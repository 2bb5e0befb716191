// SPDX-License-Identifier: Apache-2.0
#include "reconcile/runs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define WORD_BITS 64

static bool is_free(const struct runs *runs, uint32_t order, uint32_t index)
{
	const struct run_order *free_runs = &runs->orders[order];

	return index / WORD_BITS < free_runs->words &&
	       free_runs->bits[index / WORD_BITS] >> index % WORD_BITS & 1;
}

static void set_free(struct runs *runs, uint32_t order, uint32_t index)
{
	struct run_order *free_runs = &runs->orders[order];

	free_runs->bits[index / WORD_BITS] |= 1ull << index % WORD_BITS;
	free_runs->count++;
	if (index / WORD_BITS < free_runs->low)
		free_runs->low = index / WORD_BITS;
}

static void clear_free(struct runs *runs, uint32_t order, uint32_t index)
{
	runs->orders[order].bits[index / WORD_BITS] &= ~(1ull << index % WORD_BITS);
	runs->orders[order].count--;
}

/* The largest run that begins at @first and ends within @size. */
static uint32_t largest_order(uint32_t first, uint32_t size)
{
	uint32_t order = first ? (uint32_t)__builtin_ctz(first) : RUN_ORDERS - 1;

	if (order >= RUN_ORDERS)
		order = RUN_ORDERS - 1;
	while (1ull << order > size - first)
		order--;
	return order;
}

int runs_init(struct runs *runs, uint32_t size)
{
	uint32_t order;

	*runs = (struct runs){ .size = size };
	for (order = 0; order < RUN_ORDERS; order++) {
		struct run_order *free_runs = &runs->orders[order];

		/* One more, so that no order is without memory. */
		free_runs->words = (size >> order) / WORD_BITS + 1;
		free_runs->bits = calloc(free_runs->words, sizeof(*free_runs->bits));
		if (!free_runs->bits) {
			runs_done(runs);
			return -ENOMEM;
		}
		free_runs->low = free_runs->words;
	}
	for (uint32_t first = 0; first < size; first += 1u << order) {
		order = largest_order(first, size);
		set_free(runs, order, first >> order);
	}
	return 0;
}

void runs_done(struct runs *runs)
{
	for (int order = 0; order < RUN_ORDERS; order++)
		free(runs->orders[order].bits);
	*runs = (struct runs){};
}

/* There is one. */
static uint32_t lowest(struct run_order *free_runs)
{
	while (!free_runs->bits[free_runs->low])
		free_runs->low++;
	return free_runs->low * WORD_BITS +
	       (uint32_t)__builtin_ctzll(free_runs->bits[free_runs->low]);
}

/* Take the run at @first out of the free one of order @from that it lies in. */
static void split(struct runs *runs, uint32_t first, uint32_t order, uint32_t from)
{
	clear_free(runs, from, first >> from);
	while (from-- > order)
		set_free(runs, from, (first >> from) ^ 1);
	runs->used += 1u << order;
}

int runs_take(uint32_t *first, struct runs *runs, uint32_t order)
{
	for (uint32_t from = order; from < RUN_ORDERS; from++) {
		if (!runs->orders[from].count)
			continue;
		*first = lowest(&runs->orders[from]) << from;
		split(runs, *first, order, from);
		return 0;
	}
	return -ENOSPC;
}

int runs_take_at(struct runs *runs, uint32_t first, uint32_t order)
{
	if (order >= RUN_ORDERS || first & ((1u << order) - 1) || first >= runs->size)
		return -EBUSY;
	for (uint32_t from = order; from < RUN_ORDERS; from++) {
		if (!is_free(runs, from, first >> from))
			continue;
		split(runs, first, order, from);
		return 0;
	}
	return -EBUSY;
}

void runs_give(struct runs *runs, uint32_t first, uint32_t order)
{
	uint32_t index = first >> order;

	runs->used -= 1u << order;
	while (order + 1 < RUN_ORDERS && is_free(runs, order, index ^ 1)) {
		clear_free(runs, order, index ^ 1);
		index >>= 1;
		order++;
	}
	set_free(runs, order, index);
}

uint32_t runs_order(uint32_t count)
{
	return count > 1 ? 32 - (uint32_t)__builtin_clz(count - 1) : 0;
}
