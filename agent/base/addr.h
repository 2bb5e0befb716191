/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses, prefixes and MAC addresses: reading, writing, comparing. Addresses
 * are as in weir/types.h: 128 bits, network byte order, IPv4 v4-mapped.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weir/types.h"

struct prefix {
	struct ip_addr addr; /* masked; v4-mapped for IPv4 */
	uint8_t bits; /* of the family: 0..32 or 0..128 */
};

#define ADDR_TEXT_MAX 46 /* INET6_ADDRSTRLEN */
#define PREFIX_TEXT_MAX (ADDR_TEXT_MAX + 4)
#define MAC_TEXT_MAX 18
#define MAC_BYTES 6

static const struct ip_addr IP_ADDR_NONE = {}; /* :: */

static inline bool ip_addr_is_among(const struct ip_addr *addr, const struct ip_addr *list,
				    size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (ip_addr_equal(&list[i], addr))
			return true;
	return false;
}

static inline bool ip_addr_is_none(const struct ip_addr *addr)
{
	return !(addr->halves[0] | addr->halves[1]);
}

/* In 127.0.0.0/8. */
static inline bool ip_addr_is_loopback4(const struct ip_addr *addr)
{
	return ip_addr_is_v4(addr) && addr->bytes[12] == 127;
}

/* ::1 */
static inline bool ip_addr_is_loopback6(const struct ip_addr *addr)
{
	return !addr->halves[0] && !addr->words[2] && addr->words[3] == (__be32)__builtin_bswap32(1);
}

/*
 * An IPv4 address in dotted form (leading zeroes are decimal, as Kubernetes
 * reads them), or an IPv6 address. v4-mapped IPv6 text is refused: it would leak
 * from one family's tables into the other's. 0 or -EINVAL.
 */
int addr_parse(struct ip_addr *ret, const char *text);

/*
 * `ADDRESS/BITS`. The result is masked; *@host_bits (may be NULL) says whether
 * bits beyond the prefix were set. 0 or -EINVAL.
 */
int prefix_parse(struct prefix *ret, bool *host_bits, const char *text);

/* Clears the bits of the address beyond the prefix. */
void prefix_mask(struct prefix *prefix);

/* Return @buf. */
const char *addr_text(char buf[static ADDR_TEXT_MAX], const struct ip_addr *addr);
const char *prefix_text(char buf[static PREFIX_TEXT_MAX], const struct prefix *prefix);

/* 32 or 128. */
unsigned int prefix_width(const struct prefix *prefix);

/* Bits of the v4-mapped form: 96 more for IPv4. */
unsigned int prefix_mapped_bits(const struct prefix *prefix);

/* Never true across families. */
bool prefix_contains(const struct prefix *prefix, const struct ip_addr *addr);

/* @inner lies within @outer or equals it; never across families. */
bool prefix_covers(const struct prefix *outer, const struct prefix *inner);

/* Total order: by address, then the shorter prefix first. */
int prefix_compare(const struct prefix *a, const struct prefix *b);

/* `aa:bb:cc:dd:ee:ff`, unicast. 0 or -EINVAL. */
int mac_parse(uint8_t ret[static MAC_BYTES], const char *text);
const char *mac_text(char buf[static MAC_TEXT_MAX], const uint8_t mac[static MAC_BYTES]);
