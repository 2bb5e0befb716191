/* SPDX-License-Identifier: Apache-2.0 */
/* From the store and the endpoints to policy in force. */
#pragma once

#include "agent.h"

/*
 * Compute the image and apply it. 0, or a negative errno with agent->problem
 * filled: then the former policy stays in force, and it is tried again.
 */
int policy_apply(struct agent *agent);

/* The same, once, after the events of this moment, and services in the same turn. */
void policy_apply_soon(struct agent *agent);

/* Objects of the store have changed: apply what comes from them, as soon. */
void policy_on_objects(struct agent *agent);

/* Event callbacks. */
void policy_on_refresh(evutil_socket_t fd, short what, void *arg);
void policy_on_settle(evutil_socket_t fd, short what, void *arg);
