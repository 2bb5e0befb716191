// SPDX-License-Identifier: Apache-2.0
/* The three tiers: what they decide together, how they are explained, how many rules they take. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "image_ask.h"
#include "image_fixture.h"
#include "lib/check_main.h"
#include "objects_make.h"

#define CNP OBJECT_CLUSTER_NETWORK_POLICY
#define WEB "10.0.0.1" /* shop/web, a pod of this node */
#define PROBE "10.1.0.1" /* ops/probe, of another */
#define WORLD "198.51.100.7"
#define NODE "192.0.2.2" /* n2 */

/* A rule of an ordered policy, about egress of db. */
struct spec {
	enum policy_tier tier;
	uint32_t priority;
	enum policy_action action;
	const char *namespaces; /* a pod peer's; NULL: not a pod peer */
	const char *cidr;
	const char *nodes;
	uint16_t port; /* of TCP; 0: everything */
};

#define PODS(tier, priority, action, ns, ...)                                               \
	{ tier, priority, action, .namespaces = ns, ##__VA_ARGS__ }
#define NET(tier, priority, action, range, ...)                                             \
	{ tier, priority, action, .cidr = range, ##__VA_ARGS__ }
#define NODES(tier, priority, action, sel, ...)                                             \
	{ tier, priority, action, .nodes = sel, ##__VA_ARGS__ }
#define A TIER_ADMIN
#define B TIER_BASELINE
#define ACCEPT ACTION_ALLOW
#define DENY ACTION_DENY
#define PASS ACTION_PASS

/* What the NetworkPolicy of db says about egress. */
enum np { NP_NONE, NP_INGRESS_ONLY, NP_NOTHING, NP_WEB };

struct tier_case {
	const char *name;
	struct spec specs[4]; /* a policy each, named in the order they stand */
	enum np np;
	const char *open, *closed; /* addresses, TCP port 80 */
	const char *open_81, *closed_81;
};

static const struct tier_case cases[] = {
	{ "an admin deny beats what the namespace allows",
	  { PODS(A, 10, DENY, "team=red") }, NP_WEB, NULL, WEB " " PROBE },
	{ "an admin accept beats isolation",
	  { PODS(A, 10, ACCEPT, "team=blue") }, NP_NOTHING, PROBE, WEB },
	{ "a pass leaves it to the namespace",
	  { PODS(A, 10, PASS, "team=red"), PODS(A, 20, DENY, "") }, NP_WEB, WEB, PROBE },
	{ "a pass that nobody takes up leads to the baseline",
	  { PODS(A, 10, PASS, ""), NET(A, 11, DENY, "0.0.0.0/0"),
	    PODS(B, 5, DENY, "team=blue") }, NP_NONE, WEB, PROBE " " WORLD },
	{ "a pass that no tier takes up is allowed",
	  { PODS(A, 10, PASS, ""), NET(A, 11, DENY, "0.0.0.0/0") }, NP_NONE, WEB " " PROBE, WORLD },
	{ "the lower number comes first",
	  { PODS(A, 60, PASS, ""), PODS(A, 50, DENY, "team=red") }, NP_NONE, PROBE, WEB },
	{ "whatever the tier of the other",
	  { PODS(B, 0, DENY, ""), PODS(A, 1000, ACCEPT, "team=red") }, NP_NONE, WEB, PROBE },
	{ "of equal numbers the name decides",
	  { PODS(A, 5, ACCEPT, "team=red"), PODS(A, 5, DENY, "") }, NP_NONE, WEB, PROBE },
	{ "the baseline speaks when the namespace is silent",
	  { PODS(B, 5, DENY, "") }, NP_NONE, WORLD, WEB " " PROBE },
	{ "and not when it isolates",
	  { PODS(B, 5, DENY, "") }, NP_WEB, WEB, PROBE " " WORLD },
	{ "isolation of ingress does not hide it from egress",
	  { PODS(B, 5, DENY, "") }, NP_INGRESS_ONLY, WORLD, WEB " " PROBE },
	{ "a baseline accept comes before its denies",
	  { PODS(B, 5, ACCEPT, "team=red"), NET(B, 6, DENY, "0.0.0.0/0") }, NP_NONE, WEB,
	    PROBE " " WORLD },
	{ "a network covers pods and nodes",
	  { NET(A, 5, DENY, "0.0.0.0/0") }, NP_NONE, "fd00::1", WEB " " PROBE " " WORLD " " NODE },
	{ "and only its own family",
	  { NET(A, 5, DENY, "::/0") }, NP_NONE, WEB " " WORLD, "fd00::1 2001:db8::9" },
	{ "the first rule counts, not the longest prefix",
	  { NET(A, 5, DENY, "10.0.0.0/8"), NET(A, 6, ACCEPT, "10.1.0.1/32") }, NP_NONE, WORLD,
	    PROBE " " WEB },
	{ "nor the shortest",
	  { NET(A, 5, ACCEPT, "10.1.0.1/32"), NET(A, 6, DENY, "10.0.0.0/8") }, NP_NONE,
	    PROBE " " WORLD, WEB },
	{ "a port narrows the rule",
	  { PODS(A, 5, ACCEPT, "", .port = 80), PODS(A, 6, DENY, "") }, NP_NONE, WEB " " PROBE, NULL,
	    NULL, WEB " " PROBE },
	{ "nodes are where their objects say",
	  { NODES(A, 5, DENY, "zone=far") }, NP_NONE, "192.0.2.1 " WORLD, NODE },
	{ "this one too",
	  { NODES(A, 5, DENY, "") }, NP_NONE, WEB " " WORLD, "192.0.2.1 " NODE },
	{ "nodes that nobody is are nobody",
	  { NODES(A, 5, DENY, "zone=moon") }, NP_NONE, "192.0.2.1 " NODE " " WORLD, NULL },
};

static void add_spec(struct fixture *f, const struct spec *spec, unsigned int number)
{
	struct policy_rule *rule;
	struct object *obj;
	char name[16];

	sprintf(name, "p%u", number);
	obj = make_ordered_policy(CNP, name, spec->tier, spec->priority, "team=red", "app=db");
	rule = add_rule(obj, POLICY_EGRESS);
	rule->action = spec->action;
	if (spec->namespaces)
		add_pods(rule, spec->namespaces, "");
	if (spec->cidr)
		add_cidr(rule, spec->cidr, "");
	if (spec->nodes)
		add_nodes(rule, spec->nodes);
	if (spec->port)
		add_ports(rule, IPPROTO_TCP, spec->port, spec->port);
	fixture_put(f, obj);
}

static void add_np(struct fixture *f, enum np np)
{
	struct object *obj;

	if (np == NP_NONE)
		return;
	obj = make_policy("shop", "np", "app=db", np == NP_INGRESS_ONLY ? "i" : "e");
	if (np == NP_WEB)
		add_pods(add_rule(obj, POLICY_EGRESS), NULL, "app=web");
	fixture_put(f, obj);
}

static void ask_all(const struct fixture *f, const char *name, const char *addrs, uint16_t port,
		    bool allowed)
{
	cleanup(freep) char *words = strdup(addrs ?: "");
	char *save = NULL;

	for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save))
		ck_assert_msg(fixture_allows(f, POLICY_EGRESS, IF_DB, word, IPPROTO_TCP, port) ==
				      allowed, "%s: %s port %u must be %s", name, word, port,
			      allowed ? "open" : "closed");
}

START_TEST(tiers_decide_one_after_the_other)
{
	const struct tier_case *c = &cases[_i];
	cleanup(fixture_done) struct fixture f;
	struct object *far = make_node("n2", NODE);

	fixture_init(&f);
	label_node(far, "zone=far");
	fixture_put(&f, far);
	for (unsigned int i = 0; i < 4 && (c->specs[i].namespaces || c->specs[i].cidr ||
					   c->specs[i].nodes); i++)
		add_spec(&f, &c->specs[i], i);
	add_np(&f, c->np);
	fixture_compile(&f);
	ask_all(&f, c->name, c->open, 80, true);
	ask_all(&f, c->name, c->closed, 80, false);
	ask_all(&f, c->name, c->open_81, 81, true);
	ask_all(&f, c->name, c->closed_81, 81, false);
	/* Nobody else is concerned. */
	ck_assert_uint_eq(fixture_ruleset(&f, IF_WEB, POLICY_EGRESS), 0);
}
END_TEST

START_TEST(a_policy_without_rules_of_a_direction_has_no_say_in_it)
{
	cleanup(fixture_done) struct fixture f;
	struct object *obj = make_ordered_policy(CNP, "c", TIER_ADMIN, 1, "", "");

	fixture_init(&f);
	add_rule(obj, POLICY_INGRESS)->action = ACTION_DENY;
	fixture_put(&f, obj);
	fixture_put(&f, make_ordered_policy(CNP, "empty", TIER_ADMIN, 0, "", ""));
	fixture_compile(&f);
	ck_assert_uint_eq(fixture_ruleset(&f, IF_DB, POLICY_EGRESS), 0);
	ck_assert_uint_eq(fixture_ingress(&f, IF_DB)->explanation->policy_count, 1);
	ck_assert(!fixture_allows(&f, POLICY_INGRESS, IF_DB, WEB, IPPROTO_ICMP, 0));
}
END_TEST

START_TEST(a_silenced_rule_isolates_nobody)
{
	cleanup(fixture_done) struct fixture f;
	struct object *obj = make_ordered_policy(CNP, "c", TIER_ADMIN, 1, "", "");

	fixture_init(&f);
	add_rule(obj, POLICY_EGRESS)->matches_nothing = true;
	fixture_put(&f, obj);
	fixture_compile(&f);
	ck_assert(fixture_allows(&f, POLICY_EGRESS, IF_DB, WORLD, IPPROTO_TCP, 80));
}
END_TEST

/* Order matters only where the action changes, so only there groups cannot be shared. */
START_TEST(rules_of_one_action_share_groups)
{
	cleanup(fixture_done) struct fixture f;
	struct object *obj = make_ordered_policy(CNP, "c", TIER_ADMIN, 1, "", "app=db");
	const struct image_ruleset *set;
	static const enum policy_action actions[] = { ACCEPT, ACCEPT, DENY, ACCEPT, ACCEPT };

	fixture_init(&f);
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		struct policy_rule *rule = add_rule(obj, POLICY_INGRESS);

		rule->action = actions[i];
		add_pods(rule, "", i % 2 ? "app=web" : "app=probe");
		add_ports(rule, IPPROTO_TCP, 80, 80);
	}
	fixture_put(&f, obj);
	fixture_compile(&f);
	set = fixture_ingress(&f, IF_DB);
	ck_assert_uint_eq(set->header.tier_end[TIER_ADMIN], 3);
	ck_assert_uint_eq(set->header.allow, 1 << 0 | 1 << 2);
	ck_assert_uint_eq(set->explanation->rule_count, 5);
}
END_TEST

