/* SPDX-License-Identifier: Apache-2.0 */
/* Where the objects of the store come from: a directory, or API servers. */
#pragma once

#include "agent.h"

/*
 * Makes the store and fills it with what is known at once: all manifests, or what API
 * servers told a former agent. Later changes lead to policy_apply_soon(). 0 or a negative
 * errno that has been logged.
 */
int sources_open(struct agent *agent);
