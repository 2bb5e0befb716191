// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include <errno.h>
#include <string.h>

#include "base/addr.h"
#include "base/parse.h"

struct addr_row {
	const char *text;
	const char *canonical; /* NULL: refused */
};

static const struct addr_row addrs[] = {
	{ "10.0.0.1", "10.0.0.1" },
	{ "0.0.0.0", "0.0.0.0" },
	{ "255.255.255.255", "255.255.255.255" },
	{ "010.001.08.9", "10.1.8.9" }, /* decimal, not octal */
	{ "10.0.0", NULL },
	{ "10.0.0.1.2", NULL },
	{ "10.0.0.", NULL },
	{ ".10.0.0", NULL },
	{ "10..0.1", NULL },
	{ "10.0.0.256", NULL },
	{ "10.0.0.0001", NULL },
	{ "10.0.0.-1", NULL },
	{ "10.0.0.+1", NULL },
	{ "10.0.0.1 ", NULL },
	{ " 10.0.0.1", NULL },
	{ "0x0a.0.0.1", NULL },
	{ "10.0.0.1/32", NULL },
	{ "167772161", NULL },
	{ "", NULL },
	{ "fd00::1", "fd00::1" },
	{ "FD00:0:0:0:0:0:0:1", "fd00::1" },
	{ "::", "::" },
	{ "::1", "::1" },
	{ "fd00::1::2", NULL },
	{ "fd00:1", NULL },
	{ "fd00::12345", NULL },
	{ "fe80::1%eth0", NULL },
	{ "[fd00::1]", NULL },
	{ "::ffff:10.0.0.1", NULL }, /* the same address in the other family's clothes */
	{ "::ffff:a00:1", NULL },
	{ "64:ff9b::10.0.0.1", "64:ff9b::a00:1" },
};

START_TEST(an_address_is_read_strictly)
{
	const struct addr_row *row = &addrs[_i];
	char buf[ADDR_TEXT_MAX];
	struct ip_addr addr;

	ck_assert_int_eq(addr_parse(&addr, row->text), row->canonical ? 0 : -EINVAL);
	if (!row->canonical)
		return;
	ck_assert_str_eq(addr_text(buf, &addr), row->canonical);
	ck_assert_int_eq(ip_addr_is_v4(&addr), !strchr(row->text, ':'));
}
END_TEST

START_TEST(only_the_null_address_is_none)
{
	struct ip_addr addr;

	ck_assert(ip_addr_is_none(&IP_ADDR_NONE));
	ck_assert_int_eq(addr_parse(&addr, "::"), 0);
	ck_assert(ip_addr_is_none(&addr));
	ck_assert_int_eq(addr_parse(&addr, "0.0.0.0"), 0);
	ck_assert(!ip_addr_is_none(&addr));
	ck_assert_int_eq(addr_parse(&addr, "::1"), 0);
	ck_assert(!ip_addr_is_none(&addr));
}
END_TEST

struct prefix_row {
	const char *text;
	const char *canonical; /* NULL: refused */
	bool host_bits;
	unsigned int mapped_bits;
};

static const struct prefix_row prefixes[] = {
	{ "10.0.0.0/8", "10.0.0.0/8", false, 104 },
	{ "10.0.0.1/8", "10.0.0.0/8", true, 104 },
	{ "10.255.255.255/9", "10.128.0.0/9", true, 105 },
	{ "10.1.2.3/32", "10.1.2.3/32", false, 128 },
	{ "10.1.2.3/31", "10.1.2.2/31", true, 127 },
	{ "0.0.0.0/0", "0.0.0.0/0", false, 96 },
	{ "1.2.3.4/0", "0.0.0.0/0", true, 96 },
	{ "::/0", "::/0", false, 0 },
	{ "fd00::/8", "fd00::/8", false, 8 },
	{ "fd00::1/64", "fd00::/64", true, 64 },
	{ "fd00:0:0:ffff::/49", "fd00:0:0:8000::/49", true, 49 },
	{ "fd00::1/128", "fd00::1/128", false, 128 },
	{ "10.0.0.0", NULL },
	{ "10.0.0.0/", NULL },
	{ "10.0.0.0/33", NULL },
	{ "10.0.0.0/-1", NULL },
	{ "10.0.0.0/8/8", NULL },
	{ "10.0.0.0/8 ", NULL },
	{ "10.0.0.0/99999999999999999999", NULL },
	{ "fd00::/129", NULL },
	{ "/8", NULL },
	{ "::ffff:10.0.0.0/104", NULL },
	{ "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/64", NULL },
};

