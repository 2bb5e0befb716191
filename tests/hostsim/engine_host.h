/* SPDX-License-Identifier: Apache-2.0 */
/* What tests may do to the host engine that no kernel would let them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bpf/packet.h"

void sim_time_passes(uint32_t milliseconds);

/* Length of the linear head of packets from now on. */
void sim_linear(uint32_t bytes);

/* From now on packets that came in nowhere have no socket either. */
void sim_orphan(bool on);

/* This helper fails once, after @calls that do not. A map's name: a write to it. */
void sim_fail(const char *helper, unsigned int calls);

/* Packets that a program made arrive, or leave, once more. */
struct sim_clones {
	unsigned int count;
	struct frame last;
};

const struct sim_clones *sim_clones(void);
