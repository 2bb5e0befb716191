// SPDX-License-Identifier: Apache-2.0
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"

#define V4_MAPPED_BITS 96

static int parse_dotted(struct ip_addr *ret, const char *text)
{
	uint8_t bytes[4];
	char part[4];
	uint64_t value;
	__be32 v4;

	for (int i = 0; i < 4; i++) {
		size_t length = strcspn(text, ".");

		if (!length || length >= sizeof(part))
			return -EINVAL;
		memcpy(part, text, length);
		part[length] = '\0';
		if (parse_u64(&value, part, 255) < 0)
			return -EINVAL;
		bytes[i] = (uint8_t)value;
		text += length;
		if (*text != (i < 3 ? '.' : '\0'))
			return -EINVAL;
		text += i < 3;
	}
	memcpy(&v4, bytes, sizeof(v4));
	ip_addr_set_v4(ret, v4);
	return 0;
}

int addr_parse(struct ip_addr *ret, const char *text)
{
	struct ip_addr addr;

	if (!strchr(text, ':'))
		return parse_dotted(ret, text);
	if (inet_pton(AF_INET6, text, addr.bytes) != 1 || ip_addr_is_v4(&addr))
		return -EINVAL;
	*ret = addr;
	return 0;
}

unsigned int prefix_width(const struct prefix *prefix)
{
	return ip_addr_is_v4(&prefix->addr) ? 32 : 128;
}

unsigned int prefix_mapped_bits(const struct prefix *prefix)
{
	return prefix->bits + (ip_addr_is_v4(&prefix->addr) ? V4_MAPPED_BITS : 0);
}

static void mask(struct ip_addr *addr, unsigned int bits)
{
	for (unsigned int i = 0; i < sizeof(addr->bytes); i++) {
		unsigned int keep = bits > i * 8 ? bits - i * 8 : 0;

		if (keep < 8)
			addr->bytes[i] &= (uint8_t)(0xff00 >> keep);
	}
}

void prefix_mask(struct prefix *prefix)
{
	mask(&prefix->addr, prefix_mapped_bits(prefix));
}

int prefix_parse(struct prefix *ret, bool *host_bits, const char *text)
{
	const char *slash = strchr(text, '/');
	char addr[ADDR_TEXT_MAX];
	struct prefix prefix;
	struct ip_addr given;
	uint64_t bits;

	if (!slash || (size_t)(slash - text) >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, (size_t)(slash - text));
	addr[slash - text] = '\0';
	if (addr_parse(&prefix.addr, addr) < 0)
		return -EINVAL;
	if (parse_u64(&bits, slash + 1, prefix_width(&prefix)) < 0)
		return -EINVAL;
	prefix.bits = (uint8_t)bits;
	given = prefix.addr;
	prefix_mask(&prefix);
	if (host_bits)
		*host_bits = !ip_addr_equal(&given, &prefix.addr);
	*ret = prefix;
	return 0;
}

/* Returns the end. */
static char *put_number(char *text, unsigned int number)
{
	if (number >= 100)
		*text++ = (char)('0' + number / 100);
	if (number >= 10)
		*text++ = (char)('0' + number / 10 % 10);
	*text++ = (char)('0' + number % 10);
	return text;
}

const char *addr_text(char buf[static ADDR_TEXT_MAX], const struct ip_addr *addr)
{
	char *end = buf;

	if (!ip_addr_is_v4(addr))
		return inet_ntop(AF_INET6, addr->bytes, buf, ADDR_TEXT_MAX);
	for (int i = 12; i < 16; i++) {
		end = put_number(end, addr->bytes[i]);
		*end++ = '.';
	}
	end[-1] = '\0';
	return buf;
}

const char *prefix_text(char buf[static PREFIX_TEXT_MAX], const struct prefix *prefix)
{
	char *end;

	addr_text(buf, &prefix->addr);
	end = buf + strlen(buf);
	*end++ = '/';
	*put_number(end, prefix->bits) = '\0';
	return buf;
}

bool prefix_contains(const struct prefix *prefix, const struct ip_addr *addr)
{
	unsigned int bits = prefix_mapped_bits(prefix), whole = bits / 8, rest = bits % 8;

	if (ip_addr_is_v4(&prefix->addr) != ip_addr_is_v4(addr) ||
	    memcmp(prefix->addr.bytes, addr->bytes, whole) != 0)
		return false;
	return !rest || !((prefix->addr.bytes[whole] ^ addr->bytes[whole]) & (0xff00 >> rest));
}

bool prefix_covers(const struct prefix *outer, const struct prefix *inner)
{
	return outer->bits <= inner->bits && prefix_contains(outer, &inner->addr);
}

int prefix_compare(const struct prefix *a, const struct prefix *b)
{
	int r = memcmp(a->addr.bytes, b->addr.bytes, sizeof(a->addr.bytes));

	return r ?: (int)prefix_mapped_bits(a) - (int)prefix_mapped_bits(b);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int mac_parse(uint8_t ret[static MAC_BYTES], const char *text)
{
	uint8_t mac[MAC_BYTES];

	for (int i = 0; i < MAC_BYTES; i++, text += 3) {
		int high = hex_digit(text[0]);
		int low = high < 0 ? -1 : hex_digit(text[1]);

		if (low < 0 || text[2] != (i < MAC_BYTES - 1 ? ':' : '\0'))
			return -EINVAL;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	if (mac[0] & 1)
		return -EINVAL;
	memcpy(ret, mac, sizeof(mac));
	return 0;
}

const char *mac_text(char buf[static MAC_TEXT_MAX], const uint8_t mac[static MAC_BYTES])
{
	snprintf(buf, MAC_TEXT_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
	return buf;
}
