/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Service CIDRs: prefixes from which an API server gives services their ClusterIPs. In them an
 * address is a service's or nobody's.
 */
#pragma once

#include "model/objects.h"
#include "weir/state.h"

/* Each address of theirs in one only, as far as prefixes can say it. Zero: there are none. */
struct service_cidrs {
	struct prefix list[SERVICE_CIDRS_MAX];
	size_t count;
};

/*
 * Why services cannot have their addresses from @prefix, as the end of a sentence: it has those
 * of special ranges. NULL: they can.
 */
const char *service_cidr_doubt(const struct prefix *prefix);

/* @prefix as well; it takes the place of those that it covers. -ENOSPC: there are too many. */
int service_cidrs_add(struct service_cidrs *cidrs, const struct prefix *prefix);

bool service_cidrs_equal(const struct service_cidrs *a, const struct service_cidrs *b);
