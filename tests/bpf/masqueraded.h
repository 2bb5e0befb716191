/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A masqueraded connection whose answers meet the fast path first, which leaves them as they
 * are.
 */
#pragma once

#include "fixture.h"

/* A pod's connection to the outside, outside the node as well, and the answer. */
#define MASQ_SENT(kind, ...) { kind, POD_A, WORLD, 4000, 80, __VA_ARGS__ }
#define MASQ_CAME(kind, ...) { kind, WORLD, HOST, 80, SOURCE_PORT, __VA_ARGS__ }
#define MASQ_OUTSIDE(kind, ...) { kind, HOST, WORLD, SOURCE_PORT, 80, __VA_ARGS__ }
#define MASQ_GOT(kind, ...) { kind, WORLD, POD_A, 80, 4000, __VA_ARGS__ }
#define MASQ_LEAVES(event, kind, ...)                                                       \
	{ FROM_POD, MASQ_SENT(kind, __VA_ARGS__), .before = event, .fate = TO_STACK,        \
	  .masqueraded = true },                                                            \
	{ TO_WIRE, MASQ_SENT(kind, __VA_ARGS__), .fate = TO_STACK, .masqueraded = true,     \
	  .becomes = &(const struct packet)MASQ_OUTSIDE(kind, __VA_ARGS__) }
#define MASQ_LEFT(kind, ...) { EDGE, MASQ_CAME(kind, __VA_ARGS__), .fate = TO_STACK }
#define MASQ_COMES(kind, ...) { FROM_WIRE, MASQ_CAME(kind, __VA_ARGS__),                    \
	.becomes = &(const struct packet)MASQ_GOT(kind, __VA_ARGS__) }
