/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The packet of TC programs (ctx.h). */
#pragma once

#include "lib/ctx.h"

typedef struct __sk_buff ctx_t;

/* skb->pkt_type of a frame that is addressed to the receiving interface. */
#define PKT_TYPE_HOST 0

/*
 * @len bytes at @offset, or NULL when the packet ends before. The frame's head
 * is nearly always linear already; only otherwise it is pulled together.
 */
static __always_inline void *ctx_header(ctx_t *skb, __u32 offset, __u32 len)
{
	char *data;

	offset = ctx_bound(offset);
	data = skb_data(skb);
	data += offset;
	if (data + len <= (char *)skb_data_end(skb))
		return data;

	if (offset + len > skb->len || bpf_skb_pull_data(skb, offset + len))
		return NULL;
	data = skb_data(skb);
	data += offset;
	if (data + len > (char *)skb_data_end(skb))
		return NULL;
	return data;
}

/* 0 or a negative errno. */
static __always_inline long ctx_load(const ctx_t *skb, __u32 offset, void *to, __u32 len)
{
	return bpf_skb_load_bytes(skb, offset, to, len);
}

static __always_inline __u32 ctx_length(const ctx_t *skb)
{
	return skb->len;
}

static __always_inline __u32 ctx_segment(const ctx_t *skb)
{
	return skb->gso_size;
}

static __always_inline _Bool ctx_is_tagged(const ctx_t *skb)
{
	return skb->vlan_present;
}

static __always_inline __u32 ctx_ifindex(const ctx_t *skb)
{
	return skb->ifindex;
}

/* The checksum at @at may be the device's to fill in. Arguments and result are the helper's. */
static __always_inline long ctx_csum(ctx_t *skb, __u32 at, __u64 from, __u64 to, __u64 flags)
{
	return bpf_l4_csum_replace(skb, at, from, to, flags);
}

/* Of CHECKSUM_COMPLETE; there is nothing to do for others. */
static __always_inline void ctx_csum_update(ctx_t *skb, __u32 sum)
{
	bpf_csum_update(skb, sum);
}
