/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Ground rules of everything that kernel and user space share.
 *
 * Fixed-width types, explicit padding, no bit fields; the size of every struct
 * is nailed with ABI_SIZE beside it. Addresses are 128 bits in network byte
 * order; an IPv4 address is v4-mapped (::ffff:a.b.c.d), so one code path
 * serves both families. Only map keys are packed per family.
 */
#pragma once

#include <linux/types.h>

#define ABI_SIZE(type, size) _Static_assert(sizeof(type) == (size), "ABI: size of " #type)

/* Bump on any change of a map key, value, type or meaning; names the pin directory. */
#define WEIR_SCHEMA 6

struct ip_addr {
	union {
		__u8 bytes[16];
		__be32 words[4];
		__u64 halves[2]; /* for comparison only: byte order is the network's */
	};
};
ABI_SIZE(struct ip_addr, 16);

/* Direction of policy, seen from the pod; indexes endpoint.ruleset and metrics. */
enum policy_dir {
	POLICY_INGRESS = 0,
	POLICY_EGRESS = 1,
	POLICY_DIR_MAX,
};

/* The v4-mapped prefix ::ffff:0:0/96. */
static inline __attribute__((always_inline)) _Bool ip_addr_is_v4(const struct ip_addr *a)
{
	return a->halves[0] == 0 && a->words[2] == (__be32)__builtin_bswap32(0x0000ffff);
}

static inline __attribute__((always_inline)) void ip_addr_set_v4(struct ip_addr *a, __be32 v4)
{
	a->halves[0] = 0;
	a->words[2] = (__be32)__builtin_bswap32(0x0000ffff);
	a->words[3] = v4;
}

static inline __attribute__((always_inline)) _Bool ip_addr_equal(const struct ip_addr *a,
								 const struct ip_addr *b)
{
	return a->halves[0] == b->halves[0] && a->halves[1] == b->halves[1];
}
