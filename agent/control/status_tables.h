/* SPDX-License-Identifier: Apache-2.0 */
/* Of the status: what the tables in the kernel hold, and what the datapath counted in them. */
#pragma once

#include <jansson.h>

#include "agent.h"

/* [{"name", "entries", "max"}]: the tables that can become full. NULL: out of memory. */
json_t *status_maps(const struct agent *agent);

/* "passed" and "drops" of @answer. 0, or a negative errno: they cannot be read. */
int status_counters(json_t *answer, const struct agent *agent);
