// SPDX-License-Identifier: Apache-2.0
/* External addresses that are somebody's: no Service gets them. */
#include "lib/check_main.h"

#include <stdio.h>
#include <string.h>

#include "service_fixture.h"

#define GRANTED "10.96.0.1:80(cluster) 198.51.100.7:80(external) 203.0.113.9:80(balancer)"
#define REFUSED "10.96.0.1:80(cluster)"

static struct object *greedy(void)
{
	struct object *service = make_service("shop", "front", "10.96.0.1", "http/tcp=80");

	service_external_ips(service, "198.51.100.7");
	service_balancer_ips(service, "203.0.113.9");
	return service;
}

static struct object *other_node(void)
{
	return make_node("b", "198.51.100.7 203.0.113.9");
}

static struct object *pod(void)
{
	return make_pod("bank", "vault", "b", "", "198.51.100.7 203.0.113.9", "");
}

static struct object *other_service(void)
{
	return make_service("bank", "till", "198.51.100.7 203.0.113.9", "other/udp=9");
}

static struct object *headless_service(void)
{
	struct object *service = other_service();

	service->service->foreign = true;
	return service;
}

static const struct holder_case {
	struct object *(*make)(void);
	enum object_kind kind;
	const char *namespace, *name;
	const char *text;
} holder_cases[] = {
	{ pod, OBJECT_POD, "bank", "vault", "is the address of Pod bank/vault" },
	{ other_service, OBJECT_SERVICE, "bank", "till", "is the ClusterIP of Service bank/till" },
	{ headless_service, OBJECT_SERVICE, "bank", "till",
	  "is the ClusterIP of Service bank/till" },
};

/* A controller with the right to write a status may announce services on nodes' addresses. */
#define ON_NODE "10.96.0.1:80(cluster) 203.0.113.9:80(balancer)"

static void expect_on_node(struct service_world *world, const char *text)
{
	char expected[256];

	ck_assert_str_eq(world_frontends(world, "shop/front", "http/tcp4"), ON_NODE);
	snprintf(expected, sizeof(expected),
		 "Service shop/front: spec.externalIPs: 198.51.100.7 %s\n", text);
	ck_assert_str_eq(world_problems(world), expected);
}

static void expect_refused(struct service_world *world, const char *text)
{
	char expected[512];

	ck_assert_str_eq(world_frontends(world, "shop/front", "http/tcp4"), REFUSED);
	snprintf(expected, sizeof(expected),
		 "Service shop/front: spec.externalIPs: 198.51.100.7 %s\n"
		 "Service shop/front: status.loadBalancer.ingress: 203.0.113.9 %s\n", text, text);
	ck_assert_str_eq(world_problems(world), expected);
}

START_TEST(an_external_address_that_is_somebody_s_is_refused)
{
	const struct holder_case *c = &holder_cases[_i];
	struct service_world world;

	world_start(&world);
	world_put(&world, c->make());
	world_put(&world, greedy());
	expect_refused(&world, c->text);
	world_stop(&world);
}
END_TEST

START_TEST(an_external_address_goes_and_comes_back_with_its_owner)
{
	const struct holder_case *c = &holder_cases[_i];
	struct service_world world;

	world_start(&world);
	world_put(&world, greedy());
	ck_assert_str_eq(world_changes(&world), "shop/front");
	ck_assert_str_eq(world_frontends(&world, "shop/front", "http/tcp4"), GRANTED);
	world_put(&world, c->make());
	ck_assert_ptr_nonnull(strstr(world_changes(&world), "shop/front"));
	expect_refused(&world, c->text);
	/* The same again: an update. */
	world_put(&world, c->make());
	ck_assert_ptr_null(strstr(world_changes(&world), "shop/front"));
	expect_refused(&world, c->text);
	world_drop(&world, c->kind, c->namespace, c->name);
	ck_assert_ptr_nonnull(strstr(world_changes(&world), "shop/front"));
	ck_assert_str_eq(world_frontends(&world, "shop/front", "http/tcp4"), GRANTED);
	ck_assert_str_eq(world_problems(&world), "");
	world_stop(&world);
}
END_TEST

