/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Compiled policy: rule sets.
 *
 * Rules with the same tier, priority, action and port set form one rule group.
 * A rule set orders its groups by tier and priority; group g is bit g of a bit
 * set. For a new flow:
 *
 *	peers = any_peer | bits of the other side's class | bits of its address (CIDRs)
 *	ports = bits of the protocol and destination port
 *	the lowest bit of peers & ports decides                      (verdict.h)
 *
 * A rule set is never changed once an endpoint refers to it, except that bits
 * for a class which no address has yet may be added. It serves one direction.
 *
 * Maps:
 *   ruleset       array, index = rule set id (0 is never used: "no policy")
 *   policy_class  hash  { set, class }            -> bit set
 *   policy_port   LPM   { set, protocol, port }   -> bit set, cumulative
 *   policy_cidr4  LPM   { set, address }          -> bit set, cumulative
 *   policy_cidr6  LPM   { set, address }          -> bit set, cumulative
 *   policy_bits   hash  { row, chunk }            -> 64 words of a wide bit set
 *
 * "Cumulative": the value at a prefix holds the bits of every shorter prefix
 * that covers it too (minus `except`), so the longest match is the answer.
 *
 * A bit set with at most 64 groups stands in the value itself. With more
 * (ruleset.words > 1) the value refers to a row of policy_bits: its number, and in
 * the upper half a bit for each chunk of it that is not empty and has an entry.
 */
#pragma once

#include "weir/types.h"

enum policy_tier {
	TIER_ADMIN = 0,
	TIER_NETWORK_POLICY = 1,
	TIER_BASELINE = 2,
	TIER_MAX,
};

enum ruleset_flag {
	RULESET_CIDR4 = 1 << 0, /* policy_cidr4 has entries for this set */
	RULESET_CIDR6 = 1 << 1,
	/* A NetworkPolicy selects the pod in this direction: that tier ends with deny. */
	RULESET_ISOLATED = 1 << 2,
};

#define POLICY_CHUNK_WORDS 64 /* 4096 groups */
#define POLICY_CHUNKS_MAX 32 /* 131,072 groups in one rule set */

struct ruleset {
	__u64 any_peer; /* bit sets: inline, or references to rows when words > 1 */
	__u64 allow; /* groups whose action is allow */
	__u64 pass; /* groups whose action is pass; neither: deny */
	__u32 words; /* length of its bit sets in 64-bit words, at least 1 */
	__u32 flags; /* enum ruleset_flag */
	__u32 tier_end[TIER_MAX]; /* first group after the tier */
	__u32 pad;
};
ABI_SIZE(struct ruleset, 48);

struct policy_class_key {
	__u32 set;
	__u32 class;
};
ABI_SIZE(struct policy_class_key, 8);

/* Prefix lengths of policy_port keys. */
#define POLICY_PORT_SET_BITS 32 /* any protocol: rules without ports */
#define POLICY_PORT_PROTO_BITS 48 /* any port of the protocol */
#define POLICY_PORT_FULL_BITS 64

struct policy_port_key {
	__u32 prefixlen; /* bits, counted from the start of @set */
	__be32 set; /* stored big-endian: LPM compares from the first byte */
	__u8 proto;
	__u8 zero;
	__be16 port; /* destination port; 0 for protocols without ports */
};
ABI_SIZE(struct policy_port_key, 12);

#define POLICY_CIDR_SET_BITS 32

struct policy_cidr4_key {
	__u32 prefixlen; /* bits, counted from the start of @set: 32 + prefix */
	__be32 set;
	__be32 addr;
};
ABI_SIZE(struct policy_cidr4_key, 12);

struct policy_cidr6_key {
	__u32 prefixlen;
	__be32 set;
	struct ip_addr addr;
} __attribute__((packed, aligned(4)));
ABI_SIZE(struct policy_cidr6_key, 24);

struct policy_bits_key {
	__u32 row;
	__u32 chunk;
};
ABI_SIZE(struct policy_bits_key, 8);

struct policy_bits {
	__u64 words[POLICY_CHUNK_WORDS];
};
ABI_SIZE(struct policy_bits, 512);

/* A reference to row @number, whose chunks are the bits of @chunks. */
static inline __attribute__((always_inline)) __u64 policy_row(__u32 number, __u32 chunks)
{
	return (__u64)chunks << 32 | number;
}

static inline __attribute__((always_inline)) __u32 policy_row_number(__u64 row)
{
	return (__u32)row;
}

static inline __attribute__((always_inline)) __u32 policy_row_chunks(__u64 row)
{
	return (__u32)(row >> 32);
}

static inline __attribute__((always_inline)) _Bool policy_row_has(__u64 row, __u32 chunk)
{
	return policy_row_chunks(row) >> (chunk & (POLICY_CHUNKS_MAX - 1)) & 1;
}
