/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Connection tables: canonical keys, and one set of operations over both
 * families. The packers and the choice of the map are all that knows a family.
 */
#pragma once

#include "lib/flow.h"
#include "weir/conntrack.h"
#include "weir/maps.h"

MAP(ct4, HASH, struct ct4_key, struct ct4_value, CT_MAX, 0);
MAP(ct6, HASH, struct ct6_key, struct ct6_value, CT_MAX, 0);
MAP(ct4_new, LRU_HASH, struct ct4_key, struct ct4_value, CT_NEW_MAX, 0);
MAP(ct6_new, LRU_HASH, struct ct6_key, struct ct6_value, CT_NEW_MAX, 0);

struct ct_key {
	union {
		struct ct4_key v4;
		struct ct6_key v6;
	};
	__u8 family; /* enum flow_family */
	__u8 sender; /* enum ct_end: who sent the packet that the key was made of */
};

/* A value of either family: the common part, and what is translated. */
struct ct_value {
	struct ct_entry entry;
	union {
		struct ct4_nat v4;
		struct ct6_nat v6;
	} nat;
};
_Static_assert(offsetof(struct ct_value, nat) == offsetof(struct ct4_value, nat) &&
		       offsetof(struct ct_value, nat) == offsetof(struct ct6_value, nat),
	       "it is written to tables of either family");

/* Two words as they stand in memory, one after the other. */
static __always_inline __u64 words_pair(__u32 first, __u32 second)
{
	if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
		return (__u64)first << 32 | second;
	return (__u64)second << 32 | first;
}

/* The protocol and the padding behind it. */
static __always_inline __u32 proto_word(__u8 proto)
{
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? (__u32)proto << 24 : proto;
}

/* Both ports as they stand in a packet. */
static __always_inline __u32 words_ports(__be16 sport, __be16 dport)
{
	if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
		return (__u32)sport << 16 | dport;
	return (__u32)dport << 16 | sport;
}

/* Both ports, the other way round. */
static __always_inline __u32 ports_swap(__u32 ports)
{
	return ports << 16 | ports >> 16;
}

/*
 * Written in halves: the hash reads words, the comparison reads halves, and a load
 * that spans several smaller stores waits until they have left the processor's queue.
 */
static __always_inline void ct4_key_pack(struct ct_key *key, const struct flow *flow)
{
	__be32 src = flow->src.words[3], dst = flow->dst.words[3];
	__u32 ports = flow->ports;
	_Bool high = bpf_ntohl(src) > bpf_ntohl(dst);

	if (src == dst)
		high = bpf_ntohs(flow->sport) > bpf_ntohs(flow->dport);
	key->sender = high ? CT_HIGH : CT_LOW;
	key->v4.halves[0] = high ? words_pair(dst, src) : words_pair(src, dst);
	key->v4.halves[1] = words_pair(high ? ports_swap(ports) : ports, proto_word(flow->proto));
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
	key->v6.rest = words_pair(high ? ports_swap(flow->ports) : flow->ports,
				  proto_word(flow->proto));
}

static __always_inline void ct_key_pack(struct ct_key *key, const struct flow *flow)
{
	key->family = flow->family;
	if (flow->family == FLOW_IP4)
		ct4_key_pack(key, flow);
	else
		ct6_key_pack(key, flow);
}

/* From now on that of the direct connection beside one to a service. */
static __always_inline void ct_key_beside(struct ct_key *key)
{
	if (key->family == FLOW_IP4)
		key->v4.beside = 1;
	else
		key->v6.beside = 1;
}

/* Lifetimes compare in wrapping arithmetic: right for 2^31 jiffies either way. */
static __always_inline _Bool ct_is_expired(const struct ct_entry *entry, __u32 now)
{
	return (__s32)(now - entry->expires) > 0;
}

/*
 * An entry of a table.
 *
 * Verifier: @wide says which family's value it is in. It is a constant on either path
 * through the look-up, and the compiler may not know that it is only the family once
 * more: so the verifier knows how much there is behind the entry.
 */
struct ct_hit {
	struct ct_entry *entry; /* NULL: none */
	__u64 wide;
};

static __always_inline struct ct_hit ct_alive(struct ct_hit hit, __u32 now)
{
	if (hit.entry && ct_is_expired(hit.entry, now))
		hit.entry = NULL;
	return hit;
}

/*
 * The operations on a pair of tables, one for each family. Each is a call of the
 * kernel's own for that very map (BRANCH_APART).
 */
#define CT_FIND(table4, table6, key)                                                        \
	({                                                                                  \
		struct ct_hit found;                                                        \
		if ((key)->family == FLOW_IP4) {                                            \
			found.entry = bpf_map_lookup_elem(&(table4), &(key)->v4);           \
			found.wide = OPAQUE(0);                                             \
			BRANCH_APART(4);                                                    \
		} else {                                                                    \
			found.entry = bpf_map_lookup_elem(&(table6), &(key)->v6);           \
			found.wide = OPAQUE(1);                                             \
			BRANCH_APART(6);                                                    \
		}                                                                           \
		found;                                                                      \
	})

#define CT_PUT_AS(table4, table6, key, entry, how)                                          \
	({                                                                                  \
		long result;                                                                \
		if ((key)->family == FLOW_IP4) {                                            \
			result = bpf_map_update_elem(&(table4), &(key)->v4, entry, how);    \
			BRANCH_APART(4);                                                    \
		} else {                                                                    \
			result = bpf_map_update_elem(&(table6), &(key)->v6, entry, how);    \
			BRANCH_APART(6);                                                    \
		}                                                                           \
		result;                                                                     \
	})

#define CT_PUT(table4, table6, key, entry) CT_PUT_AS(table4, table6, key, entry, BPF_ANY)

#define CT_REMOVE(table4, table6, key)                                                      \
	({                                                                                  \
		if ((key)->family == FLOW_IP4) {                                            \
			bpf_map_delete_elem(&(table4), &(key)->v4);                         \
			BRANCH_APART(4);                                                    \
		} else {                                                                    \
			bpf_map_delete_elem(&(table6), &(key)->v6);                         \
			BRANCH_APART(6);                                                    \
		}                                                                           \
	})

/* No entry: no such flow was answered, or it has expired. */
static __always_inline struct ct_hit ct_find(const struct ct_key *key, __u32 now)
{
	return ct_alive(CT_FIND(ct4, ct6, key), now);
}

static __always_inline struct ct_hit ct_find_new(const struct ct_key *key, __u32 now)
{
	return ct_alive(CT_FIND(ct4_new, ct6_new, key), now);
}

/* Returns 0 or a negative errno. */
static __always_inline long ct_insert_new(const struct ct_key *key, const struct ct_value *value)
{
	return CT_PUT(ct4_new, ct6_new, key, value);
}

static __always_inline void ct_delete(const struct ct_key *key)
{
	CT_REMOVE(ct4, ct6, key);
}

static __always_inline void ct_delete_new(const struct ct_key *key)
{
	CT_REMOVE(ct4_new, ct6_new, key);
}

/*
 * An answered flow moves to the table that never evicts. When that one is full
 * it stays where it is, alive but evictable.
 */
static __always_inline void ct_promote(const struct ct_key *key, struct ct_hit hit)
{
	long r;

	if (hit.wide) {
		r = bpf_map_update_elem(&ct6, &key->v6, hit.entry, BPF_ANY);
		BRANCH_APART(6);
	} else {
		r = bpf_map_update_elem(&ct4, &key->v4, hit.entry, BPF_ANY);
		BRANCH_APART(4);
	}
	if (!r)
		ct_delete_new(key);
}
