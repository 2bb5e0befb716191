/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The way out, counted: drop() is the only one for a refused packet, pass() for
 * the others.
 */
#pragma once

#include <linux/pkt_cls.h>

#include "lib/ctx.h"
#include "weir/reason.h"

MAP(metric, PERCPU_ARRAY, __u32, struct metric, METRIC_MAX, 0);

static __always_inline void count_length(__u32 length, enum drop_reason reason,
					 enum policy_dir dir)
{
	__u32 index = metric_index(reason, dir);
	struct metric *value;

	value = bpf_map_lookup_elem(&metric, &index);
	if (!value)
		return;
	value->packets++;
	value->bytes += length;
}

static __always_inline void count(const ctx_t *ctx, enum drop_reason reason, enum policy_dir dir)
{
	count_length(ctx_length(ctx), reason, dir);
}

static __always_inline int drop(const ctx_t *ctx, enum drop_reason reason, enum policy_dir dir)
{
	count(ctx, reason, dir);
	return TC_ACT_SHOT;
}

static __always_inline int pass(const ctx_t *ctx, enum policy_dir dir, int action)
{
	count(ctx, DROP_NONE, dir);
	return action;
}
