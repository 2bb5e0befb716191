/* SPDX-License-Identifier: Apache-2.0 */
/* What libFuzzer and replay.c call in a fuzz target: 0, or abort(). */
#pragma once

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
