/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The internet checksum, in plain C: of headers that change, and of packets that are
 * made here.
 */
#pragma once

#include "lib/kernel.h"

static __always_inline __u16 csum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

/* Adds @len bytes, a constant multiple of 4. */
static __always_inline __u64 csum_add(__u64 sum, const void *data, __u32 len)
{
	const __u32 *words = data;
	__u32 i;

	for (i = 0; i < len / 4; i++)
		sum += words[i];
	return sum;
}

/* Takes @len bytes, a constant multiple of 4, away. */
static __always_inline __u64 csum_subtract(__u64 sum, const void *data, __u32 len)
{
	const __u32 *words = data;
	__u32 i;

	for (i = 0; i < len / 4; i++)
		sum += (__u32)~words[i];
	return sum;
}

/* The same sum in 32 bits. */
static __always_inline __u32 csum_fold32(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	return (__u32)((sum & 0xffffffff) + (sum >> 32));
}
