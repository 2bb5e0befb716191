/* SPDX-License-Identifier: Apache-2.0 */
/* Problems of the sources in the log: each once, when it appears. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct agent;

/* Zero is the state of a log that has said nothing. */
struct problem_log {
	uint64_t *said; /* fingerprints of the current problems, sorted */
	size_t count;
};

struct manifest_problem;

/* Of the source that the agent has; borrowed until the event loop runs again. */
const struct manifest_problem *problems_list(const struct agent *agent, size_t *count);

/* Log what is new since the last call, and when nothing is left. */
void problems_log(struct agent *agent);
void problem_log_done(struct problem_log *log);
