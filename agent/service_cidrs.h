/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Service CIDRs of the agent: those that are configured, and those of ServiceCIDR objects. They are
 * in force only when the services are: before that nobody can tell which addresses have one.
 */
#pragma once

#include "agent.h"

/*
 * After services were applied. Returns whether other addresses are cut off now, so that
 * connections have to be judged again.
 */
bool service_cidrs_apply(struct agent *agent);

/* Puts right what the kernel holds. Returns whether there was something to put right. */
bool service_cidrs_heal(struct agent *agent);

/* Calls @fn with a text, borrowed until it returns. */
void service_cidrs_each_problem(const struct agent *agent,
				void (*fn)(const char *text, void *arg), void *arg);
