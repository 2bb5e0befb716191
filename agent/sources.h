/* SPDX-License-Identifier: Apache-2.0 */
/* Where the objects of the store come from: a directory, or API servers. */
#pragma once

#include "agent.h"

/*
 * Makes the store and fills it with what is known at once: all manifests, or what API
 * servers told a former agent. Later changes lead to policy_on_objects(). 0 or a negative
 * errno that has been logged.
 */
int sources_open(struct agent *agent);

/*
 * The store has all that @needs (enum api_need) are about. Before, a policy or the endpoints of
 * a Service may be missing from it.
 */
static inline bool sources_are_ready(const struct agent *agent, unsigned int needs)
{
	return !agent->api || api_source_is_ready(agent->api, needs);
}

/* And it is confirmed since the start: what nobody asks for may be taken away. */
static inline bool sources_are_synced(const struct agent *agent, unsigned int needs)
{
	return !agent->api || api_source_is_synced(agent->api, needs);
}
