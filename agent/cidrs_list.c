// SPDX-License-Identifier: Apache-2.0
/* What pod CIDRs there are, without the ways to change them. */
#include <errno.h>
#include <stdlib.h>

#include "cidrs.h"

int cidrs_list(struct prefix **ret, size_t *count, const struct agent *agent)
{
	struct prefix *list = calloc(FAMILY_MAX + agent->kept_cidr_count, sizeof(*list));

	if (!list)
		return -ENOMEM;
	*count = 0;
	for (int family = 0; family < FAMILY_MAX; family++)
		if (agent->pools[family])
			list[(*count)++] = *ipam_pool_prefix(agent->pools[family]);
	for (size_t i = 0; i < agent->kept_cidr_count; i++)
		list[(*count)++] = agent->kept_cidrs[i];
	*ret = list;
	return 0;
}

bool cidrs_contain(const struct agent *agent, const struct ip_addr *addr)
{
	for (int family = 0; family < FAMILY_MAX; family++)
		if (agent->pools[family] && ipam_pool_contains(agent->pools[family], addr))
			return true;
	for (size_t i = 0; i < agent->kept_cidr_count; i++)
		if (prefix_contains(&agent->kept_cidrs[i], addr))
			return true;
	return false;
}
