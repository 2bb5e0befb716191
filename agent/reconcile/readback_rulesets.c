// SPDX-License-Identifier: Apache-2.0
/*
 * The rule sets of a former agent, put together from the entries of the policy
 * maps. What belongs to no header, as an agent leaves it that was killed while it
 * wrote, makes a rule set without words: nobody is like it, and so it goes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "reconcile/private.h"

uint32_t readback_set_of(enum datapath_map map, const void *key)
{
	if (map == MAP_RULESET)
		return *(const uint32_t *)key;
	if (map == MAP_POLICY_CLASS)
		return ((const struct policy_class_key *)key)->set;
	/* All LPM keys begin with prefix length and set. */
	return ntohl(((const struct policy_cidr4_key *)key)->set);
}

static int compare_ids(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return (a > b) - (a < b);
}

static int compare_rulesets(const void *left, const void *right)
{
	return compare_ids(&((const struct image_ruleset *)left)->id,
			   &((const struct image_ruleset *)right)->id);
}

/* Every map's entries of one set follow each other nearly always: the last one is tried first. */
static struct image_ruleset *ruleset_of(struct image *image, struct image_ruleset *last,
					uint32_t id)
{
	const struct image_ruleset key = { .id = id };

	if (last && last->id == id)
		return last;
	return bsearch(&key, image->rulesets, image->ruleset_count, sizeof(key), compare_rulesets);
}

static const enum datapath_map set_maps[] = {
	MAP_RULESET, MAP_POLICY_CLASS, MAP_POLICY_PORT, MAP_POLICY_CIDR4, MAP_POLICY_CIDR6,
};
#define SET_MAPS (sizeof(set_maps) / sizeof(set_maps[0]))

