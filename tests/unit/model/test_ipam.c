// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include <errno.h>
#include <stdio.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "model/ipam.h"

static struct ip_addr addr(const char *text)
{
	struct ip_addr result;

	ck_assert_int_eq(addr_parse(&result, text), 0);
	return result;
}

static struct ipam_pool *pool_of(const char *text)
{
	struct ipam_pool *pool = NULL;
	struct prefix prefix;

	ck_assert_int_eq(prefix_parse(&prefix, NULL, text), 0);
	ck_assert_int_eq(ipam_pool_new(&pool, &prefix), 0);
	return pool;
}

static void expect_take(struct ipam_pool *pool, const char *text)
{
	char buf[ADDR_TEXT_MAX];
	struct ip_addr got;

	ck_assert_int_eq(ipam_pool_take(&got, pool), 0);
	ck_assert_str_eq(addr_text(buf, &got), text);
}

static int take_addr(struct ipam_pool *pool, const char *text)
{
	struct ip_addr wanted = addr(text);

	return ipam_pool_take_addr(pool, &wanted);
}

static void release(struct ipam_pool *pool, const char *text)
{
	struct ip_addr back = addr(text);

	ipam_pool_release(pool, &back);
}

struct size_row {
	const char *prefix;
	int result;
	size_t available;
};

static const struct size_row sizes[] = {
	{ "10.0.0.0/32", -EINVAL }, { "10.0.0.0/31", -EINVAL },
	{ "10.0.0.0/30", 0, 1 }, { "10.0.0.0/29", 0, 5 },
	{ "10.0.0.0/24", 0, 253 }, { "10.0.0.0/16", 0, 65533 },
	{ "10.0.0.0/15", 0, 65534 }, { "10.0.0.0/8", 0, 65534 },
	{ "0.0.0.0/0", 0, 65534 }, { "fd00::/128", -EINVAL },
	{ "fd00::/127", -EINVAL }, { "fd00::/126", 0, 2 },
	{ "fd00::/112", 0, 65534 }, { "fd00::/64", 0, 65534 },
};

START_TEST(a_prefix_gives_what_is_left_beside_gateway_and_broadcast)
{
	const struct size_row *row = &sizes[_i];
	cleanup(ipam_pool_freep) struct ipam_pool *pool = NULL;
	struct ip_addr got;
	struct prefix prefix;
	size_t taken = 0;

	ck_assert_int_eq(prefix_parse(&prefix, NULL, row->prefix), 0);
	ck_assert_int_eq(ipam_pool_new(&pool, &prefix), row->result);
	if (row->result < 0)
		return;
	ck_assert_uint_eq(ipam_pool_available(pool), row->available);
	while (!ipam_pool_take(&got, pool)) {
		ck_assert(ipam_pool_contains(pool, &got));
		taken++;
	}
	ck_assert_uint_eq(taken, row->available);
	ck_assert_uint_eq(ipam_pool_used(pool), taken);
	ck_assert_uint_eq(ipam_pool_available(pool), 0);
}
END_TEST

START_TEST(a_full_pool_refuses)
{
	cleanup(ipam_pool_freep) struct ipam_pool *pool = pool_of("10.0.0.0/29");
	struct ip_addr got;

	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(ipam_pool_take(&got, pool), 0);
	ck_assert_int_eq(ipam_pool_take(&got, pool), -ENOSPC);
	release(pool, "10.0.0.4");
	expect_take(pool, "10.0.0.4");
	ck_assert_int_eq(ipam_pool_take(&got, pool), -ENOSPC);
}
END_TEST

START_TEST(an_address_rests_until_the_others_had_their_turn)
{
	cleanup(ipam_pool_freep) struct ipam_pool *pool = pool_of("10.0.0.0/29");

	expect_take(pool, "10.0.0.2");
	release(pool, "10.0.0.2");
	expect_take(pool, "10.0.0.3");
	expect_take(pool, "10.0.0.4");
	release(pool, "10.0.0.3");
	expect_take(pool, "10.0.0.5");
	expect_take(pool, "10.0.0.6");
	expect_take(pool, "10.0.0.2");
	expect_take(pool, "10.0.0.3");
}
END_TEST

START_TEST(the_gateway_is_the_first_address)
{
	cleanup(ipam_pool_freep) struct ipam_pool *v4 = pool_of("10.1.2.0/24");
	cleanup(ipam_pool_freep) struct ipam_pool *v6 = pool_of("fd00:1::/64");
	struct ip_addr gateway4 = ipam_pool_gateway(v4), gateway6 = ipam_pool_gateway(v6);
	char buf[PREFIX_TEXT_MAX];

	ck_assert_str_eq(addr_text(buf, &gateway4), "10.1.2.1");
	ck_assert_str_eq(addr_text(buf, &gateway6), "fd00:1::1");
	ck_assert_str_eq(prefix_text(buf, ipam_pool_prefix(v4)), "10.1.2.0/24");
	expect_take(v4, "10.1.2.2");
	expect_take(v6, "fd00:1::2");
}
END_TEST

struct wish_row {
	const char *prefix;
	const char *addr;
	int result;
};

