/* SPDX-License-Identifier: Apache-2.0 */
/* What tests may do to the host engine that no kernel would let them. */
#pragma once

#include <stdint.h>

void sim_time_passes(uint32_t milliseconds);

/* Length of the linear head of packets from now on. */
void sim_linear(uint32_t bytes);

/* The next call of this helper fails; a map's name: the next write to it. */
void sim_fail(const char *helper);
