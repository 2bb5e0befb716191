/* SPDX-License-Identifier: Apache-2.0 */
/* The pod CIDRs on the node's side: gateway addresses, and blackholes for pods that are not there. */
#pragma once

#include "agent.h"

/* 0 or a negative errno, which has been logged. */
int cidrs_open(struct agent *agent);

/*
 * Let go those that were configured once and have no pod any more: somebody else may
 * have them now. After the adoption of pods. What cannot be removed stays.
 */
void cidrs_retire(struct agent *agent);
