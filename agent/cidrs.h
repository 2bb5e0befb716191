/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pod CIDRs of this node: those that are configured, otherwise those of its Node object.
 * On the node's side they have a gateway address, and a blackhole for pods that are not there.
 *
 * One that is another now serves new pods (agent->pools). The former one is kept for the pods
 * that have addresses of it, and removed after the last of them.
 */
#pragma once

#include "agent.h"

/*
 * With what is configured, or what the Node object says already. 0 or a negative errno, which
 * has been logged.
 */
int cidrs_open(struct agent *agent);

/*
 * After a change of the Node objects: takes over what the own one says now. Without one, or
 * where it says nothing, what there is stays. What is wrong is said in @problems.
 */
void cidrs_update(struct agent *agent, struct texts *problems);

/* In use, also for former pods only; the array is the caller's. 0 or -ENOMEM. */
int cidrs_list(struct prefix **ret, size_t *count, const struct agent *agent);

/* @addr is of one of them. */
bool cidrs_contain(const struct agent *agent, const struct ip_addr *addr);

/*
 * Let go those that were in use once and have no pod any more: somebody else may have them
 * now. After the adoption of pods. What cannot be removed stays.
 */
void cidrs_retire(struct agent *agent);

/* When pods may have left: the same, if any is kept. */
void cidrs_housekeeping(struct agent *agent);
