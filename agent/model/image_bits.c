// SPDX-License-Identifier: Apache-2.0
/* The distinct bit sets of one rule set, and the rows in which wide ones stand. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/image_groups.h"

#define WORD_BITS 64

int bit_pool_init(struct bit_pool *pool, struct arena *arena, size_t groups)
{
	cleanup(freep) uint64_t *empty = NULL;
	uint32_t set;

	*pool = (struct bit_pool){
		.arena = arena,
		.words = groups > WORD_BITS ? (groups + WORD_BITS - 1) / WORD_BITS : 1,
	};
	empty = calloc(pool->words, sizeof(*empty));
	return empty ? bit_pool_add(&set, pool, empty) : -ENOMEM;
}

int bit_pool_add(uint32_t *ret, struct bit_pool *pool, const uint64_t *words)
{
	int r = intern_add(ret, &pool->sets, pool->arena, words, pool->words * sizeof(*words));

	return r < 0 ? r : 0;
}

const uint64_t *bit_pool_words(const struct bit_pool *pool, uint32_t set)
{
	return pool->sets.keys[set].data;
}

void bit_pool_done(struct bit_pool *pool)
{
	intern_done(&pool->sets);
}

/* What stands for each set of the pool in the tables: its row, 0: not known yet or empty. */
struct row_map {
	struct image_build *build;
	const struct bit_pool *pool;
	uint64_t *rows;
	bool failed; /* out of memory */
};

static int write_chunk(struct image *image, uint32_t row, uint32_t chunk,
		       const struct policy_bits *bits)
{
	struct image_row *item = array_add(image->rows, image->row_count);

	if (!item)
		return -ENOMEM;
	item->row = row;
	item->chunk = chunk;
	item->bits = *bits;
	return 0;
}

/* Set @set of the pool, which is not empty, stands in row @number. */
static void write_row(struct row_map *map, uint32_t set, uint32_t number)
{
	const uint64_t *words = bit_pool_words(map->pool, set);
	static const struct policy_bits empty = {};
	uint32_t chunks = 0;

	for (size_t first = 0; first < map->pool->words; first += POLICY_CHUNK_WORDS) {
		uint32_t chunk = (uint32_t)(first / POLICY_CHUNK_WORDS);
		size_t count = map->pool->words - first;
		struct policy_bits bits = {};

		if (count > POLICY_CHUNK_WORDS)
			count = POLICY_CHUNK_WORDS;
		memcpy(bits.words, words + first, count * sizeof(*words));
		if (!memcmp(&bits, &empty, sizeof(bits)))
			continue;
		chunks |= 1U << chunk;
		map->failed |= write_chunk(map->build->image, number, chunk, &bits) < 0;
	}
	map->rows[set] = policy_row(number, chunks);
}

/* What the datapath looks for when it shall find set @set of the pool. */
static uint64_t resolve(struct row_map *map, uint64_t set)
{
	if (map->pool->words == 1)
		return bit_pool_words(map->pool, (uint32_t)set)[0];
	if (set && !map->rows[set])
		write_row(map, (uint32_t)set, number_take(&map->build->rows));
	return map->rows[set];
}

/* @set, which was in row @before, stays there. */
static void keep_row(struct row_map *map, uint64_t set, uint64_t before)
{
	if (set && !map->rows[set])
		write_row(map, (uint32_t)set, policy_row_number(before));
}

/*
 * The same source form gives the same tables in the same order, and a class that
 * was there before means the same. So the sets meet their rows of before.
 */
static void keep_rows(struct row_map *map, const struct image_ruleset *set,
		      const struct image_ruleset *kept)
{
	keep_row(map, set->header.any_peer, kept->header.any_peer);
	keep_row(map, set->header.allow, kept->header.allow);
	keep_row(map, set->header.pass, kept->header.pass);
	for (size_t i = 0; i < set->port_count; i++)
		keep_row(map, set->ports[i].bits, kept->ports[i].bits);
	for (size_t i = 0; i < set->cidr_count; i++)
		keep_row(map, set->cidrs[i].bits, kept->cidrs[i].bits);
	for (size_t i = 0, k = 0; i < set->class_count; i++) {
		while (k < kept->class_count && kept->classes[k].class < set->classes[i].class)
			k++;
		if (k < kept->class_count && kept->classes[k].class == set->classes[i].class)
			keep_row(map, set->classes[i].bits, kept->classes[k].bits);
	}
}

int draft_resolve(struct ruleset_draft *draft, const struct image_ruleset *kept)
{
	cleanup(freep) uint64_t *rows = calloc(draft->pool.sets.count, sizeof(*rows));
	struct row_map map = { .build = draft->build, .pool = &draft->pool, .rows = rows };
	struct image_ruleset *set = draft->set;

	if (!rows)
		return -ENOMEM;
	if (kept && draft->pool.words > 1)
		keep_rows(&map, set, kept);
	set->header.any_peer = resolve(&map, set->header.any_peer);
	set->header.allow = resolve(&map, set->header.allow);
	set->header.pass = resolve(&map, set->header.pass);
	for (size_t i = 0; i < set->class_count; i++)
		set->classes[i].bits = resolve(&map, set->classes[i].bits);
	for (size_t i = 0; i < set->port_count; i++)
		set->ports[i].bits = resolve(&map, set->ports[i].bits);
	for (size_t i = 0; i < set->cidr_count; i++)
		set->cidrs[i].bits = resolve(&map, set->cidrs[i].bits);
	return map.failed ? -ENOMEM : 0;
}