struct text_case {
	enum policy_dir dir;
	const char *text;
};

static const struct text_case texts[] = {
	{ POLICY_INGRESS, "from pods app=web in namespaces team=red, 10.0.0.0/8; "
			  "all ports and protocols" },
	{ POLICY_INGRESS, "from nodes zone; ports 80/tcp, 1-9/udp, all sctp" },
	{ POLICY_INGRESS, "from anywhere; ports sql=5432/tcp, nothing=none" },
	{ POLICY_INGRESS, "nothing: the rule could not be read" },
	{ POLICY_INGRESS, "from anywhere; all ports and protocols; the rule could not be read" },
	{ POLICY_EGRESS, "to pods * in namespaces *; ports http" },
	{ POLICY_EGRESS, "to pods * in namespaces *; ports http/tcp, 5/tcp" },
};

static void add_name_of_all(struct policy_rule *rule, const char *name)
{
	add_named_port(rule, IPPROTO_TCP, name);
	add_named_port(rule, IPPROTO_UDP, name);
	add_named_port(rule, IPPROTO_SCTP, name);
}

static struct object *explained(void)
{
	struct object *obj = make_ordered_policy(CNP, "c", TIER_BASELINE, 9, "team=red", "app=db");
	struct policy_rule *rule = add_rule(obj, POLICY_INGRESS);