/* The numbers that any entry has, sorted, each once. */
static int collect_ids(uint32_t **ret, size_t *count, const struct journal *policy)
{
	uint32_t *ids, set;
	size_t room = 1, found = 0;

	for (size_t m = 0; m < SET_MAPS; m++)
		room += policy->maps[set_maps[m]].count;
	ids = malloc(room * sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	for (size_t m = 0; m < SET_MAPS; m++) {
		for (uint32_t i = 0; i < policy->maps[set_maps[m]].count; i++) {
			set = readback_set_of(set_maps[m], journal_key(policy, set_maps[m], i));
			if (!found || ids[found - 1] != set)
				ids[found++] = set;
		}
	}
	qsort(ids, found, sizeof(*ids), compare_ids);
	*count = 0;
	for (size_t i = 0; i < found; i++)
		if (!*count || ids[*count - 1] != ids[i])
			ids[(*count)++] = ids[i];
	*ret = ids;
	return 0;
}

static int make_rulesets(struct image *image, const struct journal *policy)
{
	cleanup(freep) uint32_t *ids = NULL;
	size_t count;
	int r;

	r = collect_ids(&ids, &count, policy);
	if (r < 0)
		return r;
	image->rulesets = calloc(count + 1, sizeof(*image->rulesets));
	if (!image->rulesets)
		return -ENOMEM;
	image->ruleset_count = count;
	for (size_t i = 0; i < count; i++)
		image->rulesets[i].id = ids[i];
	return 0;
}

static void add_cidr(struct image_ruleset *set, enum datapath_map map, const void *key,
		     uint64_t bits)
{
	struct image_cidr_bits *cidr = &set->cidrs[set->cidr_count++];
	const struct policy_cidr4_key *v4 = key;
	const struct policy_cidr6_key *v6 = key;

	cidr->bits = bits;
	cidr->prefix.bits = (uint8_t)(v4->prefixlen - POLICY_CIDR_SET_BITS);
	if (map == MAP_POLICY_CIDR4)
		ip_addr_set_v4(&cidr->prefix.addr, v4->addr);
	else
		cidr->prefix.addr = v6->addr;
}

/* Called twice: first only counts, until there are arrays of that size. */
static void add_entry(struct image_ruleset *set, enum datapath_map map, const void *key,
		      const void *value, bool write)
{
	uint64_t bits = *(const uint64_t *)value;

	if (map == MAP_RULESET) {
		set->header = *(const struct ruleset *)value;
	} else if (map == MAP_POLICY_CLASS) {
		if (write)
			set->classes[set->class_count] = (struct image_class_bits){
				((const struct policy_class_key *)key)->class, bits };
		set->class_count++;
	} else if (map == MAP_POLICY_PORT) {
		if (write)
			set->ports[set->port_count] = (struct image_port_bits){
				*(const struct policy_port_key *)key, bits };
		set->port_count++;
	} else if (write) {
		add_cidr(set, map, key, bits);
	} else {
		set->cidr_count++;
	}
}

static void add_entries(struct image *image, const struct journal *policy, bool write)
{
	struct image_ruleset *set = NULL;

	for (size_t m = 0; m < SET_MAPS; m++) {
		enum datapath_map map = set_maps[m];

		for (uint32_t i = 0; i < policy->maps[map].count; i++) {
			const void *key = journal_key(policy, map, i);

			set = ruleset_of(image, set, readback_set_of(map, key));
			add_entry(set, map, key, journal_value(policy, map, i), write);
		}
	}
}

static int make_room(struct image_ruleset *set)
{
	set->classes = calloc(set->class_count + 1, sizeof(*set->classes));
	set->ports = calloc(set->port_count + 1, sizeof(*set->ports));
	set->cidrs = calloc(set->cidr_count + 1, sizeof(*set->cidrs));
	set->class_count = set->port_count = set->cidr_count = 0;
	return set->classes && set->ports && set->cidrs ? 0 : -ENOMEM;
}

static int compare_class_bits(const void *left, const void *right)
{
	return compare_ids(&((const struct image_class_bits *)left)->class,
			   &((const struct image_class_bits *)right)->class);
}

/* In the order of the compiler: by what follows the set, the shorter prefix first. */
static int compare_port_bits(const void *left, const void *right)
{
	const struct policy_port_key *a = &((const struct image_port_bits *)left)->key;
	const struct policy_port_key *b = &((const struct image_port_bits *)right)->key;

	return ((int)a->proto - b->proto) ?: ((int)ntohs(a->port) - ntohs(b->port)) ?:
	       ((int)a->prefixlen - (int)b->prefixlen);
}

static int compare_cidr_bits(const void *left, const void *right)
{
	const struct prefix *a = &((const struct image_cidr_bits *)left)->prefix;
	const struct prefix *b = &((const struct image_cidr_bits *)right)->prefix;

	return ip_addr_is_v4(&b->addr) - ip_addr_is_v4(&a->addr) ?: prefix_compare(a, b);
}

static int compare_rows(const void *left, const void *right)
{
	const struct image_row *a = left, *b = right;

	return compare_ids(&a->row, &b->row) ?: compare_ids(&a->chunk, &b->chunk);
}

static int fill_rows(struct image *image, const struct journal *policy)
{
	uint32_t count = policy->maps[MAP_POLICY_BITS].count;

	image->rows = calloc(count + 1U, sizeof(*image->rows));
	if (!image->rows)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		const struct policy_bits_key *key = journal_key(policy, MAP_POLICY_BITS, i);

		image->rows[i].row = key->row;
		image->rows[i].chunk = key->chunk;
		memcpy(&image->rows[i].bits, journal_value(policy, MAP_POLICY_BITS, i),
		       sizeof(image->rows[i].bits));
	}
	image->row_count = count;
	qsort(image->rows, count, sizeof(*image->rows), compare_rows);
	return 0;
}

int readback_rulesets(struct image *image, const struct journal *policy)
{
	int r = make_rulesets(image, policy);

	if (r < 0)
		return r;
	add_entries(image, policy, false);
	for (size_t i = 0; i < image->ruleset_count; i++)
		if (make_room(&image->rulesets[i]) < 0)
			return -ENOMEM;
	add_entries(image, policy, true);
	for (size_t i = 0; i < image->ruleset_count; i++) {
		struct image_ruleset *set = &image->rulesets[i];

		qsort(set->classes, set->class_count, sizeof(*set->classes), compare_class_bits);
		qsort(set->ports, set->port_count, sizeof(*set->ports), compare_port_bits);
		qsort(set->cidrs, set->cidr_count, sizeof(*set->cidrs), compare_cidr_bits);
	}
	return fill_rows(image, policy);
}