START_TEST(an_external_ip_cannot_be_a_node_s_address_but_a_balancer_s_can)
{
	struct object *on_host = pod();
	struct service_world world;

	world_start(&world);
	world_put(&world, greedy());
	world_put(&world, other_node());
	expect_on_node(&world, "is the address of Node b");
	on_host->pod.host_network = true;
	world_put(&world, on_host);
	expect_on_node(&world, "is the address of Node b");
	world_put(&world, other_service());
	ck_assert_ptr_nonnull(strstr(world_changes(&world), "shop/front"));
	ck_assert_str_eq(world_frontends(&world, "shop/front", "http/tcp4"), REFUSED);
	world_drop(&world, OBJECT_SERVICE, "bank", "till");
	expect_on_node(&world, "is the address of Node b");
	world_drop(&world, OBJECT_NODE, "", "b");
	expect_on_node(&world, "is the address of Pod bank/vault");
	world_stop(&world);
}
END_TEST

START_TEST(an_address_is_refused_until_its_last_owner_is_gone)
{
	struct service_world world;

	world_start(&world);
	world_put(&world, greedy());
	world_put(&world, pod());
	world_put(&world, other_service());
	expect_refused(&world, "is the address of Pod bank/vault");
	world_changes(&world);
	world_drop(&world, OBJECT_POD, "bank", "vault");
	ck_assert_str_eq(world_changes(&world), "");
	expect_refused(&world, "is the ClusterIP of Service bank/till");
	world_drop(&world, OBJECT_SERVICE, "bank", "till");
	ck_assert_ptr_nonnull(strstr(world_changes(&world), "shop/front"));
	ck_assert_str_eq(world_frontends(&world, "shop/front", "http/tcp4"), GRANTED);
	world_stop(&world);
}
END_TEST

START_TEST(a_pod_that_has_ended_has_no_address)
{
	struct object *ended = pod();
	struct service_world world;

	world_start(&world);
	world_put(&world, greedy());
	world_put(&world, pod());
	expect_refused(&world, "is the address of Pod bank/vault");
	ended->pod.finished = true;
	world_put(&world, ended);
	ck_assert_str_eq(world_changes(&world), "shop/front");
	ck_assert_str_eq(world_frontends(&world, "shop/front", "http/tcp4"), GRANTED);
	world_stop(&world);
}
END_TEST

START_TEST(an_address_of_this_node_is_refused_before_its_node_object_is_there)
{
	struct service_world world;

	world_start(&world);
	world_put(&world, greedy());
	world_set_node(&world, "here", "198.51.100.7 203.0.113.9");
	expect_on_node(&world, "is an address of this node");
	world_set_node(&world, "here", "192.168.0.1");
	ck_assert_str_eq(world_frontends(&world, "shop/front", "http/tcp4"), GRANTED);
	world_stop(&world);
}
END_TEST

START_TEST(a_service_s_own_cluster_ip_is_no_external_ip)
{
	struct object *service = make_service("shop", "front", "10.96.0.1", "http/tcp=80");
	struct service_world world;

	world_start(&world);
	service_external_ips(service, "10.96.0.1");
	world_put(&world, service);
	ck_assert_str_eq(world_frontends(&world, "shop/front", "http/tcp4"), REFUSED);
	ck_assert_str_eq(world_problems(&world),
			 "Service shop/front: spec.externalIPs: 10.96.0.1 is the ClusterIP of"
			 " Service shop/front\n");
	world_stop(&world);
}
END_TEST

CHECK_MAIN("service holders",
	   CHECK_LOOP(an_external_address_that_is_somebody_s_is_refused, holder_cases),
	   CHECK_LOOP(an_external_address_goes_and_comes_back_with_its_owner, holder_cases),
	   CHECK_TEST(an_external_ip_cannot_be_a_node_s_address_but_a_balancer_s_can),
	   CHECK_TEST(an_address_is_refused_until_its_last_owner_is_gone),
	   CHECK_TEST(a_pod_that_has_ended_has_no_address),
	   CHECK_TEST(an_address_of_this_node_is_refused_before_its_node_object_is_there),
	   CHECK_TEST(a_service_s_own_cluster_ip_is_no_external_ip))
