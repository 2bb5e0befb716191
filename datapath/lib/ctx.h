/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Access to packet bytes.
 *
 * Pointers into the packet do not survive a helper that may move its data, so
 * callers keep offsets and ask here again for each use.
 */
#pragma once

#include "lib/kernel.h"

/* skb->pkt_type of a frame that is addressed to the receiving interface. */
#define PKT_TYPE_HOST 0
/* Of one that the interface saw, but that was for another one. */
#define PKT_TYPE_OTHERHOST 3

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

/*
 * @len bytes at @offset, or NULL when the packet ends before. The frame's head
 * is nearly always linear already; only otherwise it is pulled together.
 */
static __always_inline void *ctx_header(struct __sk_buff *skb, __u32 offset, __u32 len)
{
	char *data;

	offset = ctx_bound(offset);
	data = ctx_data(skb);
	data += offset;
	if (data + len <= (char *)ctx_data_end(skb))
		return data;

	if (offset + len > skb->len || bpf_skb_pull_data(skb, offset + len))
		return NULL;
	data = ctx_data(skb);
	data += offset;
	if (data + len > (char *)ctx_data_end(skb))
		return NULL;
	return data;
}
