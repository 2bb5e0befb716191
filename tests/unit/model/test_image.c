// SPDX-License-Identifier: Apache-2.0
/* What an image says about addresses and packets. */
#include <netinet/in.h>
#include <string.h>

#include "base/cleanup.h"
#include "image_ask.h"
#include "image_fixture.h"
#include "lib/check_main.h"
#include "objects_make.h"

START_TEST(without_policies_nothing_is_judged)
{
	cleanup(fixture_done) struct fixture f;

	fixture_init(&f);
	fixture_compile(&f);
	ck_assert_uint_eq(f.image->binding_count, 2);
	ck_assert_uint_eq(f.image->bindings[0].ifindex, IF_WEB);
	ck_assert_uint_eq(f.image->ruleset_count, 0);
	ck_assert_uint_eq(f.image->class_count, 1);
	ck_assert_uint_eq(f.image->classes[0].members, 3);
	ck_assert_uint_ne(f.image->bindings[0].class, 0);
	ck_assert_uint_eq(fixture_ruleset(&f, IF_WEB, POLICY_INGRESS), 0);
}
END_TEST

static const struct peer_case {
	const char *addr;
	int kind; /* -1: no entry */
	uint32_t ifindex;
} peer_cases[] = {
	{ "10.0.0.1", PEER_LOCAL_POD, IF_WEB }, /* claimed by a remote pod as well */
	{ "fd00::1", PEER_LOCAL_POD, IF_WEB },
	{ "10.1.0.1", PEER_REMOTE_POD, 0 },
	{ "192.0.2.1", PEER_HOST, 0 }, /* claimed by another node as well */
	{ "192.0.2.2", PEER_NODE, 0 }, /* claimed by a pod as well */
	{ "192.0.2.9", -1, 0 }, /* of this node's object, but not on it */
	{ "10.0.0.77", -1, 0 }, /* of a pod of this node without an endpoint */
	{ "10.1.0.2", -1, 0 }, /* of a hostNetwork pod */
	{ "10.1.0.3", -1, 0 }, /* of a finished pod */
	{ "10.1.0.4", -1, 0 }, /* of a pod whose node is unknown */
	{ "10.9.9.9", -1, 0 },
};

START_TEST(an_address_is_of_one_kind)
{
	const struct peer_case *c = &peer_cases[_i];
	cleanup(fixture_done) struct fixture f;
	const struct image_peer *peer;
	struct ip_addr addr = make_addr(c->addr);
	struct object *host = make_pod("ops", "host", "n2", "", "10.1.0.2 192.0.2.2", "");
	struct object *done = make_pod("ops", "done", "n2", "", "10.1.0.3", "");

	fixture_init(&f);
	host->pod.host_network = true;
	done->pod.finished = true;
	fixture_put(&f, host);
	fixture_put(&f, done);
	fixture_put(&f, make_pod("ops", "early", "", "", "10.1.0.4", ""));
	fixture_put(&f, make_pod("ops", "thief", "n2", "", "10.0.0.1 192.0.2.2 192.0.2.1", ""));
	fixture_put(&f, make_pod("shop", "ghost", "n1", "", "10.0.0.77", ""));
	fixture_put(&f, make_node("n1", "192.0.2.1 192.0.2.9"));
	fixture_put(&f, make_node("n2", "192.0.2.2 192.0.2.1"));
	fixture_compile(&f);
	peer = ask_peer(f.image, &addr);
	ck_assert_int_eq(peer ? (int)peer->kind : -1, c->kind);
	if (!peer)
		return;
	ck_assert_uint_eq(peer->ifindex, c->ifindex);
	ck_assert_int_eq(peer->class != 0,
			 c->kind == PEER_LOCAL_POD || c->kind == PEER_REMOTE_POD);
}
END_TEST

START_TEST(of_two_remote_pods_the_first_by_name_has_the_address)
{
	cleanup(fixture_done) struct fixture f;
	struct object *policy = make_policy("shop", "p", "app=db", "i");

	fixture_init(&f);
	fixture_put(&f, make_pod("ops", "b", "n2", "app=bad", "10.5.0.1", ""));
	fixture_put(&f, make_pod("ops", "a", "n3", "app=good", "10.5.0.1", ""));
	add_pods(add_rule(policy, POLICY_INGRESS), "", "app=good");
	fixture_put(&f, policy);
	fixture_compile(&f);
	ck_assert(fixture_allows(&f, POLICY_INGRESS, IF_DB, "10.5.0.1", IPPROTO_TCP, 80));
}
END_TEST

