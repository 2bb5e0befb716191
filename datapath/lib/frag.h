/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Fragments: only the first one has ports, so it leaves them here for the others.
 * What happens to one that overtakes its first is in hold.h.
 */
#pragma once

#include "lib/flow.h"
#include "weir/maps.h"
#include "weir/state.h"

MAP(frag, LRU_HASH, struct frag_key, struct frag_value, FRAGS_MAX, 0);

static __always_inline void frag_key_pack(struct frag_key *key, const struct flow *flow)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->src = flow->src;
	key->dst = flow->dst;
	key->id = flow->fragment_id;
	key->proto = flow->family == FLOW_IP4 ? flow->proto : 0;
}

static __noinline void frag_record(const struct flow *flow)
{
	struct frag_value value = {
		.sport = flow->sport,
		.dport = flow->dport,
		.proto = flow->proto,
	};
	struct frag_key key;

	/* When this fails the later fragments are refused: nothing to do here. */
	frag_key_pack(&key, flow);
	bpf_map_update_elem(&frag, &key, &value, BPF_ANY);
}

static __noinline enum drop_reason frag_recall(struct flow *flow)
{
	const struct frag_value *value;
	struct frag_key key;

	frag_key_pack(&key, flow);
	value = bpf_map_lookup_elem(&frag, &key);
	if (!value)
		return DROP_FRAGMENT_UNKNOWN;
	flow->sport = value->sport;
	flow->dport = value->dport;
	flow->proto = value->proto;
	/* Eight bytes on would rewrite the TCP flags that were judged (RFC 1858). */
	return flow->flags & FLOW_FRAGMENT_SECOND && flow->proto == IPPROTO_TCP ? DROP_BAD_HEADER
										: DROP_NONE;
}
