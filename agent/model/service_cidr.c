// SPDX-License-Identifier: Apache-2.0
#include "model/service_cidr.h"

#include <errno.h>

#include "model/ipam.h"

const char *service_cidr_doubt(const struct prefix *prefix)
{
	return ipam_prefix_is_special(prefix) ? "has addresses that no service can have" : NULL;
}

int service_cidrs_add(struct service_cidrs *cidrs, const struct prefix *prefix)
{
	size_t kept = 0;

	for (size_t i = 0; i < cidrs->count; i++)
		if (prefix_covers(&cidrs->list[i], prefix))
			return 0;
	for (size_t i = 0; i < cidrs->count; i++)
		if (!prefix_covers(prefix, &cidrs->list[i]))
			cidrs->list[kept++] = cidrs->list[i];
	cidrs->count = kept;
	if (kept == SERVICE_CIDRS_MAX)
		return -ENOSPC;
	cidrs->list[cidrs->count++] = *prefix;
	return 0;
}

bool service_cidrs_equal(const struct service_cidrs *a, const struct service_cidrs *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (prefix_compare(&a->list[i], &b->list[i]))
			return false;
	return true;
}
