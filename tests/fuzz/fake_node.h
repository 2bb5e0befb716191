/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An agent over an imagined kernel (fake_kernel.h). Endpoints, addresses, policies
 * and the control socket are real.
 */
#pragma once

#include "agent.h"

/* Made at the first call, with two pod CIDRs and a few objects; serves no socket yet. */
struct agent *fake_node(void);

/* The events of this moment, and the endpoints that the datapath has forgotten by then. */
void fake_node_turn(void);

/* No pod and no address is left from before; the kernel refuses nothing. */
void fake_node_reset(void);

/* Nothing is lost and nothing is given twice. */
void fake_node_check(void);
