// SPDX-License-Identifier: Apache-2.0
/* Service CIDRs: which prefixes can be some, and what several come to. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/check_main.h"
#include "model/service_cidr.h"

static struct prefix prefix_of(const char *text)
{
	struct prefix prefix;

	ck_assert_int_eq(prefix_parse(&prefix, NULL, text), 0);
	return prefix;
}

static int add(struct service_cidrs *cidrs, const char *text)
{
	struct prefix prefix = prefix_of(text);

	return service_cidrs_add(cidrs, &prefix);
}

static const char *text_of(const struct service_cidrs *cidrs)
{
	static char text[SERVICE_CIDRS_MAX * PREFIX_TEXT_MAX];
	char one[PREFIX_TEXT_MAX];

	text[0] = '\0';
	for (size_t i = 0; i < cidrs->count; i++)
		sprintf(text + strlen(text), "%s%s", i ? " " : "",
			prefix_text(one, &cidrs->list[i]));
	return text;
}

static const struct sum_row {
	const char *added[5];
	const char *sum;
} sums[] = {
	{ { "10.96.0.0/12", "fd96::/112" }, "10.96.0.0/12 fd96::/112" },
	{ { "10.96.0.0/12", "10.96.0.0/12" }, "10.96.0.0/12" },
	{ { "10.96.0.0/12", "10.97.0.0/16" }, "10.96.0.0/12" },
	{ { "10.97.0.0/16", "fd96::/112", "10.98.0.0/16", "10.96.0.0/12" }, "fd96::/112 10.96.0.0/12" },
	/* An IPv4 prefix is shorter than it looks as a mapped one. */
	{ { "fd00::/20", "10.0.0.0/24" }, "fd00::/20 10.0.0.0/24" },
};

START_TEST(each_address_is_in_one)
{
	struct service_cidrs cidrs = {};

	for (size_t i = 0; i < 5 && sums[_i].added[i]; i++)
		ck_assert_int_eq(add(&cidrs, sums[_i].added[i]), 0);
	ck_assert_str_eq(text_of(&cidrs), sums[_i].sum);
}
END_TEST

START_TEST(more_than_there_is_room_for_are_refused)
{
	struct service_cidrs cidrs = {};
	char text[32];

	for (int i = 0; i < SERVICE_CIDRS_MAX; i++) {
		snprintf(text, sizeof(text), "10.96.%d.0/24", 2 * i);
		ck_assert_int_eq(add(&cidrs, text), 0);
	}
	ck_assert_int_eq(add(&cidrs, "10.97.0.0/24"), -ENOSPC);
	ck_assert_uint_eq(cidrs.count, SERVICE_CIDRS_MAX);
	ck_assert_int_eq(add(&cidrs, "10.96.2.128/25"), 0);
	/* There is room when it takes the place of others. */
	ck_assert_int_eq(add(&cidrs, "10.96.0.0/16"), 0);
	ck_assert_str_eq(text_of(&cidrs), "10.96.0.0/16");
}
END_TEST

START_TEST(they_are_equal_in_one_order)
{
	struct service_cidrs a = {}, b = {};

	ck_assert(service_cidrs_equal(&a, &b));
	add(&a, "10.96.0.0/12");
	ck_assert(!service_cidrs_equal(&a, &b));
	add(&b, "10.96.0.0/13");
	ck_assert(!service_cidrs_equal(&a, &b));
	add(&b, "10.96.0.0/12");
	ck_assert(service_cidrs_equal(&a, &b));
}
END_TEST

static const struct doubt_row {
	const char *cidr;
	bool doubt;
} doubts[] = {
	{ "10.96.0.0/12", false }, { "10.96.0.1/32", false }, { "172.16.0.0/12", false },
	{ "fd00::/8", false },	   { "2001:db8::/108", false },
	{ "0.0.0.0/0", true },	   { "127.0.0.0/8", true },   { "169.254.1.0/24", true },
	{ "192.0.0.0/2", true },   { "239.0.0.0/8", true },   { "::/0", true },
	{ "::1/128", true },	   { "fe80::/64", true },     { "ff00::/16", true },
};

START_TEST(no_service_has_a_special_address)
{
	struct prefix prefix = prefix_of(doubts[_i].cidr);

	ck_assert_msg(!service_cidr_doubt(&prefix) == !doubts[_i].doubt, "%s", doubts[_i].cidr);
}
END_TEST

CHECK_MAIN("service_cidr", CHECK_LOOP(each_address_is_in_one, sums),
	   CHECK_TEST(more_than_there_is_room_for_are_refused), CHECK_TEST(they_are_equal_in_one_order),
	   CHECK_LOOP(no_service_has_a_special_address, doubts))