static const struct wish_row wishes[] = {
	{ "10.0.0.0/24", "10.0.0.2", 0 },
	{ "10.0.0.0/24", "10.0.0.254", 0 },
	{ "10.0.0.0/24", "10.0.0.0", -EINVAL },
	{ "10.0.0.0/24", "10.0.0.1", -EINVAL },
	{ "10.0.0.0/24", "10.0.0.255", -EINVAL },
	{ "10.0.0.0/24", "10.0.1.2", -ERANGE },
	{ "10.0.0.0/24", "9.255.255.255", -ERANGE },
	{ "10.0.0.0/24", "fd00::2", -ERANGE },
	{ "10.0.0.128/25", "10.0.0.127", -ERANGE },
	{ "10.0.0.128/25", "10.0.0.130", 0 },
	{ "10.0.0.0/8", "10.255.255.254", 0 },
	{ "10.0.0.0/8", "10.255.255.255", -EINVAL },
	{ "10.0.0.0/8", "10.0.255.255", 0 },
	{ "10.0.0.0/8", "10.1.0.0", 0 },
	{ "10.0.0.0/8", "11.0.0.2", -ERANGE },
	{ "fd00::/64", "fd00::2", 0 },
	{ "fd00::/64", "fd00::ffff", 0 },
	{ "fd00::/64", "fd00::1:0", 0 },
	{ "fd00::/64", "fd00::ffff:ffff:ffff:ffff", 0 },
	{ "fd00::/64", "fd00::1:0:0:2", 0 },
	{ "fd00::/64", "fd00::", -EINVAL },
	{ "fd00::/64", "fd00::1", -EINVAL },
	{ "fd00::/64", "fd00:0:0:1::2", -ERANGE },
	{ "fd00::/64", "10.0.0.2", -ERANGE },
	{ "fd00::/126", "fd00::3", 0 },
};

START_TEST(a_wished_address_is_given_once)
{
	const struct wish_row *row = &wishes[_i];
	cleanup(ipam_pool_freep) struct ipam_pool *pool = pool_of(row->prefix);

	struct ip_addr addr;

	ck_assert_int_eq(addr_parse(&addr, row->addr), 0);
	ck_assert_int_eq(ipam_pool_is_reserved(pool, &addr), row->result == -EINVAL);
	ck_assert_int_eq(take_addr(pool, row->addr), row->result);
	ck_assert_uint_eq(ipam_pool_used(pool), row->result ? 0 : 1);
	if (row->result)
		return;
	ck_assert_int_eq(take_addr(pool, row->addr), -EADDRINUSE);
	release(pool, row->addr);
	ck_assert_uint_eq(ipam_pool_used(pool), 0);
	ck_assert_int_eq(take_addr(pool, row->addr), 0);
}
END_TEST

START_TEST(a_wished_address_is_not_given_to_others)
{
	cleanup(ipam_pool_freep) struct ipam_pool *pool = pool_of("10.0.0.0/29");

	ck_assert_int_eq(take_addr(pool, "10.0.0.3"), 0);
	expect_take(pool, "10.0.0.2");
	expect_take(pool, "10.0.0.4");
}
END_TEST

START_TEST(giving_back_what_nobody_has_changes_nothing)
{
	static const char *const addrs[] = { "10.0.0.1", "10.0.0.7", "10.9.0.1", "11.0.0.1",
					     "fd00::1" };
	cleanup(ipam_pool_freep) struct ipam_pool *pool = pool_of("10.0.0.0/8");
	size_t available = ipam_pool_available(pool);

	expect_take(pool, "10.0.0.2");
	for (int i = 0; i < CHECK_COUNT(addrs); i++)
		release(pool, addrs[i]);
	ck_assert_uint_eq(ipam_pool_used(pool), 1);
	ck_assert_uint_eq(ipam_pool_available(pool), available - 1);
	release(pool, "10.0.0.2");
	release(pool, "10.0.0.2");
	ck_assert_uint_eq(ipam_pool_used(pool), 0);
}
END_TEST

START_TEST(addresses_beyond_the_span_are_bounded)
{
	cleanup(ipam_pool_freep) struct ipam_pool *pool = pool_of("10.0.0.0/8");
	char text[32];

	for (int i = 0; i < IPAM_FAR_MAX; i++) {
		snprintf(text, sizeof(text), "10.9.%d.%d", i / 256, i % 256);
		ck_assert_int_eq(take_addr(pool, text), 0);
	}
	ck_assert_int_eq(take_addr(pool, "10.10.0.0"), -ENOSPC);
	ck_assert_uint_eq(ipam_pool_available(pool), 65534);
	release(pool, "10.9.3.3");
	ck_assert_int_eq(take_addr(pool, "10.10.0.0"), 0);
}
END_TEST

START_TEST(half_a_byte_of_prefix_counts)
{
	cleanup(ipam_pool_freep) struct ipam_pool *pool = pool_of("10.16.0.0/12");
	struct ip_addr in = addr("10.31.255.255"), below = addr("10.15.255.255"),
		       above = addr("10.32.0.0");

	ck_assert(ipam_pool_contains(pool, &in));
	ck_assert(!ipam_pool_contains(pool, &below));
	ck_assert(!ipam_pool_contains(pool, &above));
}
END_TEST

CHECK_MAIN("ipam",
	   CHECK_LOOP(a_prefix_gives_what_is_left_beside_gateway_and_broadcast, sizes),
	   CHECK_TEST(a_full_pool_refuses),
	   CHECK_TEST(an_address_rests_until_the_others_had_their_turn),
	   CHECK_TEST(the_gateway_is_the_first_address),
	   CHECK_LOOP(a_wished_address_is_given_once, wishes),
	   CHECK_TEST(a_wished_address_is_not_given_to_others),
	   CHECK_TEST(giving_back_what_nobody_has_changes_nothing),
	   CHECK_TEST(addresses_beyond_the_span_are_bounded),
	   CHECK_TEST(half_a_byte_of_prefix_counts))
