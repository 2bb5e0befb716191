/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an agent has for itself: its state directory, its run directory and its
 * directory in the BPF file system; and the network namespace. Two agents over one
 * of them would undo each other's work, so whoever writes there, an agent or a
 * clean-up, holds locks on all.
 */
#pragma once

#include "config/config.h"

#define CLAIM_DIRECTORIES 3

struct claim {
	int directories[CLAIM_DIRECTORIES]; /* -1: not held */
	int network;
};

#define CLAIM_NONE { .directories = { -1, -1, -1 }, .network = -1 }

/*
 * Directories that are not there are left out. 0 or a negative errno, which has
 * been logged; @wait_ms is for a former holder that is ending.
 */
int claim_take(struct claim *claim, const struct config *config, int wait_ms);
void claim_release(struct claim *claim);