START_TEST(a_prefix_is_read_and_masked)
{
	const struct prefix_row *row = &prefixes[_i];
	char buf[PREFIX_TEXT_MAX];
	struct prefix prefix;
	bool host_bits;

	ck_assert_int_eq(prefix_parse(&prefix, &host_bits, row->text),
			 row->canonical ? 0 : -EINVAL);
	if (!row->canonical)
		return;
	ck_assert_str_eq(prefix_text(buf, &prefix), row->canonical);
	ck_assert_int_eq(host_bits, row->host_bits);
	ck_assert_uint_eq(prefix_mapped_bits(&prefix), row->mapped_bits);
	ck_assert_uint_eq(prefix_width(&prefix), strchr(row->text, ':') ? 128 : 32);
}
END_TEST

struct contains_row {
	const char *prefix;
	const char *addr;
	bool contains;
};

static const struct contains_row contained[] = {
	{ "10.0.0.0/8", "10.1.2.3", true },
	{ "10.0.0.0/8", "11.0.0.0", false },
	{ "10.16.0.0/12", "10.31.255.255", true },
	{ "10.16.0.0/12", "10.32.0.0", false },
	{ "0.0.0.0/0", "1.2.3.4", true },
	{ "0.0.0.0/0", "fd00::1", false },
	{ "::/0", "fd00::1", true },
	{ "::/0", "1.2.3.4", false }, /* though v4-mapped lies within ::/0 */
	{ "fd00::/64", "fd00::ffff", true },
	{ "fd00::/64", "fd00:0:0:1::", false },
	{ "10.0.0.1/32", "10.0.0.1", true },
	{ "10.0.0.1/32", "10.0.0.2", false },
};

START_TEST(a_prefix_contains_addresses_of_its_family)
{
	const struct contains_row *row = &contained[_i];
	struct prefix prefix;
	struct ip_addr addr;

	ck_assert_int_eq(prefix_parse(&prefix, NULL, row->prefix), 0);
	ck_assert_int_eq(addr_parse(&addr, row->addr), 0);
	ck_assert_int_eq(prefix_contains(&prefix, &addr), row->contains);
}
END_TEST

struct covers_row {
	const char *outer;
	const char *inner;
	bool covers;
};

static const struct covers_row covered[] = {
	{ "10.0.0.0/8", "10.0.0.0/8", true },
	{ "10.0.0.0/8", "10.0.0.0/9", true },
	{ "10.0.0.0/9", "10.0.0.0/8", false },
	{ "10.0.0.0/8", "11.0.0.0/16", false },
	{ "::/0", "10.0.0.0/8", false },
	{ "0.0.0.0/0", "fd00::/8", false },
	{ "::/0", "fd00::/8", true },
};

START_TEST(a_prefix_covers_what_lies_within)
{
	const struct covers_row *row = &covered[_i];
	struct prefix outer, inner;

	ck_assert_int_eq(prefix_parse(&outer, NULL, row->outer), 0);
	ck_assert_int_eq(prefix_parse(&inner, NULL, row->inner), 0);
	ck_assert_int_eq(prefix_covers(&outer, &inner), row->covers);
}
END_TEST

/* Ascending. */
static const char *const ordered[] = {
	"::/0", "::/8", "0.0.0.0/0", "0.0.0.0/8", "10.0.0.0/8", "10.0.0.0/16", "10.0.0.1/32",
	"10.1.0.0/16", "192.0.0.0/2", "2000::/3", "fd00::/8", "fd00::/64", "fd00::1/128",
};

