// SPDX-License-Identifier: Apache-2.0
/* How a rule set looks: its groups, header and tables. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/cleanup.h"
#include "image_fixture.h"
#include "lib/check_main.h"
#include "objects_make.h"

START_TEST(rules_with_equal_ports_are_one_group)
{
	cleanup(fixture_done) struct fixture f;
	struct object *policy = make_policy("shop", "p", "app=db", "i");
	const struct image_ruleset *set;
	struct policy_rule *rule;

	fixture_init(&f);
	rule = add_rule(policy, POLICY_INGRESS);
	add_pods(rule, NULL, "app=web");
	add_ports(rule, IPPROTO_TCP, 80, 80);
	add_ports(rule, IPPROTO_TCP, 81, 90);
	rule = add_rule(policy, POLICY_INGRESS);
	add_cidr(rule, "10.0.0.0/8", "10.1.0.0/16 10.1.2.0/24");
	add_ports(rule, IPPROTO_TCP, 80, 90);
	add_ports(rule, IPPROTO_TCP, 85, 86);
	fixture_put(&f, policy);
	fixture_compile(&f);
	set = fixture_ingress(&f, IF_DB);
	ck_assert_uint_eq(set->header.tier_end[TIER_MAX - 1], 1);
	ck_assert_uint_eq(set->explanation->policy_count, 1);
	ck_assert_str_eq(set->explanation->policies[0].name, "NetworkPolicy shop/p");
	ck_assert_uint_eq(set->header.allow, 1);
	ck_assert_uint_eq(set->header.pass, 0);
	ck_assert_uint_eq(set->header.tier_end[TIER_ADMIN], 0);
	ck_assert_uint_eq(set->header.tier_end[TIER_NETWORK_POLICY], 1);
	ck_assert_uint_eq(set->header.tier_end[TIER_BASELINE], 1);
	ck_assert_uint_eq(set->header.flags, RULESET_ISOLATED | RULESET_CIDR4);
	ck_assert_uint_eq(set->cidr_count, 2);
	ck_assert_uint_eq(set->cidrs[0].bits, 1);
	ck_assert_uint_eq(set->cidrs[1].bits, 0);
}
END_TEST

START_TEST(values_of_ports_are_cumulative)
{
	static const struct {
		uint32_t prefixlen;
		uint8_t proto;
		uint16_t port;
		int groups;
	} want[] = {
		{ POLICY_PORT_SET_BITS, 0, 0, 1 },
		{ POLICY_PORT_PROTO_BITS, IPPROTO_TCP, 0, 2 },
		{ POLICY_PORT_FULL_BITS, IPPROTO_TCP, 443, 3 },
		{ POLICY_PORT_FULL_BITS - 1, IPPROTO_UDP, 1000, 2 },
		{ POLICY_PORT_FULL_BITS, IPPROTO_UDP, 1002, 2 },
	};
	cleanup(fixture_done) struct fixture f;
	struct object *policy = make_policy("shop", "p", "app=db", "i");
	const struct image_ruleset *set;

	fixture_init(&f);
	add_rule(policy, POLICY_INGRESS);
	add_ports(add_rule(policy, POLICY_INGRESS), IPPROTO_TCP, 0, 65535);
	add_ports(add_rule(policy, POLICY_INGRESS), IPPROTO_TCP, 443, 443);
	add_ports(add_rule(policy, POLICY_INGRESS), IPPROTO_UDP, 1000, 1002);
	fixture_put(&f, policy);
	fixture_compile(&f);
	set = fixture_ingress(&f, IF_DB);
	ck_assert_uint_eq(set->port_count, CHECK_COUNT(want));
	for (int i = 0; i < CHECK_COUNT(want); i++) {
		const struct policy_port_key *key = &set->ports[i].key;

		ck_assert_uint_eq(ntohl(key->set), set->id);
		ck_assert_uint_eq(key->prefixlen, want[i].prefixlen);
		ck_assert_uint_eq(key->proto, want[i].proto);
		ck_assert_uint_eq(ntohs(key->port), want[i].port);
		ck_assert_int_eq(__builtin_popcountll(set->ports[i].bits), want[i].groups);
	}
	ck_assert_uint_eq(set->header.any_peer, 0xf);
}
END_TEST

CHECK_MAIN("image_tables", CHECK_TEST(rules_with_equal_ports_are_one_group),
	   CHECK_TEST(values_of_ports_are_cumulative))
