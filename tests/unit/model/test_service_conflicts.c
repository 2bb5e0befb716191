// SPDX-License-Identifier: Apache-2.0
/* Several Services that want the same frontend. */
#include "lib/check_main.h"

#include <netinet/in.h>
#include <string.h>

#include "service_fixture.h"

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

static struct object *everything(const char *name)
{
	struct object *obj = make_service(name, name, "10.96.0.9", "http/tcp=80:30080");

	service_external_ips(obj, "198.51.100.7");
	service_balancer_ips(obj, "203.0.113.9");
	return obj;
}

static void give_up_cluster_ip(struct object *obj)
{
	obj->service->cluster_ips[0] = make_addr("10.96.0.1");
}

static void give_up_external_ip(struct object *obj)
{
	service_external_ips(obj, "");
}

static void give_up_balancer(struct object *obj)
{
	service_balancer_ips(obj, "203.0.113.10");
}

static void give_up_type(struct object *obj)
{
	obj->service->type = SERVICE_NODE_PORT;
}

static void give_up_node_port(struct object *obj)
{
	obj->service->ports[0].node_port = 30081;
}

static void give_up_port(struct object *obj)
{
	obj->service->ports[0].port = 81;
}

static void give_up_proto(struct object *obj)
{
	obj->service->ports[0].proto = IPPROTO_UDP;
}

static void give_up_all(struct object *obj)
{
	obj->service->headless = true;
}

static const struct gift_case {
	void (*give_up)(struct object *obj);
	const char *left_to_b;
} gift_cases[] = {
	{ give_up_cluster_ip, "10.96.0.9:80(cluster)" },
	{ give_up_external_ip, "198.51.100.7:80(external)" },
	{ give_up_balancer, "203.0.113.9:80(balancer)" },
	{ give_up_type, "203.0.113.9:80(balancer)" },
	{ give_up_node_port, "192.168.0.1:30080(node)" },
	{ give_up_port, "10.96.0.9:80(cluster) 198.51.100.7:80(external)"
			" 203.0.113.9:80(balancer)" },
	{ give_up_proto, "10.96.0.9:80(cluster) 192.168.0.1:30080(node) 198.51.100.7:80(external)"
			 " 203.0.113.9:80(balancer)" },
};

/* Each field that says what a Service asks for is one that others may wait for. */
START_TEST(what_a_service_gives_up_another_gets_until_it_is_taken_back)
{
	const struct gift_case *c = &gift_cases[_i];
	struct object *changed = everything("a");
	struct service_world world;

	world_start(&world);
	world_put(&world, everything("a"));
	world_put(&world, everything("b"));
	world_changes(&world);
	ck_assert_str_eq(world_frontends(&world, "b/b", "http/tcp4"), "none");
	c->give_up(changed);
	world_put(&world, changed);
	ck_assert_str_eq(world_changes(&world), "a/a b/b");
	ck_assert_str_eq(world_frontends(&world, "b/b", "http/tcp4"), c->left_to_b);
	world_put(&world, everything("a"));
	ck_assert_str_eq(world_changes(&world), "a/a b/b");
	ck_assert_str_eq(world_frontends(&world, "b/b", "http/tcp4"), "none");
	world_stop(&world);
}
END_TEST

START_TEST(a_service_that_is_not_served_any_more_leaves_all_to_others)
{
	struct object *changed = everything("a");
	struct service_world world;

	world_start(&world);
	world_put(&world, everything("a"));
	world_put(&world, everything("b"));
	give_up_all(changed);
	world_put(&world, changed);
	ck_assert_str_eq(world_frontends(&world, "b/b", "http/tcp4"),
			 "10.96.0.9:80(cluster) 192.168.0.1:30080(node) 198.51.100.7:80(external)"
			 " 203.0.113.9:80(balancer)");
	ck_assert_str_eq(world_problems(&world), "");
	world_stop(&world);
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
	ck_assert_str_eq(world_frontends(&world, "shop/front", "a/tcp4"), "10.96.0.1:80(cluster)");
	ck_assert_str_eq(world_frontends(&world, "shop/front", "b/tcp4"), "none");
	ck_assert_str_eq(world_problems(&world),
			 "Service shop/front: spec.clusterIPs: 80/tcp at 10.96.0.1 belongs to"
			 " another port of this Service\n");
	world_stop(&world);
}
END_TEST

/* Who comes to an address of this node, with the port of a NodePort. */
static struct object *cluster_ip_on_node(void)
{
	return make_service("b", "b", "192.168.0.1", "http/tcp=30080");
}

static struct object *balancer_on_node(void)
{
	struct object *service = make_service("b", "b", "10.96.0.2", "http/tcp=30080");

	service_balancer_ips(service, "192.168.0.1");
	return service;
}

static struct object *(*const on_node[])(void) = { cluster_ip_on_node, balancer_on_node };

START_TEST(an_address_of_the_node_that_is_a_service_s_wins_over_a_node_port)
{
	struct object *service = make_service("a", "a", "10.96.0.1", "http/tcp=80:30080");
	struct service_world world;

	world_start(&world);
	service->service->type = SERVICE_NODE_PORT;
	world_put(&world, service);
	world_changes(&world);
	world_put(&world, on_node[_i]());
	ck_assert_str_eq(world_changes(&world), "a/a b/b");
	ck_assert_str_eq(world_frontends(&world, "a/a", "http/tcp4"), "10.96.0.1:80(cluster)");
	ck_assert_str_eq(world_problems(&world),
			 "Service a/a: spec.ports: 30080/tcp at 192.168.0.1 belongs to Service"
			 " b/b\n");
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
	   CHECK_LOOP(of_two_that_want_the_same_frontend_one_gets_it_whoever_came_first,
		      rival_cases),
	   CHECK_LOOP(what_a_service_gives_up_another_gets_until_it_is_taken_back, gift_cases),
	   CHECK_TEST(a_service_that_is_not_served_any_more_leaves_all_to_others),
	   CHECK_TEST(other_ports_and_protocols_of_an_address_may_be_another_service_s),
	   CHECK_TEST(two_ports_of_one_service_that_are_the_same_are_the_first),
	   CHECK_LOOP(an_address_of_the_node_that_is_a_service_s_wins_over_a_node_port, on_node),
	   CHECK_TEST(a_service_without_a_cluster_ip_is_reported))
