// SPDX-License-Identifier: Apache-2.0
/* The numbers of an image: kept, fresh, resting, exhausted. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "image_ask.h"
#include "lib/check_main.h"
#include "objects_make.h"
#include "weir/maps.h"

/* One endpoint, s/pod with interface 5, and what a test adds. */
struct fixture {
	struct store *store;
	struct image_endpoint endpoint;
	struct image_input input;
	struct image *image; /* of the last compile() */
};

static void put(struct fixture *f, struct object *obj)
{
	ck_assert_int_eq(store_put(f->store, obj), 0);
}

static void fixture_init(struct fixture *f)
{
	*f = (struct fixture){ .endpoint = { 5, "s", "pod", { make_addr("10.0.0.1") } } };
	ck_assert_int_eq(store_new(&f->store), 0);
	put(f, make_pod("s", "pod", "n1", "app=x", "10.0.0.1", ""));
	f->input = (struct image_input){
		.store = f->store,
		.node_name = "n1",
		.endpoints = &f->endpoint,
		.endpoint_count = 1,
	};
}

static void fixture_done(struct fixture *f)
{
	image_free(f->image);
	store_free(f->store);
}

static void compile(struct fixture *f)
{
	struct image *image;

	ck_assert_int_eq(image_compile(&image, &f->input, f->image), 0);
	image_free(f->image);
	f->image = image;
}

static uint32_t ingress_id(const struct fixture *f)
{
	return f->image->bindings[0].ruleset[POLICY_INGRESS];
}

/* Ingress from @cidr to every pod of namespace s. */
static void put_policy(struct fixture *f, const char *cidr)
{
	struct object *policy = make_policy("s", "p", "", "i");

	add_cidr(add_rule(policy, POLICY_INGRESS), cidr, "");
	put(f, policy);
}

START_TEST(what_changes_gets_a_number_that_rested)
{
	static const struct {
		const char *cidr;
		uint32_t id;
	} steps[] = {
		{ "10.0.0.0/8", 1 },
		{ "10.0.0.0/8", 1 },
		{ "10.0.0.0/9", 2 },
		{ "10.0.0.0/8", 3 }, /* 1 is given up only now */
		{ "10.0.0.0/9", 1 }, /* 2 rests */
		{ "10.0.0.0/9", 1 },
		{ "10.0.0.0/8", 2 },
	};
	cleanup(fixture_done) struct fixture f;

	fixture_init(&f);
	for (int i = 0; i < CHECK_COUNT(steps); i++) {
		put_policy(&f, steps[i].cidr);
		compile(&f);
		ck_assert_uint_eq(ingress_id(&f), steps[i].id);
	}
}
END_TEST

START_TEST(numbers_found_in_the_kernel_are_not_given_out)
{
	static const uint32_t rulesets[] = { 3, 1 }, classes[] = { 1, 2, 4 };
	cleanup(fixture_done) struct fixture f;

	fixture_init(&f);
	ck_assert_int_eq(image_new_resting(&f.image, rulesets, 2, classes, 3, NULL, 0), 0);
	put_policy(&f, "10.0.0.0/8");
	compile(&f);
	ck_assert_uint_eq(ingress_id(&f), 2);
	ck_assert_uint_eq(f.image->bindings[0].class, 3);
	put_policy(&f, "10.0.0.0/9");
	compile(&f);
	ck_assert_uint_eq(ingress_id(&f), 4);
	put_policy(&f, "10.0.0.0/10");
	compile(&f);
	ck_assert_uint_eq(ingress_id(&f), 1);
}
END_TEST

START_TEST(a_new_class_is_added_to_a_rule_set_that_stays)
{
	cleanup(fixture_done) struct fixture f;
	struct object *policy = make_policy("s", "p", "", "i");

	fixture_init(&f);
	add_pods(add_rule(policy, POLICY_INGRESS), NULL, "app=y");
	put(&f, policy);
	compile(&f);
	ck_assert_uint_eq(f.image->rulesets[0].class_count, 0);
	put(&f, make_pod("s", "peer", "n2", "app=y", "10.0.0.2", ""));
	compile(&f);
	ck_assert_uint_eq(ingress_id(&f), 1);
	ck_assert_uint_eq(f.image->rulesets[0].class_count, 1);
	ck_assert_uint_eq(f.image->rulesets[0].classes[0].class, 2);
	ck_assert_str_eq(ask_class(f.image, 2)->text, "pods app=y in namespace s");
}
END_TEST

START_TEST(a_wide_rule_set_keeps_its_rows)
{
	cleanup(fixture_done) struct fixture f;
	struct object *policy = make_policy("s", "p", "", "i");
	uint64_t any, row;

	fixture_init(&f);
	for (uint16_t i = 1; i <= 5000; i++) {
		struct policy_rule *rule = add_rule(policy, POLICY_INGRESS);

		add_ports(rule, IPPROTO_TCP, i, i);
		if (i > 1)
			add_pods(rule, NULL, "app=y");
	}
	put(&f, policy);
	compile(&f);
	ck_assert_uint_eq(f.image->rulesets[0].header.words, (5000 + 63) / 64);
	any = f.image->rulesets[0].header.any_peer;
	ck_assert_uint_ne(any, 0);
	ck_assert_uint_eq(f.image->rulesets[0].header.pass, 0);
	put(&f, make_pod("s", "peer", "n2", "app=y", "10.0.0.2", ""));
	compile(&f);
	ck_assert_uint_eq(ingress_id(&f), 1);
	ck_assert_uint_eq(f.image->rulesets[0].header.any_peer, any);
	ck_assert_uint_eq(f.image->rulesets[0].class_count, 1);
	row = f.image->rulesets[0].classes[0].bits;
	ck_assert_ptr_nonnull(ask_row(f.image, policy_row_number(row), 0));
	ck_assert_ptr_nonnull(ask_row(f.image, policy_row_number(row), 1));
	ck_assert_ptr_null(ask_row(f.image, policy_row_number(row), 2));
}
END_TEST