	rule->action = ACTION_DENY;
	rule->name = strdup("no-one");
	add_pods(rule, "team=red", "app=web");
	add_cidr(rule, "10.0.0.0/8", "");
	rule = add_rule(obj, POLICY_INGRESS);
	add_nodes(rule, "zone");
	add_ports(rule, IPPROTO_TCP, 80, 80);
	add_ports(rule, IPPROTO_UDP, 1, 9);
	add_ports(rule, IPPROTO_SCTP, 0, 65535);
	rule = add_rule(obj, POLICY_INGRESS);
	add_name_of_all(rule, "sql");
	add_name_of_all(rule, "nothing");
	policy_rule_close(add_rule(obj, POLICY_INGRESS));
	rule = add_rule(obj, POLICY_INGRESS);
	rule->action = ACTION_PASS;
	add_pods(rule, "", "app=web");
	policy_rule_close(rule);
	rule = add_rule(obj, POLICY_EGRESS);
	add_pods(rule, "", "");
	add_name_of_all(rule, "http");
	rule = add_rule(obj, POLICY_EGRESS);
	add_pods(rule, "", "");
	add_named_port(rule, IPPROTO_TCP, "http");
	add_ports(rule, IPPROTO_TCP, 5, 5);
	return obj;
}

START_TEST(rules_are_told_as_they_were_written)
{
	cleanup(fixture_done) struct fixture f;
	size_t at[POLICY_DIR_MAX] = {};

	fixture_init(&f);
	fixture_put(&f, explained());
	fixture_compile(&f);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		enum policy_dir dir = texts[i].dir;
		const struct image_ruleset *set =
			ask_ruleset(f.image, fixture_ruleset(&f, IF_DB, dir));
		const struct image_rule *rule = &set->explanation->rules[at[dir]];

		ck_assert_str_eq(rule->text, texts[i].text);
		ck_assert_uint_eq(rule->index, at[dir]++);
	}
}
END_TEST

