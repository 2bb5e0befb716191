/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts what the agent's code writes into maps. The functions of libbpf are wrapped
 * by the linker (meson.build), so the product has no counters for this.
 */
#pragma once

#include <stdint.h>

struct mapcount {
	uint64_t calls; /* system calls */
	uint64_t entries; /* written or deleted */
};

/* Since the last call. */
struct mapcount mapcount_take(void);
