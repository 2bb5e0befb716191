/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept of an endpoint over the agent's life: one JSON file each,
 * <state-dir>/endpoints/<containerID>@<ifname>.json, replaced as a whole. Nothing
 * is forced to the disk: after a crash of the machine no pod is left either.
 */
#pragma once

#include "endpoint/table.h"

/* Makes the directory, without what a killed agent was just writing. 0 or a negative errno. */
int statefile_prepare(const char *state_dir);

int statefile_write(const char *state_dir, const struct pod_endpoint *ep);
/* @key is containerID@ifname; a file that is not there is no error. */
void statefile_remove(const char *state_dir, const char *key);
/* The directory with all of them. 0 or a negative errno. */
int statefile_remove_all(const char *state_dir);

/*
 * Calls @fn with each endpoint, which then owns it. A file that cannot be read is
 * given to @broken with its path and the reason, and is left where it is.
 */
int statefile_each(const char *state_dir, void (*fn)(struct pod_endpoint *ep, void *arg),
		   void (*broken)(const char *path, const char *why, void *arg), void *arg);