START_TEST(a_closed_policy_says_why_it_only_denies)
{
	static const enum policy_action actions[] = { ACCEPT, PASS, DENY };
	cleanup(fixture_done) struct fixture f;
	struct object *obj = make_ordered_policy(CNP, "c", TIER_ADMIN, 1, "", "app=db");
	const struct image_explanation *told;

	fixture_init(&f);
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		struct policy_rule *rule = add_rule(obj, POLICY_INGRESS);

		rule->action = actions[i];
		add_pods(rule, "", "app=web");
	}
	policy_close(&obj->policy);
	fixture_put(&f, obj);
	fixture_compile(&f);
	told = fixture_ingress(&f, IF_DB)->explanation;
	ck_assert_str_eq(told->policies[0].why, "selects pods app=db in namespaces *; allows nothing,"
			 " because not all of it could be read");
	ck_assert_str_eq(told->rules[0].text, "nothing: the policy could not be read");
	ck_assert_int_eq(told->rules[1].action, ACTION_DENY);
	ck_assert_str_eq(told->rules[1].text, told->rules[2].text);
	ck_assert(!fixture_allows(&f, POLICY_INGRESS, IF_DB, WEB, IPPROTO_TCP, 80));
}
END_TEST

START_TEST(policies_stand_in_the_order_of_evaluation_with_their_reason)
{
	static const struct {
		const char *name, *why;
		enum policy_tier tier;
	} expected[] = {
		{ "AdminNetworkPolicy a", "selects pods * in namespaces *", TIER_ADMIN },
		{ "ClusterNetworkPolicy z", "selects pods app=db in namespaces *", TIER_ADMIN },
		{ "NetworkPolicy shop/np", "selects pods app=db in namespace shop",
		  TIER_NETWORK_POLICY },
		{ "ClusterNetworkPolicy c", "selects pods app=db in namespaces team=red",
		  TIER_BASELINE },
		{ "BaselineAdminNetworkPolicy default", "selects pods * in namespaces *",
		  TIER_BASELINE },
	};
	cleanup(fixture_done) struct fixture f;
	struct object *obj = make_ordered_policy(OBJECT_BASELINE_ADMIN_NETWORK_POLICY, "default",
						 TIER_BASELINE, POLICY_PRIORITY_LAST, "", "");
	const struct image_ruleset *set;

	fixture_init(&f);
	add_rule(obj, POLICY_INGRESS);
	fixture_put(&f, obj);
	fixture_put(&f, explained());
	obj = make_ordered_policy(CNP, "z", TIER_ADMIN, 3, "", "app=db");
	add_rule(obj, POLICY_INGRESS);
	fixture_put(&f, obj);
	obj = make_ordered_policy(OBJECT_ADMIN_NETWORK_POLICY, "a", TIER_ADMIN, 3, "", "");
	add_rule(obj, POLICY_INGRESS);
	fixture_put(&f, obj);
	fixture_put(&f, make_policy("shop", "np", "app=db", "i"));
	fixture_compile(&f);
	set = fixture_ingress(&f, IF_DB);
	ck_assert_uint_eq(set->explanation->policy_count, 5);
	for (size_t i = 0; i < 5; i++) {
		ck_assert_str_eq(set->explanation->policies[i].name, expected[i].name);
		ck_assert_str_eq(set->explanation->policies[i].why, expected[i].why);
		ck_assert_uint_eq(set->explanation->policies[i].tier, expected[i].tier);
	}
	ck_assert_str_eq(set->explanation->rules[2].name, "no-one");
	ck_assert_uint_eq(set->explanation->rules[2].policy, 3);
	ck_assert_uint_eq(set->explanation->rules[2].action, ACTION_DENY);
}
END_TEST

