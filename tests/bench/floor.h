/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The programs of floor.bpf.c for one hook: FLOOR_CTX is what a packet is, FLOOR_SECTION of
 * which type the programs are, FLOOR_PASS and FLOOR_DROP what they return.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "weir/conntrack.h"
#include "weir/maps.h"
#include "weir/state.h"

#include "bench.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct bench_frame);
	__uint(max_entries, 1);
} frame SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 1);
} under_test SEC(".maps");

#define FLOOR_LRU(name, key_type, value_type, size)     \
	struct {                                         \
		__uint(type, BPF_MAP_TYPE_LRU_HASH);     \
		__type(key, key_type);                   \
		__type(value, value_type);               \
		__uint(max_entries, size);               \
	} name SEC(".maps")

/* As large as the datapath's own tables. */
FLOOR_LRU(floor_live4, struct ct4_key, struct ct4_value, CT_MAX);
FLOOR_LRU(floor_live6, struct ct6_key, struct ct6_value, CT_MAX);
FLOOR_LRU(floor_new4, struct ct4_key, struct ct4_value, CT_NEW_MAX);
FLOOR_LRU(floor_new6, struct ct6_key, struct ct6_value, CT_NEW_MAX);

/* The datapath's own map: the benchmark makes this name refer to it before load. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct node_state);
	__uint(max_entries, 1);
} state SEC(".maps");

static __always_inline int parse4(FLOOR_CTX *ctx, struct ct4_key *key)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);
	struct tcphdr *tcp = data + sizeof(*eth) + sizeof(*ip);

	if ((void *)(tcp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5 ||
	    ip->protocol != IPPROTO_TCP)
		return -1;
	key->addr[0] = ip->saddr;
	key->addr[1] = ip->daddr;
	key->port[0] = tcp->source;
	key->port[1] = tcp->dest;
	key->proto = ip->protocol;
	return 0;
}

static __always_inline int parse6(FLOOR_CTX *ctx, struct ct6_key *key)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct ipv6hdr *ip = data + sizeof(*eth);
	struct tcphdr *tcp = data + sizeof(*eth) + sizeof(*ip);

	if ((void *)(tcp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IPV6) ||
	    ip->nexthdr != IPPROTO_TCP)
		return -1;
	__builtin_memcpy(&key->addr[0], &ip->saddr, sizeof(key->addr[0]));
	__builtin_memcpy(&key->addr[1], &ip->daddr, sizeof(key->addr[1]));
	key->port[0] = tcp->source;
	key->port[1] = tcp->dest;
	key->proto = ip->nexthdr;
	return 0;
}

SEC(FLOOR_SECTION)
int floor_empty(FLOOR_CTX *ctx)
{
	return FLOOR_PASS;
}

#define FLOOR_HIT(family)                                                              \
	SEC(FLOOR_SECTION)                                                              \
	int floor_hit##family(FLOOR_CTX *ctx)                                           \
	{                                                                               \
		struct ct##family##_key key = {};                                       \
		struct ct##family##_value *value, fresh = {};                           \
                                                                                        \
		if (parse##family(ctx, &key))                                           \
			return FLOOR_DROP;                                             \
		value = bpf_map_lookup_elem(&floor_live##family, &key);                 \
		if (value)                                                              \
			value->entry.packets[0]++;                                      \
		else                                                                    \
			bpf_map_update_elem(&floor_live##family, &key, &fresh, BPF_ANY); \
		return FLOOR_PASS;                                                       \
	}

#define FLOOR_INSERT(family)                                                            \
	SEC(FLOOR_SECTION)                                                              \
	int floor_insert##family(FLOOR_CTX *ctx)                                        \
	{                                                                               \
		struct ct##family##_key key = {};                                       \
		struct ct##family##_value value = {};                                   \
                                                                                        \
		if (parse##family(ctx, &key))                                           \
			return FLOOR_DROP;                                             \
		bpf_map_update_elem(&floor_new##family, &key, &value, BPF_ANY);         \
		return FLOOR_PASS;                                                       \
	}

FLOOR_HIT(4)
FLOOR_HIT(6)
FLOOR_INSERT(4)
FLOOR_INSERT(6)

SEC(FLOOR_SECTION)
int wrapper(FLOOR_CTX *ctx)
{
	__u64 *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct bench_frame *saved;
	__u32 zero = 0;

	saved = bpf_map_lookup_elem(&frame, &zero);
	if (!saved ||
	    (void *)(data + BENCH_FRAME_WORDS) > end)
		return FLOOR_DROP;
#pragma unroll
	for (int i = 0; i < BENCH_FRAME_WORDS; i++)
		data[i] = saved->words[i];
	if (saved->port_count) {
		__u16 port = saved->port_base + saved->next++ % saved->port_count;
		__be16 *at = (void *)data + (saved->port_at & 63);

		if ((void *)(at + 1) > end)
			return FLOOR_DROP;
		*at = bpf_htons(port);
	}
	if (saved->turn_generation) {
		struct node_state *now = bpf_map_lookup_elem(&state, &zero);

		if (now)
			now->generation += 2; /* same half, so nothing but the verdict's age changes */
	}
	bpf_tail_call(ctx, &under_test, zero);
	return FLOOR_DROP;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
