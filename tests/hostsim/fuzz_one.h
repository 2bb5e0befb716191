/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run of the fuzzers: bytes are packets and events for a small world under
 * policy. Every packet must keep the invariants (fuzz_one.c); breaking one ends
 * the process. The same input always gives the same run.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Once before the first run. */
void fuzz_start(void);

void fuzz_one(const uint8_t *data, size_t len);
