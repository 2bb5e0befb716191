/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks on directories: who holds one is the only agent that writes there. A lock
 * ends with its file descriptor, so with its process at the latest.
 */
#pragma once

/* A process that was killed keeps its locks for the moment that the kernel needs to end it. */
#define LOCK_WAIT_MS 3000

/*
 * Wait at most @wait_ms. 0, -EWOULDBLOCK: another holds it, or another negative
 * errno: -ENOENT where there is no directory.
 */
int lock_directory(int *ret, const char *path, int wait_ms);
