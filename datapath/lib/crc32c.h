/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * CRC32c, as far as a changed word needs it: the checksum of SCTP is linear, so what
 * a difference at the beginning does to it depends on that and on the length only.
 *
 * Polynomials over GF(2) are reflected: the highest bit is x^0.
 */
#pragma once

#include "lib/kernel.h"

#define CRC32C_POLYNOMIAL 0x82f63b78
#define CRC32C_ONE 0x80000000
#define CRC32C_X8 0x00800000 /* x^8: one more byte */

/* A word as it stands in a packet, lowest byte first, to a polynomial and back. */
static __always_inline __u32 crc32c_word(__u32 word)
{
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap32(word) : word;
}

/* Product of two polynomials, modulo that of CRC32c. */
__u32 crc32c_multiply(__u32 a, __u32 b);

SUBPROGRAM __u32 crc32c_multiply(__u32 a, __u32 b)
{
	__u32 product = 0;
	int i;

	for (i = 0; i < 32; i++) {
		product ^= b & -(a >> 31);
		a <<= 1;
		b = b >> 1 ^ (CRC32C_POLYNOMIAL & -(b & 1));
	}
	return product;
}

/*
 * What the checksum of @length bytes, below 64 KiB, changes by when their first word
 * does by @word.
 */
__u32 crc32c_difference(__u32 word, __u32 length);

SUBPROGRAM __u32 crc32c_difference(__u32 word, __u32 length)
{
	__u32 power = CRC32C_X8, shift = CRC32C_ONE;
	int i;

	for (i = 0; i < 16; i++) {
		if (length >> i & 1)
			shift = crc32c_multiply(shift, power);
		power = crc32c_multiply(power, power);
	}
	return crc32c_multiply(word, shift);
}
