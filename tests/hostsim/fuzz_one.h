/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run of the packet fuzzers: records are packets and events for a small world
 * under policy. Every packet must keep the promises of fuzz_check.h; the same
 * input always gives the same run.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Once before the first run. */
void fuzz_start(void);

/* @wild: some records write anything into the maps, and only what holds then is checked. */
void fuzz_one(const uint8_t *data, size_t len, bool wild);