/* The texts are made again when what they were made from is another, and only then. */
START_TEST(a_changed_policy_is_told_anew_and_others_keep_their_texts)
{
	cleanup(fixture_done) struct fixture f;
	const struct image_explanation *changed, *kept;
	struct object *obj = make_policy("shop", "web", "app=web", "i");

	fixture_init(&f);
	add_cidr(add_rule(obj, POLICY_INGRESS), "198.51.100.0/24", "");
	fixture_put(&f, obj);
	fixture_put(&f, explained());
	fixture_compile(&f);
	changed = fixture_ingress(&f, IF_WEB)->explanation;
	kept = fixture_ingress(&f, IF_DB)->explanation;

	obj = make_policy("shop", "web", "app=web", "i");
	add_cidr(add_rule(obj, POLICY_INGRESS), "203.0.113.0/24", "");
	fixture_put(&f, obj);
	fixture_compile(&f);
	ck_assert_ptr_eq(fixture_ingress(&f, IF_DB)->explanation, kept);
	ck_assert_ptr_ne(fixture_ingress(&f, IF_WEB)->explanation, changed);
	ck_assert_str_eq(fixture_ingress(&f, IF_WEB)->explanation->rules[0].text,
			 "from 203.0.113.0/24; all ports and protocols");
}
END_TEST

START_TEST(another_meaning_of_a_port_name_is_told_anew)
{
	cleanup(fixture_done) struct fixture f;
	struct object *obj = make_policy("shop", "db", "app=db", "i");

	fixture_init(&f);
	add_named_port(add_rule(obj, POLICY_INGRESS), IPPROTO_TCP, "sql");
	fixture_put(&f, obj);
	fixture_compile(&f);
	ck_assert_str_eq(fixture_ingress(&f, IF_DB)->explanation->rules[0].text,
			 "from anywhere; ports sql=5432/tcp");
	fixture_put(&f, make_pod("shop", "db", "n1", "app=db", "10.0.0.2", "sql/tcp=3306"));
	fixture_compile(&f);
	ck_assert_str_eq(fixture_ingress(&f, IF_DB)->explanation->rules[0].text,
			 "from anywhere; ports sql=3306/tcp");
}
END_TEST

