/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with services: in `weir status`, and in the log when it appears. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct agent;

struct service_problem {
	char *text;
	bool warning; /* what an object asks for and cannot have; the rest works */
};

struct service_problems {
	struct service_problem *items; /* by text */
	size_t count, room;
};

/* Gather them anew, and log those that are new. */
void service_problems_update(struct agent *agent);
void service_problems_done(struct service_problems *problems);
