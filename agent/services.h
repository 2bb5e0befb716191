/* SPDX-License-Identifier: Apache-2.0 */
/* From the store to services in force. */
#pragma once

#include "agent.h"

/* Begins to follow the store, and reads back what the kernel holds. 0 or a negative errno. */
int agent_services_open(struct agent *agent);
void agent_services_close(struct agent *agent);

/*
 * Write every Service that has changed. What cannot be written is a problem
 * (agent->service_problems), stays as it was, and is tried again. The first call is for
 * what the sources say at start: what a former agent left besides goes.
 */
void agent_services_apply(struct agent *agent);

/* They have not been written as the objects say for a minute, or no policy is in force. */
bool agent_services_stale(const struct agent *agent);

/* Event callback: what waited for a grace period. */
void agent_services_on_settle(evutil_socket_t fd, short what, void *arg);
