// SPDX-License-Identifier: Apache-2.0
/* What Services ask for and do not get. */
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
	{ other_node, OBJECT_NODE, "", "b", "is the address of Node b" },
	{ pod, OBJECT_POD, "bank", "vault", "is the address of Pod bank/vault" },
	{ other_service, OBJECT_SERVICE, "bank", "till", "is the ClusterIP of Service bank/till" },
	{ headless_service, OBJECT_SERVICE, "bank", "till",
	  "is the ClusterIP of Service bank/till" },
};

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

START_TEST(an_address_is_refused_until_its_last_owner_is_gone)
{
	struct service_world world;

	world_start(&world);
	world_put(&world, greedy());
	world_put(&world, other_node());
	world_put(&world, pod());
	expect_refused(&world, "is the address of Node b");
	world_drop(&world, OBJECT_NODE, "", "b");
	ck_assert_str_eq(world_changes(&world), "");
	expect_refused(&world, "is the address of Pod bank/vault");
	world_drop(&world, OBJECT_POD, "bank", "vault");
	ck_assert_str_eq(world_changes(&world), "shop/front");
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
	expect_refused(&world, "is an address of this node");
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
			 "Service shop/front: spec.externalIPs: 10.96.0.1 is the ClusterIP of Service"
			 " shop/front\n");
	world_stop(&world);
}
END_TEST

/* The address of a frontend of each kind, as "a/x" and "b/y" may have it. */
static struct object *wants(const char *name, const char *own_ip, enum frontend_kind kind)
{
	struct object *service = make_service(name, name, own_ip, "http/tcp=80:30080");

	switch (kind) {
	case FRONTEND_CLUSTER_IP:
		break;
	case FRONTEND_EXTERNAL_IP:
		service_external_ips(service, "198.51.100.7");
		break;
	case FRONTEND_LOAD_BALANCER:
		service->service->ports[0].node_port = 0;
		service_balancer_ips(service, "198.51.100.7");
		break;
	case FRONTEND_NODE_PORT:
		service->service->type = SERVICE_NODE_PORT;
		break;
	}
	return service;
}

static const struct rival_case {
	enum frontend_kind a, b; /* of a/a and b/b */
	const char *ip_a, *ip_b;
	const char *alone_a, *alone_b;
	bool b_wins;
	const char *lost; /* of the loser, when it has lost */
	const char *text;
} rival_cases[] = {
	{ FRONTEND_CLUSTER_IP, FRONTEND_CLUSTER_IP, "10.96.0.9", "10.96.0.9",
	  "10.96.0.9:80(cluster)", "10.96.0.9:80(cluster)", false, "none",
	  "Service b/b: spec.clusterIPs: 80/tcp at 10.96.0.9 belongs to Service a/a\n" },
	{ FRONTEND_EXTERNAL_IP, FRONTEND_EXTERNAL_IP, "10.96.0.1", "10.96.0.2",
	  "10.96.0.1:80(cluster) 198.51.100.7:80(external)",
	  "10.96.0.2:80(cluster) 198.51.100.7:80(external)", false, "10.96.0.2:80(cluster)",
	  "Service b/b: spec.externalIPs: 80/tcp at 198.51.100.7 belongs to Service a/a\n" },
	{ FRONTEND_LOAD_BALANCER, FRONTEND_LOAD_BALANCER, "10.96.0.1", "10.96.0.2",
	  "10.96.0.1:80(cluster) 198.51.100.7:80(balancer)",
	  "10.96.0.2:80(cluster) 198.51.100.7:80(balancer)", false, "10.96.0.2:80(cluster)",
	  "Service b/b: status.loadBalancer.ingress: 80/tcp at 198.51.100.7 belongs to Service"
	  " a/a\n" },
	{ FRONTEND_LOAD_BALANCER, FRONTEND_EXTERNAL_IP, "10.96.0.1", "10.96.0.2",
	  "10.96.0.1:80(cluster) 198.51.100.7:80(balancer)",
	  "10.96.0.2:80(cluster) 198.51.100.7:80(external)", true, "10.96.0.1:80(cluster)",
	  "Service a/a: status.loadBalancer.ingress: 80/tcp at 198.51.100.7 belongs to Service"
	  " b/b\n" },
	{ FRONTEND_NODE_PORT, FRONTEND_NODE_PORT, "10.96.0.1", "10.96.0.2",
	  "10.96.0.1:80(cluster) 192.168.0.1:30080(node)",
	  "10.96.0.2:80(cluster) 192.168.0.1:30080(node)", false, "10.96.0.2:80(cluster)",
	  "Service b/b: spec.ports: 30080/tcp at the node's IPv4 addresses belongs to Service"
	  " a/a\n" },
};

static void put_rival(struct service_world *world, const struct rival_case *c, bool b)
{
	world_put(world, wants(b ? "b" : "a", b ? c->ip_b : c->ip_a, b ? c->b : c->a));
}

static void expect_rivals(struct service_world *world, const struct rival_case *c)
{
	ck_assert_str_eq(world_frontends(world, "a/a", "http/tcp4"),
			 c->b_wins ? c->lost : c->alone_a);
	ck_assert_str_eq(world_frontends(world, "b/b", "http/tcp4"),
			 c->b_wins ? c->alone_b : c->lost);
	ck_assert_str_eq(world_problems(world), c->text);
}

