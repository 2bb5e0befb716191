// SPDX-License-Identifier: Apache-2.0
/* Pure: from an entry of a policy map back to what it was computed from. */
#include "reconcile/misfit.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "weir/policy.h"

#define NAMED_MAX 3

static bool has_row(const struct image_ruleset *set, uint32_t row)
{
	for (size_t i = 0; i < set->class_count; i++)
		if (policy_row_number(set->classes[i].bits) == row)
			return true;
	for (size_t i = 0; i < set->port_count; i++)
		if (policy_row_number(set->ports[i].bits) == row)
			return true;
	for (size_t i = 0; i < set->cidr_count; i++)
		if (policy_row_number(set->cidrs[i].bits) == row)
			return true;
	return policy_row_number(set->header.any_peer) == row ||
	       policy_row_number(set->header.allow) == row ||
	       policy_row_number(set->header.pass) == row;
}

static const struct image_ruleset *set_of_row(const struct image *image, uint32_t row)
{
	for (size_t i = 0; i < image->ruleset_count; i++)
		if (image->rulesets[i].header.words > 1 && has_row(&image->rulesets[i], row))
			return &image->rulesets[i];
	return NULL;
}

static const struct image_ruleset *set_of_id(const struct image *image, uint32_t id)
{
	for (size_t i = 0; i < image->ruleset_count; i++)
		if (image->rulesets[i].id == id)
			return &image->rulesets[i];
	return NULL;
}

static const struct image_ruleset *set_of(const struct image *image, enum datapath_map map,
					  const void *key)
{
	switch (map) {
	case MAP_RULESET:
		return set_of_id(image, *(const uint32_t *)key);
	case MAP_POLICY_CLASS:
		return set_of_id(image, ((const struct policy_class_key *)key)->set);
	case MAP_POLICY_BITS:
		return set_of_row(image, ((const struct policy_bits_key *)key)->row);
	default: /* all LPM keys begin with prefix length and set */
		return set_of_id(image, ntohl(((const struct policy_cidr4_key *)key)->set));
	}
}

static void name_policies(char buf[static MISFIT_POLICIES_MAX], const struct image_ruleset *set)
{
	size_t length = 0, i;

	for (i = 0; i < set->policy_count && i < NAMED_MAX; i++) {
		snprintf(buf + length, MISFIT_POLICIES_MAX - length, "%s%.70s", i ? ", " : "",
			 set->policies[i].name);
		length = strlen(buf);
	}
	if (i < set->policy_count)
		snprintf(buf + length, MISFIT_POLICIES_MAX - length, " and %zu more",
			 set->policy_count - i);
}

void misfit_describe(struct misfit *ret, const struct image *image, enum datapath_map map,
		     const void *key)
{
	const struct image_ruleset *set;

	ret->table = datapath_map_name(map);
	if (map == MAP_PEER4) {
		ip_addr_set_v4(&ret->addr, *(const __be32 *)key);
	} else if (map == MAP_PEER6) {
		memcpy(&ret->addr, key, sizeof(ret->addr));
	} else {
		set = set_of(image, map, key);
		if (set)
			name_policies(ret->policies, set);
	}
}
