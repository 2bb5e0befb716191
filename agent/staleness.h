/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether services in the kernel are what the objects say, for whoever answers load balancers
 * (health.h, node_health.h). A single failure is none: it is tried again every second, and a
 * balancer that takes a node away for it does more harm than the failure.
 *
 * Pure: times are clock_ms() of the caller.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define STALE_MS 60000 /* kube-proxy's: twice its period */

/* Zero: they are as the objects say. */
struct staleness {
	int64_t failing_since_ms; /* 0: it does not fail */
};

/* Services were applied; @failed: not as the objects say, for another reason than a full table. */
void staleness_applied(struct staleness *staleness, bool failed, int64_t now_ms);

/* They have not been for more than STALE_MS. */
bool staleness_is_stale(const struct staleness *staleness, int64_t now_ms);
