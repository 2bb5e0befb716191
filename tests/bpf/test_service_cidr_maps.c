// SPDX-License-Identifier: Apache-2.0
/* What the agent tells the datapath of service CIDRs: one that stays keeps its place. */
#include <string.h>

#include "bpffs_main.h"
#include "reconcile/service_cidrs.h"

/* @texts ends with NULL. */
static bool write_texts(struct datapath *dp, const char *const *texts)
{
	struct service_cidrs cidrs = {};
	struct prefix prefix;

	for (; *texts; texts++) {
		ck_assert_int_eq(prefix_parse(&prefix, NULL, *texts), 0);
		ck_assert_int_eq(service_cidrs_add(&cidrs, &prefix), 0);
	}
	return service_cidrs_write(dp, &cidrs);
}

#define WRITE(dp, ...) write_texts(dp, (const char *const[]){ __VA_ARGS__ })

static void expect(struct datapath *dp, int place, const char *addr, const char *rest)
{
	volatile struct service_cidr *cidr = &datapath_state(dp)->service_cidr[place];
	struct service_cidr read;
	struct ip_addr wanted;

	for (int i = 0; i < 2; i++) {
		read.addr.halves[i] = cidr->addr.halves[i];
		read.rest.halves[i] = cidr->rest.halves[i];
	}

	ck_assert_int_eq(addr_parse(&wanted, addr), 0);
	ck_assert_mem_eq(&read.addr, &wanted, sizeof(wanted));
	ck_assert_int_eq(addr_parse(&wanted, rest), 0);
	/* The bits of an IPv4 prefix are the last ones. */
	if (ip_addr_is_v4(&wanted))
		wanted.words[2] = 0;
	ck_assert_mem_eq(&read.rest, &wanted, sizeof(wanted));
}

START_TEST(a_prefix_becomes_its_other_bits)
{
	struct datapath *dp = open_datapath();

	ck_assert(WRITE(dp, "10.96.0.0/12", "fd96::/108", "192.0.2.1/32", "2001:db8::/32", NULL));
	ck_assert_uint_eq(datapath_state(dp)->service_cidrs, 4);
	expect(dp, 0, "10.96.0.0", "0.15.255.255");
	expect(dp, 1, "fd96::", "::f:ffff");
	expect(dp, 2, "192.0.2.1", "0.0.0.0");
	expect(dp, 3, "2001:db8::", "0:0:ffff:ffff:ffff:ffff:ffff:ffff");
	expect(dp, 4, "::", "::");
	datapath_free(dp);
}
END_TEST

START_TEST(what_stays_keeps_its_place)
{
	struct datapath *dp = open_datapath();

	WRITE(dp, "10.96.0.0/16", "fd96::/112", "10.98.0.0/16", NULL);
	ck_assert(WRITE(dp, "10.98.0.0/16", "10.99.0.0/16", NULL));
	expect(dp, 0, "10.99.0.0", "0.0.255.255");
	expect(dp, 1, "::", "::");
	expect(dp, 2, "10.98.0.0", "0.0.255.255");
	ck_assert_uint_eq(datapath_state(dp)->service_cidrs, 2);
	ck_assert(!WRITE(dp, "10.99.0.0/16", "10.98.0.0/16", NULL));
	ck_assert(WRITE(dp, NULL));
	for (int i = 0; i < SERVICE_CIDRS_MAX; i++)
		expect(dp, i, "::", "::");
	ck_assert_uint_eq(datapath_state(dp)->service_cidrs, 0);
	datapath_free(dp);
}
END_TEST

START_TEST(what_somebody_altered_is_put_right)
{
	struct datapath *dp = open_datapath();
	volatile struct node_state *state = datapath_state(dp);
	volatile struct service_cidr *last = &state->service_cidr[SERVICE_CIDRS_MAX - 1];

	WRITE(dp, "10.96.0.0/16", "fd96::/112", NULL);
	state->service_cidr[1].rest.halves[0] = 1;
	ck_assert(WRITE(dp, "10.96.0.0/16", "fd96::/112", NULL));
	expect(dp, 1, "fd96::", "::ffff");
	/* One that is there twice. */
	last->addr.halves[0] = state->service_cidr[1].addr.halves[0];
	last->rest.halves[1] = state->service_cidr[1].rest.halves[1];
	state->service_cidrs = 0;
	ck_assert(WRITE(dp, "10.96.0.0/16", "fd96::/112", NULL));
	expect(dp, SERVICE_CIDRS_MAX - 1, "::", "::");
	ck_assert_uint_eq(state->service_cidrs, 2);
	ck_assert(!WRITE(dp, "10.96.0.0/16", "fd96::/112", NULL));
	datapath_free(dp);
}
END_TEST

BPFFS_MAIN("service_cidr_maps", CHECK_TEST(a_prefix_becomes_its_other_bits),
	   CHECK_TEST(what_stays_keeps_its_place), CHECK_TEST(what_somebody_altered_is_put_right))
