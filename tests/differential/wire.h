/* SPDX-License-Identifier: Apache-2.0 */
/* Whole frames that somebody else has built, through the programs that meet them. */
#pragma once

#include "world.h"

#define WIRE_FRAME_MAX 2048

enum wire_place {
	WIRE_ARRIVES, /* at the uplink, from outside */
	WIRE_LEAVES, /* by the uplink, from the stack */
	WIRE_FROM_POD, /* sent by the pod of a slot */
};

/* A frame, before and after. */
struct wire_frame {
	uint8_t data[WIRE_FRAME_MAX];
	uint32_t length;
	uint32_t mark;
};

/* From hex digits; ends the process when they are none, or too many. */
void wire_frame_read(struct wire_frame *ret, const char *text);
/* What the kernel is told to do with the frame (TC_ACT_*). @slot: of WIRE_FROM_POD. */
int wire_send(struct wire_frame *frame, const struct world *world, enum wire_place place,
	      unsigned int slot);