static const struct judge_case {
	const char *other;
	uint8_t proto;
	uint16_t port;
	bool allowed;
} ingress_cases[] = {
	{ "10.0.0.1", IPPROTO_TCP, 5432, true }, /* web, by the name of db's port */
	{ "fd00::1", IPPROTO_TCP, 5432, true },
	{ "10.0.0.1", IPPROTO_UDP, 5432, false },
	{ "10.0.0.1", IPPROTO_TCP, 8080, false }, /* web's own number means nothing here */
	{ "10.1.0.1", IPPROTO_TCP, 5432, true }, /* probe: every port and protocol */
	{ "10.1.0.1", IPPROTO_ICMP, 0, true },
	{ "172.16.0.1", IPPROTO_TCP, 1000, true },
	{ "172.16.0.1", IPPROTO_TCP, 1024, true },
	{ "172.16.0.1", IPPROTO_TCP, 1025, false },
	{ "172.16.5.1", IPPROTO_TCP, 1000, false }, /* excepted */
	{ "172.16.5.9", IPPROTO_UDP, 0, true }, /* inside what is excepted elsewhere */
	{ "172.16.5.9", IPPROTO_TCP, 1000, false },
	{ "192.0.2.1", IPPROTO_TCP, 5432, false },
};

START_TEST(ingress_rules_are_ored_and_peers_and_ports_anded)
{
	const struct judge_case *c = &ingress_cases[_i];
	cleanup(fixture_done) struct fixture f;
	struct object *policy = make_policy("shop", "p", "app=db", "i");
	struct policy_rule *rule;

	fixture_init(&f);
	rule = add_rule(policy, POLICY_INGRESS);
	add_pods(rule, NULL, "app=web");
	add_named_port(rule, IPPROTO_TCP, "sql");
	rule = add_rule(policy, POLICY_INGRESS);
	add_cidr(rule, "172.16.0.0/16", "172.16.5.0/24");
	add_ports(rule, IPPROTO_TCP, 1000, 1024);
	rule = add_rule(policy, POLICY_INGRESS);
	add_cidr(rule, "172.16.5.8/29", "");
	add_ports(rule, IPPROTO_UDP, 0, 65535);
	rule = add_rule(policy, POLICY_INGRESS);
	add_pods(rule, "team=blue", "app=probe");
	fixture_put(&f, policy);
	fixture_compile(&f);
	ck_assert_int_eq(fixture_allows(&f, POLICY_INGRESS, IF_DB, c->other, c->proto, c->port),
			 c->allowed);
	ck_assert_uint_eq(fixture_ruleset(&f, IF_WEB, POLICY_INGRESS), 0);
	ck_assert_uint_eq(fixture_ruleset(&f, IF_DB, POLICY_EGRESS), 0);
}
END_TEST

static const struct judge_case egress_cases[] = {
	{ "10.0.0.1", IPPROTO_TCP, 8080, true }, /* each by its own number of "http" */
	{ "10.0.0.1", IPPROTO_TCP, 9090, false },
	{ "10.1.0.1", IPPROTO_TCP, 9090, true },
	{ "10.1.0.1", IPPROTO_TCP, 8080, false },
	{ "10.0.0.2", IPPROTO_TCP, 8080, false }, /* db has no such port */
	{ "10.9.9.9", IPPROTO_TCP, 8080, false }, /* no pod */
	{ "10.9.9.9", IPPROTO_UDP, 53, true }, /* the numeric port of the same rule */
};

static void egress_by_name(const struct judge_case *c, bool block)
{
	cleanup(fixture_done) struct fixture f;
	struct object *policy = make_policy("shop", "p", "app=db", "e");
	struct policy_rule *rule = add_rule(policy, POLICY_EGRESS);

	fixture_init(&f);
	if (block)
		add_cidr(rule, "10.0.0.0/8", "");
	add_named_port(rule, IPPROTO_TCP, "http");
	add_ports(rule, IPPROTO_UDP, 53, 53);
	fixture_put(&f, policy);
	fixture_compile(&f);
	ck_assert_int_eq(fixture_allows(&f, POLICY_EGRESS, IF_DB, c->other, c->proto, c->port),
			 c->allowed);
}

