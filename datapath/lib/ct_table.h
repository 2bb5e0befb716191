/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Connection tables: canonical keys, and one set of operations over both
 * families. The packers and the choice of the map are all that knows a family.
 */
#pragma once

#include "lib/flow.h"
#include "weir/conntrack.h"
#include "weir/maps.h"

MAP(ct4, HASH, struct ct4_key, struct ct_entry, CT_MAX, 0);
MAP(ct6, HASH, struct ct6_key, struct ct_entry, CT_MAX, 0);
MAP(ct4_new, LRU_HASH, struct ct4_key, struct ct_entry, CT_NEW_MAX, 0);
MAP(ct6_new, LRU_HASH, struct ct6_key, struct ct_entry, CT_NEW_MAX, 0);

struct ct_key {
	union {
		struct ct4_key v4;
		struct ct6_key v6;
	};
	__u8 family; /* enum flow_family */
	__u8 sender; /* enum ct_end: who sent the packet that the key was made of */
};

static __always_inline void ct4_key_pack(struct ct_key *key, const struct flow *flow)
{
	__u32 src = bpf_ntohl(flow->src.words[3]), dst = bpf_ntohl(flow->dst.words[3]);
	__u16 sport = bpf_ntohs(flow->sport), dport = bpf_ntohs(flow->dport);
	_Bool high = src > dst || (src == dst && sport > dport);

	key->sender = high ? CT_HIGH : CT_LOW;
	key->v4.addr[CT_LOW] = high ? flow->dst.words[3] : flow->src.words[3];
	key->v4.addr[CT_HIGH] = high ? flow->src.words[3] : flow->dst.words[3];
	key->v4.port[CT_LOW] = high ? flow->dport : flow->sport;
	key->v4.port[CT_HIGH] = high ? flow->sport : flow->dport;
	key->v4.proto = flow->proto;
	__builtin_memset(key->v4.pad, 0, sizeof(key->v4.pad));
}

static __always_inline _Bool addr_is_higher(const struct ip_addr *a, const struct ip_addr *b)
{
	if (a->halves[0] != b->halves[0])
		return bpf_be64_to_cpu(a->halves[0]) > bpf_be64_to_cpu(b->halves[0]);
	return bpf_be64_to_cpu(a->halves[1]) > bpf_be64_to_cpu(b->halves[1]);
}

static __always_inline void ct6_key_pack(struct ct_key *key, const struct flow *flow)
{
	_Bool high = addr_is_higher(&flow->src, &flow->dst);

	if (ip_addr_equal(&flow->src, &flow->dst))
		high = bpf_ntohs(flow->sport) > bpf_ntohs(flow->dport);
	key->sender = high ? CT_HIGH : CT_LOW;
	if (high) {
		key->v6.addr[CT_LOW] = flow->dst;
		key->v6.addr[CT_HIGH] = flow->src;
	} else {
		key->v6.addr[CT_LOW] = flow->src;
		key->v6.addr[CT_HIGH] = flow->dst;
	}
	key->v6.port[CT_LOW] = high ? flow->dport : flow->sport;
	key->v6.port[CT_HIGH] = high ? flow->sport : flow->dport;
	key->v6.proto = flow->proto;
	__builtin_memset(key->v6.pad, 0, sizeof(key->v6.pad));
}

static __always_inline void ct_key_pack(struct ct_key *key, const struct flow *flow)
{
	key->family = flow->family;
	if (flow->family == FLOW_IP4)
		ct4_key_pack(key, flow);
	else
		ct6_key_pack(key, flow);
}

/* Lifetimes compare in wrapping arithmetic: right for 2^31 jiffies either way. */
static __always_inline _Bool ct_is_expired(const struct ct_entry *entry, __u32 now)
{
	return (__s32)(now - entry->expires) > 0;
}

static __always_inline struct ct_entry *ct_alive(struct ct_entry *entry, __u32 now)
{
	return entry && !ct_is_expired(entry, now) ? entry : NULL;
}

/* NULL: no such flow was answered, or it has expired. */
static __always_inline struct ct_entry *ct_find(const struct ct_key *key, __u32 now)
{
	if (key->family == FLOW_IP4)
		return ct_alive(bpf_map_lookup_elem(&ct4, &key->v4), now);
	return ct_alive(bpf_map_lookup_elem(&ct6, &key->v6), now);
}

static __always_inline struct ct_entry *ct_find_new(const struct ct_key *key, __u32 now)
{
	if (key->family == FLOW_IP4)
		return ct_alive(bpf_map_lookup_elem(&ct4_new, &key->v4), now);
	return ct_alive(bpf_map_lookup_elem(&ct6_new, &key->v6), now);
}

/* Returns 0 or a negative errno. */
static __always_inline long ct_insert_new(const struct ct_key *key, const struct ct_entry *entry)
{
	if (key->family == FLOW_IP4)
		return bpf_map_update_elem(&ct4_new, &key->v4, entry, BPF_ANY);
	return bpf_map_update_elem(&ct6_new, &key->v6, entry, BPF_ANY);
}

static __always_inline void ct_delete(const struct ct_key *key)
{
	if (key->family == FLOW_IP4)
		bpf_map_delete_elem(&ct4, &key->v4);
	else
		bpf_map_delete_elem(&ct6, &key->v6);
}

static __always_inline void ct_delete_new(const struct ct_key *key)
{
	if (key->family == FLOW_IP4)
		bpf_map_delete_elem(&ct4_new, &key->v4);
	else
		bpf_map_delete_elem(&ct6_new, &key->v6);
}

/*
 * An answered flow moves to the table that never evicts. When that one is full
 * it stays where it is, alive but evictable.
 */
static __always_inline void ct_promote(const struct ct_key *key, const struct ct_entry *entry)
{
	long r;

	if (key->family == FLOW_IP4)
		r = bpf_map_update_elem(&ct4, &key->v4, entry, BPF_ANY);
	else
		r = bpf_map_update_elem(&ct6, &key->v6, entry, BPF_ANY);
	if (!r)
		ct_delete_new(key);
}
