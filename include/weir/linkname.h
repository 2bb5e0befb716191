/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Name and MAC address of the host side of a pod's veth: the same function in
 * the agent and in the CNI plugin, which must find the link without an agent.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define LINKNAME_PREFIX "weir"
#define LINKNAME_DIGITS "abcdefghijklmnopqrstuvwxyz234567"
#define LINKNAME_MAX 16 /* IFNAMSIZ */

/* The gateway, as every pod sees it: locally administered. */
#define LINK_HOST_MAC { 0x0a, 0x77, 0x65, 0x69, 0x72, 0x01 }

static inline uint64_t linkname_fnv1a(uint64_t hash, const char *text)
{
	/* The terminating zero counts: ("ab", "c") differs from ("a", "bc"). */
	do {
		hash = (hash ^ (uint8_t)*text) * 0x100000001b3ULL;
	} while (*text++);
	return hash;
}

/* "weir" and 55 bits of FNV-1a over both texts as 11 characters of base 32. */
static inline void linkname(char ret[static LINKNAME_MAX], const char *container_id,
			    const char *ifname)
{
	uint64_t hash = linkname_fnv1a(0xcbf29ce484222325ULL, container_id);

	hash = linkname_fnv1a(hash, ifname);
	for (int i = 0; i < 4; i++)
		ret[i] = LINKNAME_PREFIX[i];
	for (int i = 4; i < LINKNAME_MAX - 1; i++, hash <<= 5)
		ret[i] = LINKNAME_DIGITS[hash >> 59];
	ret[LINKNAME_MAX - 1] = '\0';
}

/* @name is what linkname() makes. */
static inline bool linkname_is_pod(const char *name)
{
	size_t prefix = strlen(LINKNAME_PREFIX);

	return strlen(name) == LINKNAME_MAX - 1 && !strncmp(name, LINKNAME_PREFIX, prefix) &&
	       strspn(name + prefix, LINKNAME_DIGITS) == LINKNAME_MAX - 1 - prefix;
}
