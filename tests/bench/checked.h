/* SPDX-License-Identifier: Apache-2.0 */
/* The world of the bpf suite is shared, and its assertions want to be in a test. */
#pragma once

/* Calls @measure in a test @name; prints the figures when it passes. Returns the exit status. */
int run_checked(const char *name, void (*measure)(void));
