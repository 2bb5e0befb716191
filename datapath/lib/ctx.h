/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Access to packet bytes, for code that serves TC and XDP: the packet is a `ctx_t`. What
 * that is, and the accessors, is in ctx_skb.h or ctx_xdp.h, one of which each program
 * includes first:
 *
 *	ctx_header	bytes of the packet, to read and to write
 *	ctx_load	a copy of them
 *	ctx_length	of the whole frame
 *	ctx_segment	bytes of data in each segment of a segmented packet, 0: it is none
 *	ctx_is_tagged	it has a VLAN tag, which is not among its bytes
 *	ctx_ifindex	the interface where the program is
 *	ctx_csum	a transport's checksum follows what it covers
 *
 * Pointers into the packet do not survive a helper that may move its data, so
 * callers keep offsets and ask here again for each use.
 */
#pragma once

#include "lib/kernel.h"

/* No header that the datapath follows begins beyond this offset. */
#define CTX_OFFSET_MAX 1023

/*
 * Verifier: a bound that the compiler may not reason away, so that an offset
 * which was kept in memory is still known to be small.
 */
static __always_inline __u32 ctx_bound(__u32 offset)
{
	asm volatile("" : "+r"(offset));
	return offset & CTX_OFFSET_MAX;
}
