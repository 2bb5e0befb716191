/* SPDX-License-Identifier: Apache-2.0 */
/* The policy of the world in which packets are measured. */
#pragma once

#include "fixture.h"

enum {
	SET_INGRESS = 1,
	SET_EGRESS,
	SET_OTHER, /* the first that is free */
};

/*
 * A rule set whose groups begin at @first: @peer may use some ports, so may a network
 * outside and the node. @groups in all: the others match nothing.
 */
void rules_make(uint32_t set, enum who peer, uint32_t first, uint32_t groups);

/* POD_A and POD_B are isolated both ways. */
void rules_bind(uint32_t ingress, uint32_t egress);

/* An empty world, and both pods may talk to each other under eight rules a direction. */
void rules_start(void);