START_TEST(the_order_of_prefixes_is_total)
{
	struct prefix mine, other;

	ck_assert_int_eq(prefix_parse(&mine, NULL, ordered[_i]), 0);
	for (int i = 0; i < CHECK_COUNT(ordered); i++) {
		int r;

		ck_assert_int_eq(prefix_parse(&other, NULL, ordered[i]), 0);
		r = prefix_compare(&mine, &other);
		ck_assert_msg((r > 0) - (r < 0) == (_i > i) - (_i < i), "%s and %s: %d",
			      ordered[_i], ordered[i], r);
	}
}
END_TEST

static const struct addr_row macs[] = {
	{ "0a:00:00:00:00:01", "0a:00:00:00:00:01" },
	{ "0A:bC:DE:f0:12:34", "0a:bc:de:f0:12:34" },
	{ "01:00:00:00:00:01", NULL }, /* multicast */
	{ "ff:ff:ff:ff:ff:ff", NULL },
	{ "0a:00:00:00:00", NULL },
	{ "0a:00:00:00:00:01:02", NULL },
	{ "0a:00:00:00:00:1", NULL },
	{ "0a:00:00:00:00:0g", NULL },
	{ "0a-00-00-00-00-01", NULL },
	{ "0a:00:00:00:00:01 ", NULL },
	{ " a:00:00:00:00:01", NULL },
	{ "-a:00:00:00:00:01", NULL },
	{ "0x:00:00:00:00:01", NULL },
	{ "", NULL },
};

START_TEST(a_mac_address_is_read_strictly)
{
	const struct addr_row *row = &macs[_i];
	uint8_t mac[MAC_BYTES];
	char buf[MAC_TEXT_MAX];

	ck_assert_int_eq(mac_parse(mac, row->text), row->canonical ? 0 : -EINVAL);
	if (row->canonical)
		ck_assert_str_eq(mac_text(buf, mac), row->canonical);
}
END_TEST

struct number_row {
	const char *text;
	uint64_t max;
	int result;
	uint64_t value;
};

static const struct number_row numbers[] = {
	{ "0", 0, 0, 0 },
	{ "1", 0, -ERANGE },
	{ "007", 7, 0, 7 },
	{ "65535", 65535, 0, 65535 },
	{ "65536", 65535, -ERANGE },
	{ "655350", 65535, -ERANGE },
	{ "5", 3, -ERANGE },
	{ "18446744073709551615", UINT64_MAX, 0, UINT64_MAX },
	{ "18446744073709551616", UINT64_MAX, -ERANGE },
	{ "99999999999999999999", UINT64_MAX, -ERANGE },
	{ "", 9, -EINVAL },
	{ "-1", 9, -EINVAL },
	{ "+1", 9, -EINVAL },
	{ " 1", 9, -EINVAL },
	{ "1 ", 9, -EINVAL },
	{ "0x1", 9, -EINVAL },
};

START_TEST(a_number_is_digits_and_within_its_bound)
{
	const struct number_row *row = &numbers[_i];
	uint64_t value = 0;

	ck_assert_int_eq(parse_u64(&value, row->text, row->max), row->result);
	ck_assert_uint_eq(value, row->value);
}
END_TEST

CHECK_MAIN("addr",
	   CHECK_LOOP(an_address_is_read_strictly, addrs),
	   CHECK_TEST(only_the_null_address_is_none),
	   CHECK_LOOP(a_prefix_is_read_and_masked, prefixes),
	   CHECK_LOOP(a_prefix_contains_addresses_of_its_family, contained),
	   CHECK_LOOP(a_prefix_covers_what_lies_within, covered),
	   CHECK_LOOP(the_order_of_prefixes_is_total, ordered),
	   CHECK_LOOP(a_mac_address_is_read_strictly, macs),
	   CHECK_LOOP(a_number_is_digits_and_within_its_bound, numbers))
