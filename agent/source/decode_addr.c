// SPDX-License-Identifier: Apache-2.0
/* Addresses and ranges of them. */
#include <arpa/inet.h>

#include "source/decode_parts.h"

#define V4(a, b, c, d) { .bytes = { [10] = 0xff, 0xff, a, b, c, d } }

/* RFC 6890, RFC 4291 section 2.4. */
static const struct {
	struct prefix prefix;
	const char *name;
} special[] = {
	{ { V4(0, 0, 0, 0), 32 }, "unspecified" },
	{ { V4(127, 0, 0, 0), 8 }, "loopback" },
	{ { V4(169, 254, 0, 0), 16 }, "link-local" },
	{ { V4(224, 0, 0, 0), 4 }, "multicast" },
	{ { V4(255, 255, 255, 255), 32 }, "broadcast" },
	{ { {}, 128 }, "unspecified" },
	{ { { .bytes = { [15] = 1 } }, 128 }, "loopback" },
	{ { { .bytes = { 0xfe, 0x80 } }, 10 }, "link-local" },
	{ { { .bytes = { 0xff } }, 8 }, "multicast" },
};

/* Of which addr_parse() says only that it is none. */
static bool is_mapped(const char *text)
{
	struct ip_addr addr;

	return inet_pton(AF_INET6, text, addr.bytes) == 1 && ip_addr_is_v4(&addr);
}

int decode_addr(struct ip_addr *ret, const struct field *field)
{
	const char *text = NULL;
	int r = field_require(field) ?: field_string(&text, field);

	if (r < 0)
		return r;
	if (addr_parse(ret, text) < 0)
		return field_error(field, "must be an IP address, not %s\"%s\"",
				   is_mapped(text) ? "the v4-mapped " : "", text);
	return 0;
}

int decode_host_addr(struct ip_addr *ret, const struct field *field)
{
	char text[ADDR_TEXT_MAX];
	struct ip_addr addr;
	int r = decode_addr(&addr, field);

	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (prefix_contains(&special[i].prefix, &addr))
			return field_error(field, "must be the address of one host, not the %s "
					   "address %s", special[i].name, addr_text(text, &addr));
	*ret = addr;
	return 0;
}

int decode_prefix_text(struct prefix *ret, const struct field *field, const char *text)
{
	char buf[PREFIX_TEXT_MAX];
	bool host_bits;

	if (prefix_parse(ret, &host_bits, text) < 0)
		return field_error(field, "must be an address range like 10.0.0.0/8, not \"%s\"",
				   text);
	if (host_bits)
		field_warning(field, "has bits set beyond its length and means %s",
			      prefix_text(buf, ret));
	return 0;
}

int decode_prefix(struct prefix *ret, const struct field *field)
{
	const char *text = NULL;

	return field_require(field) ?: field_string(&text, field) ?:
	       decode_prefix_text(ret, field, text);
}
