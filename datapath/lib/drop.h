/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The way out, counted: drop() is the only one for a refused packet, pass() for
 * the others.
 */
#pragma once

#include <linux/pkt_cls.h>

#include "lib/kernel.h"
#include "weir/reason.h"

MAP(metric, PERCPU_ARRAY, __u32, struct metric, METRIC_MAX, 0);

static __always_inline void count(const struct __sk_buff *skb, enum drop_reason reason,
				  enum policy_dir dir)
{
	__u32 index = metric_index(reason, dir);
	struct metric *value;

	value = bpf_map_lookup_elem(&metric, &index);
	if (!value)
		return;
	value->packets++;
	value->bytes += skb->len;
}

static __always_inline int drop(const struct __sk_buff *skb, enum drop_reason reason,
				enum policy_dir dir)
{
	count(skb, reason, dir);
	return TC_ACT_SHOT;
}

static __always_inline int pass(const struct __sk_buff *skb, enum policy_dir dir, int action)
{
	count(skb, DROP_NONE, dir);
	return action;
}
