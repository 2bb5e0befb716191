/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks for drift in rounds (reconcile/drift.h), a bounded share of one processor at most, and
 * for programs that are not attached any more; says what it found, and counts it.
 */
#pragma once

#include <jansson.h>

struct agent;
struct patrol;

/* Nothing when it is turned off. 0 or -ENOMEM. */
int patrol_open(struct agent *agent);
void patrol_close(struct agent *agent);

/* For the status; see docs/control-api.md. */
json_t *patrol_to_json(const struct agent *agent);
