// SPDX-License-Identifier: Apache-2.0
#include "model/maglev.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "weir/spread.h"

/* The two hashes of a backend begin differently. */
#define OFFSET_SEED 0x6f66667365742121ull
#define SKIP_SEED 0x736b697073212121ull

#define NOBODY UINT32_MAX

const uint32_t maglev_sizes[] = { 251, 509, 1021, 2039, 4093, 8191, 16381, 32749, 65521, 131071 };
const size_t maglev_size_count = sizeof(maglev_sizes) / sizeof(*maglev_sizes);

bool maglev_size_is_valid(uint64_t size)
{
	for (size_t i = 0; i < maglev_size_count; i++)
		if (maglev_sizes[i] == size)
			return true;
	return false;
}

/* A backend goes through the table by its own permutation: every @skip-th entry. */
struct turn {
	const struct backend *backend;
	uint32_t index;
	uint32_t at; /* the entry that it asks for next */
	uint32_t skip;
};

static int compare_turns(const void *a, const void *b)
{
	const struct backend *left = ((const struct turn *)a)->backend;
	const struct backend *right = ((const struct turn *)b)->backend;
	int order = memcmp(left->addr.bytes, right->addr.bytes, sizeof(left->addr));

	order = order ?: memcmp(&left->port, &right->port, sizeof(left->port));
	return order ?: (int)left->proto - (int)right->proto;
}

static struct turn turn_of(const struct backend *backend, uint32_t index, uint32_t size)
{
	uint64_t offset = spread_end(OFFSET_SEED, &backend->addr, backend->port, backend->proto);
	uint64_t skip = spread_end(SKIP_SEED, &backend->addr, backend->port, backend->proto);

	return (struct turn){ .backend = backend,
			      .index = index,
			      .at = (uint32_t)(offset % size),
			      .skip = (uint32_t)(skip % (size - 1)) + 1 };
}

/* The size is a prime, so it comes by every entry before it comes by one again. */
static void take_entry(uint32_t *table, uint32_t size, struct turn *turn)
{
	while (table[turn->at] != NOBODY)
		turn->at = (turn->at + turn->skip) % size;
	table[turn->at] = turn->index;
}

int maglev_fill(uint32_t *table, uint32_t size, const struct backend *const *backends,
		uint32_t count)
{
	cleanup(freep) struct turn *turns = calloc(count, sizeof(*turns));

	if (!turns)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		turns[i] = turn_of(backends[i], i, size);
	/* Who is first gets what two ask for: everywhere the same one. */
	qsort(turns, count, sizeof(*turns), compare_turns);
	for (uint32_t i = 0; i < size; i++)
		table[i] = NOBODY;
	for (uint32_t taken = 0; taken < size; taken++)
		take_entry(table, size, &turns[taken % count]);
	return 0;
}
