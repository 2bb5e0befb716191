// SPDX-License-Identifier: Apache-2.0
/* What becomes of services when their manifests change or break. */
#include <stdio.h>
#include <string.h>

#include "manifest_world.h"

#define SERVICE(fields) \
	"apiVersion: v1\nkind: Service\nmetadata: {namespace: shop, name: web}\nspec: {" fields "}\n"
#define SLICE(fields)                                                                     \
	"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {namespace: shop, " \
	"name: web-1, labels: {kubernetes.io/service-name: web}}\naddressType: IPv4\n" fields "\n"
#define ENDPOINT(addr) SLICE("endpoints: [{addresses: [" addr "]}]")

static const struct service *web(void)
{
	const struct object *obj = store_get(w.store, OBJECT_SERVICE, "shop", "web");

	return obj ? obj->service : NULL;
}

static const struct endpoint_slice *web_slice(void)
{
	const struct object *obj = store_get(w.store, OBJECT_ENDPOINT_SLICE, "shop", "web-1");

	return obj ? obj->slice : NULL;
}

START_TEST(a_service_that_is_refused_keeps_its_previous_version)
{
	in_place("manifests/a.yaml", SERVICE("ports: [{port: 80}]") NEXT ENDPOINT("10.0.0.1"));
	start();
	in_place("manifests/a.yaml", SERVICE("ports: [{port: 0}]") NEXT SLICE("endpoints: x"));
	run_for(SETTLE_MS);
	ck_assert_uint_eq(w.changes, 0);
	ck_assert_uint_eq(web()->ports[0].port, 80);
	ck_assert_uint_eq(web_slice()->endpoint_count, 1);
	expect_problem("a.yaml", "Service shop/web",
		       "must be 1 to 65535, not 0; its previous version stays in force");
	expect_problem("a.yaml", "EndpointSlice shop/web-1",
		       "must be a list, not a string; its previous version stays in force");
	in_place("manifests/a.yaml", SERVICE("ports: [{port: 81}]"));
	expect_changes(1);
	ck_assert_uint_eq(web()->ports[0].port, 81);
	ck_assert_ptr_null(web_slice());
	ck_assert_uint_eq(problem_count(), 0);
}
END_TEST

START_TEST(an_address_that_is_left_out_holds_nothing_else_back)
{
	in_place("manifests/a.yaml", SERVICE("externalIPs: [192.0.2.1], ports: [{port: 80}]"));
	start();
	in_place("manifests/a.yaml",
		 SERVICE("externalIPs: [127.0.0.1, 192.0.2.2], ports: [{port: 81}]"));
	expect_changes(1);
	ck_assert_uint_eq(web()->ports[0].port, 81);
	ck_assert_uint_eq(web()->external_ip_count, 1);
	ck_assert_uint_eq(web()->external_ips[0].bytes[15], 2);
	ck_assert_uint_eq(problem_count(), 1);
	expect_problem("a.yaml", "Service shop/web", "not the loopback address 127.0.0.1");
}
END_TEST

START_TEST(services_of_a_broken_file_stay)
{
	in_place("manifests/a.yaml", SERVICE("ports: [{port: 80}]") NEXT ENDPOINT("10.0.0.1"));
	start();
	in_place("manifests/a.yaml", SERVICE("ports: [{port: 81}]") NEXT BROKEN);
	run_for(SETTLE_MS);
	ck_assert_uint_eq(w.changes, 0);
	ck_assert_uint_eq(web()->ports[0].port, 80);
	ck_assert_ptr_nonnull(web_slice());
	drop("manifests/a.yaml");
	expect_changes(1);
	ck_assert_ptr_null(web());
	ck_assert_ptr_null(web_slice());
}
END_TEST

static char told[256];

static void tell(const struct object *old, const struct object *new, void *arg)
{
	size_t used = strlen(told);

	snprintf(told + used, sizeof(told) - used, "%s %u>%u;",
		 object_kind_name((new ?: old)->kind), old ? old->slice->endpoint_count : 0,
		 new ? new->slice->endpoint_count : 0);
}

START_TEST(only_what_changes_is_told_and_policy_is_left_alone)
{
	uint64_t policy_version;

	in_place("manifests/a.yaml", POLICY("front", 80));
	in_place("manifests/b.yaml", SLICE("endpoints: []"));
	start();
	policy_version = store_policy_version(w.store);
	told[0] = '\0';
	store_follow(w.store, tell, NULL);
	by_rename("manifests/b.yaml", "# again\n" SLICE("endpoints: null"));
	expect_changes(0);
	by_rename("manifests/b.yaml", ENDPOINT("10.0.0.1"));
	expect_changes(1);
	drop("manifests/b.yaml");
	expect_changes(2);
	ck_assert_str_eq(told, "EndpointSlice 0>1;EndpointSlice 1>0;");
	ck_assert_uint_eq(store_policy_version(w.store), policy_version);
}
END_TEST

MANIFEST_MAIN("manifest_service",
	      CHECK_TEST(a_service_that_is_refused_keeps_its_previous_version),
	      CHECK_TEST(an_address_that_is_left_out_holds_nothing_else_back),
	      CHECK_TEST(services_of_a_broken_file_stay),
	      CHECK_TEST(only_what_changes_is_told_and_policy_is_left_alone))
