/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an agent has for itself: its state directory, its run directory and its
 * directory in the BPF file system. Two agents over one of them would undo each
 * other's work, so whoever writes there, an agent or a clean-up, holds locks on all.
 */
#pragma once

#include "config/config.h"

#define CLAIM_MAX 3

struct claim {
	int fds[CLAIM_MAX]; /* -1: not held */
};

#define CLAIM_NONE { .fds = { -1, -1, -1 } }

/*
 * Directories that are not there are left out. 0 or a negative errno, which has
 * been logged; @wait_ms is for a former holder that is ending.
 */
int claim_take(struct claim *claim, const struct config *config, int wait_ms);
void claim_release(struct claim *claim);
