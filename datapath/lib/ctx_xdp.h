/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The packet of XDP programs (ctx.h): one buffer as the wire had it. What the device has
 * found out about it (a VLAN tag that it took off, segments that it put together) is
 * not told.
 */
#pragma once

#include "lib/csum.h"
#include "lib/ctx.h"

typedef struct xdp_md ctx_t;

/* @len bytes at @offset, or NULL when the packet's first buffer ends before. */
static __always_inline void *ctx_header(ctx_t *xdp, __u32 offset, __u32 len)
{
	char *data = xdp_data(xdp);

	data += ctx_bound(offset);
	return data + len <= (char *)xdp_data_end(xdp) ? data : NULL;
}

/* 0 or a negative errno. */
static __always_inline long ctx_load(ctx_t *xdp, __u32 offset, void *to, __u32 len)
{
	return bpf_xdp_load_bytes(xdp, offset, to, len);
}

static __always_inline __u32 ctx_length(const ctx_t *xdp)
{
	return (__u32)((char *)xdp_data_end(xdp) - (char *)xdp_data(xdp));
}

static __always_inline __u32 ctx_segment(const ctx_t *xdp)
{
	return 0;
}

static __always_inline _Bool ctx_is_tagged(const ctx_t *xdp)
{
	return 0;
}

static __always_inline __u32 ctx_ifindex(const ctx_t *xdp)
{
	return xdp->ingress_ifindex;
}

/* What bpf_l4_csum_replace() does with a checksum that is complete: its arguments and result. */
static __always_inline long ctx_csum(ctx_t *xdp, __u32 at, __u64 from, __u64 to, __u64 flags)
{
	__u64 change = flags & BPF_F_HDR_FIELD_MASK ? (__u64)(__u32)~from + (__u32)to : to;
	__u16 *check = ctx_header(xdp, at, sizeof(*check));

	if (!check)
		return -1;
	/* UDP without a checksum stays without one, and no checksum looks like none. */
	if (flags & BPF_F_MARK_MANGLED_0 && !*check)
		return 0;
	*check = csum_fold((__u16)~*check + change);
	if (flags & BPF_F_MARK_MANGLED_0 && !*check)
		*check = 0xffff;
	return 0;
}
