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
 *	ctx_may_leave	the packet can be sent from here to the next hop of a route
 *	ctx_leave	it is: the program's action
 *	ctx_csum_update	the device's sum over all of the packet, if there is one, changes by so much
 *
 * Pointers into the packet do not survive a helper that may move its data, so
 * callers keep offsets and ask here again for each use.
 */
#pragma once

#include "lib/kernel.h"

/* Address families as the kernel numbers them, on every architecture. */
#define FAMILY_IP4 2
#define FAMILY_IP6 10

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

/* By hand: clang 13 makes a call of memcmp, which BPF does not have. */
static __always_inline _Bool mac_equal(const __u8 *a, const __u8 *b)
{
	return *(const __u16 *)a == *(const __u16 *)b &&
	       *(const __u16 *)(a + 2) == *(const __u16 *)(b + 2) &&
	       *(const __u16 *)(a + 4) == *(const __u16 *)(b + 4);
}