/* The loser gets it when the winner goes, and gives it back when the winner comes again. */
static void fight(const struct rival_case *c, bool b_first)
{
	const char *winner = c->b_wins ? "b" : "a", *loser = c->b_wins ? "a/a" : "b/b";
	struct service_world world;

	world_start(&world);
	put_rival(&world, c, b_first);
	world_changes(&world);
	put_rival(&world, c, !b_first);
	world_changes(&world);
	expect_rivals(&world, c);
	world_drop(&world, OBJECT_SERVICE, winner, winner);
	ck_assert_ptr_nonnull(strstr(world_changes(&world), loser));
	ck_assert_str_eq(world_frontends(&world, loser, "http/tcp4"),
			 c->b_wins ? c->alone_a : c->alone_b);
	ck_assert_str_eq(world_problems(&world), "");
	put_rival(&world, c, c->b_wins);
	ck_assert_ptr_nonnull(strstr(world_changes(&world), loser));
	expect_rivals(&world, c);
	world_stop(&world);
}

START_TEST(of_two_that_want_the_same_frontend_one_gets_it_whoever_came_first)
{
	fight(&rival_cases[_i], false);
	fight(&rival_cases[_i], true);
}
END_TEST

START_TEST(other_ports_and_protocols_of_an_address_may_be_another_service_s)
{
	struct object *a = make_service("a", "a", "10.96.0.1", "http/tcp=80");
	struct object *b = make_service("b", "b", "10.96.0.2", "http/udp=80 https/tcp=443");
	struct service_world world;

	world_start(&world);
	service_balancer_ips(a, "203.0.113.9");
	service_balancer_ips(b, "203.0.113.9");
	world_put(&world, a);
	world_put(&world, b);
	ck_assert_str_eq(world_problems(&world), "");
	ck_assert_str_eq(world_frontends(&world, "b/b", "http/udp4"),
			 "10.96.0.2:80(cluster) 203.0.113.9:80(balancer)");
	ck_assert_str_eq(world_frontends(&world, "b/b", "https/tcp4"),
			 "10.96.0.2:443(cluster) 203.0.113.9:443(balancer)");
	world_stop(&world);
}
END_TEST

START_TEST(two_ports_of_one_service_that_are_the_same_are_the_first)
{
	struct service_world world;

	world_start(&world);
	world_put(&world, make_service("shop", "front", "10.96.0.1", "a/tcp=80 b/tcp=80"));
	ck_assert_str_eq(world_frontends(&world, "shop/front", "a/tcp4"), REFUSED);
	ck_assert_str_eq(world_frontends(&world, "shop/front", "b/tcp4"), "none");
	ck_assert_str_eq(world_problems(&world),
			 "Service shop/front: spec.clusterIPs: 80/tcp at 10.96.0.1 belongs to another"
			 " port of this Service\n");
	world_stop(&world);
}
END_TEST

START_TEST(a_cluster_ip_that_is_the_node_s_address_wins_over_a_node_port)
{
	struct object *service = make_service("a", "a", "10.96.0.1", "http/tcp=80:30080");
	struct service_world world;

	world_start(&world);
	service->service->type = SERVICE_NODE_PORT;
	world_put(&world, service);
	world_changes(&world);
	world_put(&world, make_service("b", "b", "192.168.0.1", "http/tcp=30080"));
	ck_assert_str_eq(world_changes(&world), "a/a b/b");
	ck_assert_str_eq(world_frontends(&world, "a/a", "http/tcp4"), REFUSED);
	ck_assert_str_eq(world_problems(&world),
			 "Service a/a: spec.ports: 30080/tcp at 192.168.0.1 belongs to Service b/b\n");
	world_drop(&world, OBJECT_SERVICE, "b", "b");
	ck_assert_str_eq(world_changes(&world), "a/a b/b(gone)");
	ck_assert_str_eq(world_frontends(&world, "a/a", "http/tcp4"),
			 "10.96.0.1:80(cluster) 192.168.0.1:30080(node)");
	ck_assert_str_eq(world_problems(&world), "");
	world_stop(&world);
}
END_TEST

START_TEST(a_service_without_a_cluster_ip_is_reported)
{
	struct service_world world;

	world_start(&world);
	world_put(&world, make_service("shop", "front", "", "http/tcp=80"));
	ck_assert_str_eq(world_problems(&world),
			 "Service shop/front: spec.clusterIPs: there is none, the Service is not"
			 " served\n");
	world_drop(&world, OBJECT_SERVICE, "shop", "front");
	ck_assert_str_eq(world_problems(&world), "");
	world_stop(&world);
}
END_TEST

CHECK_MAIN("service conflicts",
	   CHECK_LOOP(an_external_address_that_is_somebody_s_is_refused, holder_cases),
	   CHECK_LOOP(an_external_address_goes_and_comes_back_with_its_owner, holder_cases),
	   CHECK_TEST(an_address_is_refused_until_its_last_owner_is_gone),
	   CHECK_TEST(a_pod_that_has_ended_has_no_address),
	   CHECK_TEST(an_address_of_this_node_is_refused_before_its_node_object_is_there),
	   CHECK_TEST(a_service_s_own_cluster_ip_is_no_external_ip),
	   CHECK_LOOP(of_two_that_want_the_same_frontend_one_gets_it_whoever_came_first,
		      rival_cases),
	   CHECK_TEST(other_ports_and_protocols_of_an_address_may_be_another_service_s),
	   CHECK_TEST(two_ports_of_one_service_that_are_the_same_are_the_first),
	   CHECK_TEST(a_cluster_ip_that_is_the_node_s_address_wins_over_a_node_port),
	   CHECK_TEST(a_service_without_a_cluster_ip_is_reported))
