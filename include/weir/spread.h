/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A hash that has the same value on every node, whatever its byte order: it spreads connections
 * from outside over the backends of a service (datapath), and backends over a Maglev table
 * (agent). It keeps no secret: who knows the addresses can tell the backend.
 *
 * The multipliers are those of the 64-bit finalizer of MurmurHash3 (public domain).
 */
#pragma once

#include "weir/types.h"

static inline __attribute__((always_inline)) __u64 spread_mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * 0xff51afd7ed558ccdull;
	hash ^= hash >> 32;
	hash *= 0xc4ceb9fe1a85ec53ull;
	return hash ^ hash >> 29;
}

static inline __attribute__((always_inline)) __u64 spread_from_be64(__u64 half)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap64(half) : half;
}

static inline __attribute__((always_inline)) __u16 spread_from_be16(__be16 port)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap16(port) : port;
}

/* One end of a connection, or a backend. */
static inline __attribute__((always_inline)) __u64
spread_end(__u64 hash, const struct ip_addr *addr, __be16 port, __u8 proto)
{
	hash = spread_mix(hash, spread_from_be64(addr->halves[0]));
	hash = spread_mix(hash, spread_from_be64(addr->halves[1]));
	return spread_mix(hash, (__u64)spread_from_be16(port) << 8 | proto);
}

/* Evenly of 2^32: the place in a set of backends that is the connection's. */
static inline __attribute__((always_inline)) __u32
spread_flow(const struct ip_addr *client, __be16 client_port, const struct ip_addr *service,
	    __be16 port, __u8 proto)
{
	__u64 hash = spread_end(0x77656972666c6f77ull, client, client_port, proto);

	return (__u32)(spread_end(hash, service, port, proto) >> 32);
}