START_TEST(egress_port_names_are_resolved_by_the_destination)
{
	egress_by_name(&egress_cases[_i], false);
}
END_TEST

START_TEST(also_when_it_lies_in_a_block)
{
	egress_by_name(&egress_cases[_i], true);
}
END_TEST

START_TEST(a_name_that_nobody_declares_still_isolates)
{
	cleanup(fixture_done) struct fixture f;
	struct object *policy = make_policy("shop", "p", "", "ie");

	fixture_init(&f);
	add_named_port(add_rule(policy, POLICY_INGRESS), IPPROTO_TCP, "nobody");
	add_named_port(add_rule(policy, POLICY_EGRESS), IPPROTO_TCP, "nobody");
	fixture_put(&f, policy);
	fixture_compile(&f);
	ck_assert_uint_eq(f.image->ruleset_count, 2);
	for (size_t i = 0; i < f.image->ruleset_count; i++) {
		const struct image_ruleset *set = &f.image->rulesets[i];

		ck_assert_uint_eq(set->header.tier_end[TIER_MAX - 1], 0);
		ck_assert_uint_eq(set->header.flags, RULESET_ISOLATED);
		ck_assert_uint_eq(set->header.words, 1);
		ck_assert_uint_eq(set->port_count + set->cidr_count + set->class_count, 0);
	}
	ck_assert(!fixture_allows(&f, POLICY_INGRESS, IF_DB, "10.0.0.1", IPPROTO_TCP, 80));
	ck_assert(!fixture_allows(&f, POLICY_EGRESS, IF_DB, "10.0.0.1", IPPROTO_TCP, 0));
}
END_TEST

START_TEST(a_rule_that_matches_nothing_still_isolates)
{
	cleanup(fixture_done) struct fixture f;
	struct object *policy = make_policy("shop", "p", "", "i");

	fixture_init(&f);
	add_rule(policy, POLICY_INGRESS)->matches_nothing = true;
	fixture_put(&f, policy);
	fixture_compile(&f);
	ck_assert(!fixture_allows(&f, POLICY_INGRESS, IF_DB, "10.0.0.1", IPPROTO_TCP, 80));
}
END_TEST

START_TEST(an_except_is_no_deny)
{
	cleanup(fixture_done) struct fixture f;
	struct object *policy = make_policy("shop", "p", "app=db", "i");
	struct policy_rule *rule = add_rule(policy, POLICY_INGRESS);

	fixture_init(&f);
	add_cidr(rule, "10.0.0.0/16", "10.0.9.0/24");
	add_cidr(rule, "10.0.9.128/25", "");
	add_cidr(rule, "0.0.0.0/0", "0.0.0.0/1 128.0.0.0/1");
	fixture_put(&f, policy);
	fixture_compile(&f);
	ck_assert(fixture_allows(&f, POLICY_INGRESS, IF_DB, "10.0.8.255", IPPROTO_TCP, 80));
	ck_assert(!fixture_allows(&f, POLICY_INGRESS, IF_DB, "10.0.9.1", IPPROTO_TCP, 80));
	ck_assert(fixture_allows(&f, POLICY_INGRESS, IF_DB, "10.0.9.200", IPPROTO_TCP, 80));
	ck_assert(!fixture_allows(&f, POLICY_INGRESS, IF_DB, "8.8.8.8", IPPROTO_TCP, 80));
	ck_assert(!fixture_allows(&f, POLICY_INGRESS, IF_DB, "fd00::1", IPPROTO_TCP, 80));
}
END_TEST

START_TEST(a_missing_namespace_has_its_name_as_label)
{
	cleanup(fixture_done) struct fixture f;
	struct object *policy = make_policy("shop", "p", "app=db", "i");

	fixture_init(&f);
	fixture_put(&f, make_pod("late", "x", "n2", "", "10.2.0.1", ""));
	add_pods(add_rule(policy, POLICY_INGRESS), "kubernetes.io/metadata.name=late", "");
	fixture_put(&f, policy);
	fixture_compile(&f);
	ck_assert(fixture_allows(&f, POLICY_INGRESS, IF_DB, "10.2.0.1", IPPROTO_TCP, 80));
}
END_TEST