#define MANY_POLICIES 700
#define MANY_RULES 100 /* of each */

/* Rule @i of all: TCP port i % 60000 + 1 of one of ten networks, accepted or denied in turn. */
static void add_many(struct fixture *f)
{
	static const char *const nets[] = {
		"198.51.100.0/32", "198.51.100.1/32", "198.51.100.2/32", "198.51.100.3/32",
		"198.51.100.4/32", "198.51.100.5/32", "198.51.100.6/32", "198.51.100.7/32",
		"198.51.100.8/32", "198.51.100.9/32",
	};

	for (unsigned int p = 0; p < MANY_POLICIES; p++) {
		struct object *obj;
		char name[16];

		sprintf(name, "p%04u", p);
		obj = make_ordered_policy(CNP, name, TIER_ADMIN, p, "", "app=db");
		for (unsigned int i = 0; i < MANY_RULES; i++) {
			struct policy_rule *rule = add_rule(obj, POLICY_EGRESS);
			unsigned int number = p * MANY_RULES + i;
			uint16_t port = (uint16_t)(number / 1000 + 1);

			rule->action = number % 2 ? ACTION_DENY : ACTION_ALLOW;
			add_cidr(rule, nets[number % 10], "");
			add_ports(rule, IPPROTO_TCP, port, port);
		}
		fixture_put(f, obj);
	}
}

/* A rule number must not be cut to 16 bits anywhere: the last rules decide like the first. */
START_TEST(more_than_65536_rules_keep_their_order)
{
	cleanup(fixture_done) struct fixture f;
	struct object *last = make_ordered_policy(CNP, "zz", TIER_ADMIN, 1000, "", "app=db");
	struct policy_rule *rule = add_rule(last, POLICY_EGRESS);
	const struct image_ruleset *set;

	fixture_init(&f);
	add_many(&f);
	rule->action = ACTION_DENY;
	add_cidr(rule, "203.0.113.0/24", "");
	fixture_put(&f, last);
	fixture_compile(&f);
	set = ask_ruleset(f.image, fixture_ruleset(&f, IF_DB, POLICY_EGRESS));
	ck_assert_uint_gt(set->header.tier_end[TIER_ADMIN], 65536);
	/* Port 70 is spoken of by rules 69,000 and on only. Even networks accept, odd ones deny. */
	ck_assert(fixture_allows(&f, POLICY_EGRESS, IF_DB, "198.51.100.4", IPPROTO_TCP, 70));
	ck_assert(!fixture_allows(&f, POLICY_EGRESS, IF_DB, "198.51.100.5", IPPROTO_TCP, 70));
	ck_assert(!fixture_allows(&f, POLICY_EGRESS, IF_DB, "198.51.100.5", IPPROTO_TCP, 1));
	ck_assert(fixture_allows(&f, POLICY_EGRESS, IF_DB, "198.51.100.5", IPPROTO_TCP, 71));
	ck_assert(!fixture_allows(&f, POLICY_EGRESS, IF_DB, "203.0.113.9", IPPROTO_UDP, 9));
	ck_assert(fixture_allows(&f, POLICY_EGRESS, IF_DB, "203.0.114.9", IPPROTO_UDP, 9));
}
END_TEST

CHECK_MAIN("image_tiers", CHECK_LOOP(tiers_decide_one_after_the_other, cases),
	   CHECK_TEST(a_policy_without_rules_of_a_direction_has_no_say_in_it),
	   CHECK_TEST(a_silenced_rule_isolates_nobody), CHECK_TEST(rules_of_one_action_share_groups),
	   CHECK_TEST(rules_are_told_as_they_were_written),
	   CHECK_TEST(a_closed_policy_says_why_it_only_denies),
	   CHECK_TEST(policies_stand_in_the_order_of_evaluation_with_their_reason),
	   CHECK_TEST(a_changed_policy_is_told_anew_and_others_keep_their_texts),
	   CHECK_TEST(another_meaning_of_a_port_name_is_told_anew),
	   CHECK_TEST(more_than_65536_rules_keep_their_order))
