/* SPDX-License-Identifier: Apache-2.0 */
/* What libFuzzer and replay.c call in a fuzz target: 0, or abort(). */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* What others build on. */
#define PROMISE(truth)                                                                  \
	do {                                                                            \
		if (!(truth)) {                                                         \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #truth); \
			abort();                                                        \
		}                                                                       \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
