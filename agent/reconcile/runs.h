/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which elements of an array are in use: runs of 2^order elements, aligned to their size
 * (a buddy allocator). A single number is a run of order 0.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define RUN_ORDERS 25

/* Free runs of one order: a bit each. */
struct run_order {
	uint64_t *bits;
	uint32_t words;
	uint32_t low; /* no word before has a bit */
	uint32_t count;
};

struct runs {
	struct run_order orders[RUN_ORDERS];
	uint32_t size; /* elements of the array */
	uint32_t used;
};

/* All of @size elements are free. 0 or -ENOMEM. */
int runs_init(struct runs *runs, uint32_t size);
void runs_done(struct runs *runs);

/* The lowest free run. 0, or -ENOSPC. */
int runs_take(uint32_t *first, struct runs *runs, uint32_t order);

/* A certain one. 0, or -EBUSY: it is none, or not free as a whole. */
int runs_take_at(struct runs *runs, uint32_t first, uint32_t order);

/* Of a run that was taken. */
void runs_give(struct runs *runs, uint32_t first, uint32_t order);

/* The smallest order whose runs hold @count elements, which is not 0. */
uint32_t runs_order(uint32_t count);