START_TEST(an_endpoint_without_object_obeys_policies_for_all_pods)
{
	cleanup(fixture_done) struct fixture f;
	struct object *policy = make_policy("shop", "p", "", "i");

	fixture_init(&f);
	f.endpoints[0].pod = "nobody";
	fixture_put(&f, policy);
	fixture_compile(&f);
	ck_assert(!fixture_allows(&f, POLICY_INGRESS, IF_DB, "10.0.0.1", IPPROTO_TCP, 80));
}
END_TEST

START_TEST(a_finished_pod_is_no_peer_but_stays_isolated)
{
	cleanup(fixture_done) struct fixture f;
	struct object *web = make_pod("shop", "web", "n1", "app=web", "10.0.0.1", "");
	struct object *policy = make_policy("shop", "p", "", "i");

	fixture_init(&f);
	web->pod.finished = true;
	fixture_put(&f, web);
	add_pods(add_rule(policy, POLICY_INGRESS), NULL, "");
	fixture_put(&f, policy);
	fixture_compile(&f);
	ck_assert(!fixture_allows(&f, POLICY_INGRESS, IF_DB, "10.0.0.1", IPPROTO_TCP, 80));
	ck_assert(!fixture_allows(&f, POLICY_INGRESS, IF_WEB, "10.9.0.1", IPPROTO_TCP, 80));
}
END_TEST

/* It costs nothing as long as it selects no endpoint, and is there as soon as it does. */
START_TEST(a_policy_of_pods_elsewhere_waits_for_one_of_this_node)
{
	static const struct {
		const char *namespace, *name, *pods;
	} elsewhere[] = { { "shop", "a", "app=late" }, { "ops", "b", "" }, { "ops", "c", "app=probe" } };
	cleanup(fixture_done) struct fixture f;
	struct object *policy;
	size_t classes;

	fixture_init(&f);
	fixture_compile(&f);
	classes = f.image->class_count;
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
		policy = make_policy(elsewhere[i].namespace, elsewhere[i].name, elsewhere[i].pods, "i");
		add_pods(add_rule(policy, POLICY_INGRESS), NULL, "app=web");
		add_pods(add_rule(policy, POLICY_INGRESS), "team=blue", "app=probe");
		fixture_put(&f, policy);
	}
	fixture_compile(&f);
	ck_assert_uint_eq(f.image->ruleset_count, 0);
	ck_assert_uint_eq(f.image->class_count, classes);
	fixture_put(&f, make_pod("shop", "db", "n1", "app=late", "10.0.0.2", ""));
	fixture_compile(&f);
	ck_assert_uint_eq(f.image->ruleset_count, 1);
	ck_assert(fixture_allows(&f, POLICY_INGRESS, IF_DB, "10.0.0.1", IPPROTO_TCP, 80));
	ck_assert(fixture_allows(&f, POLICY_INGRESS, IF_DB, "10.1.0.1", IPPROTO_TCP, 80));
	ck_assert(!fixture_allows(&f, POLICY_INGRESS, IF_DB, "10.9.0.1", IPPROTO_TCP, 80));
	f.endpoints[1] = (struct image_endpoint){ IF_WEB, "ops", "probe", { make_addr("10.1.0.1") } };
	fixture_compile(&f);
	ck_assert_uint_eq(f.image->ruleset_count, 2);
	ck_assert(!fixture_allows(&f, POLICY_INGRESS, IF_WEB, "10.0.0.2", IPPROTO_TCP, 80));
}
END_TEST

CHECK_MAIN("image", CHECK_TEST(without_policies_nothing_is_judged),
	   CHECK_LOOP(an_address_is_of_one_kind, peer_cases),
	   CHECK_TEST(of_two_remote_pods_the_first_by_name_has_the_address),
	   CHECK_LOOP(ingress_rules_are_ored_and_peers_and_ports_anded, ingress_cases),
	   CHECK_LOOP(egress_port_names_are_resolved_by_the_destination, egress_cases),
	   CHECK_LOOP(also_when_it_lies_in_a_block, egress_cases),
	   CHECK_TEST(a_name_that_nobody_declares_still_isolates),
	   CHECK_TEST(a_rule_that_matches_nothing_still_isolates),
	   CHECK_TEST(an_except_is_no_deny),
	   CHECK_TEST(a_policy_of_pods_elsewhere_waits_for_one_of_this_node),
	   CHECK_TEST(a_missing_namespace_has_its_name_as_label),
	   CHECK_TEST(an_endpoint_without_object_obeys_policies_for_all_pods),
	   CHECK_TEST(a_finished_pod_is_no_peer_but_stays_isolated))