START_TEST(endpoints_with_the_same_policies_share_a_rule_set)
{
	cleanup(fixture_done) struct fixture f;
	struct image_endpoint endpoints[2];

	fixture_init(&f);
	endpoints[0] = f.endpoint;
	endpoints[1] = (struct image_endpoint){ 6, "s", "other", { make_addr("10.0.0.9") } };
	f.input.endpoints = endpoints;
	f.input.endpoint_count = 2;
	put(&f, make_pod("s", "other", "n1", "app=other", "10.0.0.9", "http/tcp=80"));
	put_policy(&f, "10.0.0.0/8");
	compile(&f);
	ck_assert_uint_eq(f.image->ruleset_count, 1);
	ck_assert_uint_eq(f.image->bindings[0].ruleset[POLICY_INGRESS],
			  f.image->bindings[1].ruleset[POLICY_INGRESS]);
}
END_TEST

START_TEST(too_many_rule_sets_are_refused)
{
	cleanup(fixture_done) struct fixture f;
	cleanup(freep) uint32_t *taken = calloc(RULESETS_MAX, sizeof(*taken));
	struct image *image = NULL;

	ck_assert_ptr_nonnull(taken);
	fixture_init(&f);
	for (uint32_t i = 1; i < RULESETS_MAX; i++)
		taken[i - 1] = i;
	put_policy(&f, "10.0.0.0/8");
	ck_assert_int_eq(image_new_resting(&f.image, taken, RULESETS_MAX - 1, NULL, 0, NULL, 0), 0);
	ck_assert_int_eq(image_compile(&image, &f.input, f.image), -ENOSPC);
	ck_assert_ptr_null(image);
	image_free(f.image);
	ck_assert_int_eq(image_new_resting(&f.image, taken, RULESETS_MAX - 2, NULL, 0, NULL, 0), 0);
	compile(&f);
	ck_assert_uint_eq(ingress_id(&f), RULESETS_MAX - 1);
}
END_TEST

/* WEIR_TEST_PODS=100000 WEIR_TEST_POLICIES=10000 to measure; small otherwise. */
static unsigned int size_of(const char *variable)
{
	const char *text = getenv(variable);

	return text ? (unsigned int)atoi(text) : 200;
}

static void put_many_pods(struct fixture *f, unsigned int count)
{
	char name[64], ns[64], labels[128], ip[64];

	for (unsigned int i = 0; i < count; i++) {
		sprintf(name, "p%u", i);
		sprintf(ns, "ns%u", i % 200);
		sprintf(labels, "app=a%u tier=t%u hash=%u", i % 997, i % 3, i % 5000);
		sprintf(ip, "10.%u.%u.%u", 100 + (i >> 16), (i >> 8) & 255, i & 255);
		put(f, make_pod(ns, name, "n2", labels, ip, "http/tcp=8080"));
	}
}

/* One in ten selects the endpoint. */
static void put_many_policies(struct fixture *f, unsigned int count)
{
	char name[64], ns[64], labels[64], other[64], cidr[64];

	for (unsigned int i = 0; i < count; i++) {
		struct object *policy;
		struct policy_rule *rule;

		sprintf(name, "np%u", i);
		sprintf(ns, "ns%u", i % 200);
		sprintf(labels, "app=a%u", i % 997);
		sprintf(other, "kubernetes.io/metadata.name=ns%u", i % 211);
		sprintf(cidr, "10.%u.0.0/16", i % 256);
		policy = make_policy(i % 10 ? ns : "s", name, i % 10 ? labels : "", "ie");
		rule = add_rule(policy, POLICY_INGRESS);
		add_pods(rule, NULL, labels);
		add_pods(rule, other, "tier=t1");
		add_ports(rule, IPPROTO_TCP, (uint16_t)(1 + i % 500), (uint16_t)(600 + i % 7));
		rule = add_rule(policy, POLICY_EGRESS);
		add_cidr(rule, cidr, "");
		add_pods(rule, other, labels);
		add_named_port(rule, IPPROTO_TCP, "http");
		put(f, policy);
	}
}

START_TEST(many_pods_and_policies)
{
	unsigned int pods = size_of("WEIR_TEST_PODS"), policies = size_of("WEIR_TEST_POLICIES");
	cleanup(fixture_done) struct fixture f;

	fixture_init(&f);
	put_many_pods(&f, pods);
	put_many_policies(&f, policies);
	for (int round = 0; round < 2; round++) {
		clock_t start = clock();

		compile(&f);
		fprintf(stderr, "%u pods, %u policies: %zu classes, %zu rule sets, %zu rows, "
			"%.3f s\n", pods, policies, f.image->class_count, f.image->ruleset_count,
			f.image->row_count, (double)(clock() - start) / CLOCKS_PER_SEC);
	}
	ck_assert_uint_eq(f.image->peer_count, pods + 1);
}
END_TEST

CHECK_MAIN("image_numbers", CHECK_TEST(what_changes_gets_a_number_that_rested),
	   CHECK_TEST(numbers_found_in_the_kernel_are_not_given_out),
	   CHECK_TEST(a_new_class_is_added_to_a_rule_set_that_stays),
	   CHECK_TEST(a_wide_rule_set_keeps_its_rows),
	   CHECK_TEST(endpoints_with_the_same_policies_share_a_rule_set),
	   CHECK_TEST(too_many_rule_sets_are_refused), CHECK_TEST(many_pods_and_policies))
