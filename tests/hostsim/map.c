// SPDX-License-Identifier: Apache-2.0
/* Maps: a list each, for a few hundred elements; arrays grow their slots when asked for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hostsim/shim.h"

struct sim_element {
	struct sim_element *next;
	void *key;
	void *value;
};

extern struct sim_map *const __start_sim_maps[], *const __stop_sim_maps[];

static void *allocate(size_t n, size_t size)
{
	void *ret = calloc(n, size);

	if (!ret)
		abort();
	return ret;
}

static void *copy(const void *bytes, size_t len)
{
	return memcpy(allocate(1, len), bytes, len);
}

static bool is_array(const struct sim_map *map)
{
	return map->type == BPF_MAP_TYPE_ARRAY || map->type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

struct sim_map *sim_map_find(const char *name)
{
	for (struct sim_map *const *map = __start_sim_maps; map < __stop_sim_maps; map++)
		if (!strcmp((*map)->name, name))
			return *map;
	return NULL;
}

static struct sim_element **find_exact(struct sim_map *map, const void *key)
{
	struct sim_element **at;

	for (at = &map->elements; *at; at = &(*at)->next)
		if (!memcmp((*at)->key, key, map->key_size))
			break;
	return at;
}

/* LPM keys: a prefix length, then bytes. */
static bool prefix_covers(const uint8_t *outer, const uint8_t *inner)
{
	uint32_t bits, limit;

	memcpy(&bits, outer, sizeof(bits));
	memcpy(&limit, inner, sizeof(limit));
	if (bits > limit)
		return false;
	for (uint32_t i = 0; i < bits; i++)
		if ((outer[4 + i / 8] ^ inner[4 + i / 8]) & (0x80 >> i % 8))
			return false;
	return true;
}

static struct sim_element *find_longest(struct sim_map *map, const void *key)
{
	struct sim_element *best = NULL;
	uint32_t bits, best_bits = 0;

	for (struct sim_element *el = map->elements; el; el = el->next) {
		memcpy(&bits, el->key, sizeof(bits));
		if (prefix_covers(el->key, key) && (!best || bits > best_bits)) {
			best = el;
			best_bits = bits;
		}
	}
	return best;
}

static void push(struct sim_map *map, struct sim_element *el)
{
	el->next = map->elements;
	map->elements = el;
}

static struct sim_element *take(struct sim_element **at)
{
	struct sim_element *el = *at;

	*at = el->next;
	return el;
}

static void drop(struct sim_map *map, struct sim_element **at)
{
	struct sim_element *el = take(at);

	free(el->key);
	free(el->value);
	free(el);
	map->count--;
}

static struct sim_element *add(struct sim_map *map, const void *key)
{
	struct sim_element *el = allocate(1, sizeof(*el));

	el->key = copy(key, map->key_size);
	el->value = allocate(1, map->value_size);
	push(map, el);
	map->count++;
	return el;
}

static void *lookup_array(struct sim_map *map, const void *key)
{
	uint32_t index;

	memcpy(&index, key, sizeof(index));
	if (index >= map->max_entries)
		return NULL;
	if (!map->slots)
		map->slots = allocate(map->max_entries, sizeof(*map->slots));
	if (!map->slots[index])
		map->slots[index] = allocate(1, map->value_size);
	return map->slots[index];
}

static long update_array(struct sim_map *map, const void *key, const void *value)
{
	void *at = lookup_array(map, key);

	if (!at)
		return -E2BIG;
	memcpy(at, value, map->value_size);
	return 0;
}

struct sim_lookups sim_lookups;

/* What programs hold of the elements stays readable, as in the kernel: they are only not found. */
static bool has_moved(struct sim_map *map)
{
	if (map != sim.move_from)
		return false;
	if (sim.moved || sim.move_after--)
		return sim.moved;
	for (struct sim_element *el = map->elements; el; el = el->next)
		bpf_map_update_elem(sim.move_to, el->key, el->value, BPF_ANY);
	sim.moved = true;
	return true;
}

void *bpf_map_lookup_elem(struct sim_map *map, const void *key)
{
	struct sim_element **at, *el;

	if (is_array(map)) {
		sim_lookups.arrays++;
		return lookup_array(map, key);
	}
	if (map->type == BPF_MAP_TYPE_LPM_TRIE) {
		sim_lookups.tries++;
		el = find_longest(map, key);
		return el ? el->value : NULL;
	}
	sim_lookups.hashes++;
	at = find_exact(map, key);
	if (has_moved(map) || !*at)
		return NULL;
	el = take(at);
	push(map, el);
	return el->value;
}

const void *sim_map_peek(struct sim_map *map, const void *key)
{
	struct sim_element *el;

	if (is_array(map))
		return lookup_array(map, key);
	el = *find_exact(map, key);
	return el ? el->value : NULL;
}

static void evict_last(struct sim_map *map)
{
	struct sim_element **at = &map->elements;

	while ((*at)->next)
		at = &(*at)->next;
	drop(map, at);
}

static bool is_full(const struct sim_map *map)
{
	return map->count >= (map->limit ?: map->max_entries);
}

static void let_others_run(const struct sim_map *map)
{
	if (map != sim.race_for)
		return;
	sim.race_for = NULL;
	sim.race();
}

long bpf_map_update_elem(struct sim_map *map, const void *key, const void *value, uint64_t flags)
{
	struct sim_element *el;

	let_others_run(map);
	if (sim_fails(map->name))
		return -ENOMEM;
	if (is_array(map))
		return update_array(map, key, value);
	el = *find_exact(map, key);
	if (el && flags == BPF_NOEXIST)
		return -EEXIST;
	if (!el && is_full(map)) {
		if (map->type != BPF_MAP_TYPE_LRU_HASH)
			return map->type == BPF_MAP_TYPE_LPM_TRIE ? -ENOSPC : -E2BIG;
		while (is_full(map))
			evict_last(map);
	}
	if (el) {
		/* The kernel puts a new element in the old one's place. */
		free(el->value);
		el->value = copy(value, map->value_size);
		return 0;
	}
	memcpy(add(map, key)->value, value, map->value_size);
	return 0;
}

long bpf_map_delete_elem(struct sim_map *map, const void *key)
{
	struct sim_element **at = find_exact(map, key);

	if (is_array(map))
		return -EINVAL;
	if (!*at)
		return -ENOENT;
	drop(map, at);
	return 0;
}

int sim_map_next(struct sim_map *map, const void *key, void *next)
{
	struct sim_element *el = key ? *find_exact(map, key) : NULL;

	el = el ? el->next : map->elements;
	if (!el)
		return -ENOENT;
	memcpy(next, el->key, map->key_size);
	return 0;
}
