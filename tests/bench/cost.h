/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cost of one packet in a program, by BPF_PROG_TEST_RUN. The program, the floor and
 * an empty program take turns, the median of the rounds counts, and what the wrapper
 * around the empty program costs is subtracted from both.
 */
#pragma once

#include "path.h"

#define ROUNDS_MAX 16

/* How much is measured. */
struct effort {
	uint32_t rounds;
	uint32_t packets; /* a round */
	uint32_t fresh; /* flows a round where every packet opens one */
};

struct cost {
	double net; /* ns */
	double floor;
};

/* Loads the floor programs; the engine runs already. */
void cost_start(void);

/* @flows: packets take turns among so many flows; one is 0. */
struct cost cost_measure(const struct path *path, bool v6, uint32_t flows,
			 const struct effort *effort);

/* All connections are forgotten. */
void cost_flush(void);
