// SPDX-License-Identifier: Apache-2.0
/* Which frontends a Service has: its addresses, traffic policies, source ranges. */
#include "lib/check_main.h"

#include <string.h>

#include "service_fixture.h"

#define SERVICE "shop/front"

static struct object *front(const char *ips)
{
	return make_service("shop", "front", ips, "http/tcp=80:30080");
}

static struct object *external_name(void)
{
	struct object *service = front("10.96.0.1");

	service->service->type = SERVICE_EXTERNAL_NAME;
	service_external_ips(service, "198.51.100.7");
	return service;
}

static struct object *headless(void)
{
	struct object *service = front("10.96.0.1");

	service->service->headless = true;
	return service;
}

static struct object *without_cluster_ip(void)
{
	struct object *service = front("");

	service->service->type = SERVICE_NODE_PORT;
	return service;
}

static const struct ignored_case {
	const char *what;
	struct object *(*make)(void);
} ignored_cases[] = {
	{ "ExternalName", external_name },
	{ "clusterIP None, or the label that says so", headless },
	{ "no ClusterIP", without_cluster_ip },
};

/* The labels come and go while the Service lives. */
START_TEST(what_is_not_served_has_no_frontends_also_from_one_moment_to_the_next)
{
	const struct ignored_case *c = &ignored_cases[_i];
	struct service_world world;

	world_start(&world);
	world_put(&world, c->make());
	ck_assert_str_eq(world_changes(&world), "shop/front");
	ck_assert_msg(!strcmp(world_images(&world, SERVICE), "health=0/0"), "%s: %s", c->what,
		      world_images(&world, SERVICE));
	world_put(&world, front("10.96.0.1"));
	ck_assert_str_eq(world_changes(&world), "shop/front");
	ck_assert_str_eq(world_frontends(&world, SERVICE, "http/tcp4"), "10.96.0.1:80(cluster)");
	world_put(&world, c->make());
	ck_assert_str_eq(world_changes(&world), "shop/front");
	ck_assert_str_eq(world_images(&world, SERVICE), "health=0/0");
	world_stop(&world);
}
END_TEST

static struct object *foreign(const char *name, const char *ips)
{
	struct object *service = make_service("shop", name, ips, "http/tcp=80");

	service->service->foreign = true;
	service_external_ips(service, "198.51.100.7");
	return service;
}

/* No packet asks for this frontend: it says that the address is somebody's. */
START_TEST(of_another_proxys_service_only_the_cluster_ips_are_kept)
{
	struct service_world world;

	world_start(&world);
	world_put(&world, foreign("front", "10.96.0.1 fd00:96::1"));
	ck_assert_str_eq(world_changes(&world), "shop/front");
	ck_assert_str_eq(world_frontends(&world, SERVICE, "/sctp4"),
			 "10.96.0.1:1(external)");
	ck_assert_str_eq(world_frontends(&world, SERVICE, "/sctp6"),
			 "[fd00:96::1]:1(external)");
	ck_assert_str_eq(world_frontends(&world, SERVICE, "http/tcp4"), "none");
	ck_assert_str_eq(world_problems(&world), "");
	/* The label goes and comes back. */
	world_put(&world, front("10.96.0.1"));
	ck_assert_str_eq(world_changes(&world), "shop/front");
	ck_assert_str_eq(world_frontends(&world, SERVICE, "/sctp4"), "none");
	ck_assert_str_eq(world_frontends(&world, SERVICE, "http/tcp4"), "10.96.0.1:80(cluster)");
	world_put(&world, foreign("front", "10.96.0.1"));
	ck_assert_str_eq(world_changes(&world), "shop/front");
	ck_assert_str_eq(world_frontends(&world, SERVICE, "/sctp4"),
			 "10.96.0.1:1(external)");
	ck_assert_str_eq(world_frontends(&world, SERVICE, "http/tcp4"), "none");
	world_stop(&world);
}
END_TEST

START_TEST(an_address_that_two_of_them_have_stays_until_both_are_gone)
{
	struct service_world world;

	world_start(&world);
	world_put(&world, foreign("front", "10.96.0.1"));
	world_put(&world, foreign("other", "10.96.0.1"));
	world_changes(&world);
	ck_assert_str_eq(world_frontends(&world, "shop/other", "/sctp4"), "none");
	world_drop(&world, OBJECT_SERVICE, "shop", "front");
	ck_assert_str_eq(world_changes(&world), "shop/front(gone) shop/other");
	ck_assert_str_eq(world_frontends(&world, "shop/other", "/sctp4"),
			 "10.96.0.1:1(external)");
	world_stop(&world);
}
END_TEST

START_TEST(tcp_and_udp_of_one_number_are_two_service_ports)
{
	struct service_world world;

	world_start(&world);
	world_put(&world, make_service("shop", "front", "10.96.0.1",
				       "dns/udp=53 dns-tcp/tcp=53 dns/sctp=53"));
	ck_assert_str_eq(world_frontends(&world, SERVICE, "dns/udp4"), "10.96.0.1:53(cluster)");
	ck_assert_str_eq(world_frontends(&world, SERVICE, "dns-tcp/tcp4"),
			 "10.96.0.1:53(cluster)");
	ck_assert_str_eq(world_frontends(&world, SERVICE, "dns/sctp4"), "10.96.0.1:53(cluster)");
	ck_assert_str_eq(world_problems(&world), "");
	world_stop(&world);
}
END_TEST

static const struct type_case {
	enum service_type type;
	const char *expected;
} type_cases[] = {
	{ SERVICE_CLUSTER_IP, "10.96.0.1:80(cluster) 198.51.100.7:80(external,local)" },
	{ SERVICE_NODE_PORT, "10.96.0.1:80(cluster) 192.168.0.1:30080(node,local)"
			     " 198.51.100.7:80(external,local)" },
	{ SERVICE_LOAD_BALANCER, "10.96.0.1:80(cluster) 192.168.0.1:30080(node,local)"
				 " 198.51.100.7:80(external,local)"
				 " 203.0.113.9:80(balancer,local)" },
};

/* nodePorts and load balancer addresses that are left over from another type do not count. */
START_TEST(the_type_says_which_addresses_there_are)
{
	const struct type_case *c = &type_cases[_i];
	struct object *service = front("10.96.0.1");
	struct service_world world;

	world_start(&world);
	service_external_ips(service, "198.51.100.7");
	service_balancer_ips(service, "203.0.113.9");
	service->service->type = c->type;
	service->service->external_local = true;
	world_put(&world, service);
	ck_assert_str_eq(world_frontends(&world, SERVICE, "http/tcp4"), c->expected);
	world_stop(&world);
}
END_TEST

static const struct policy_case {
	bool internal_local, external_local;
	const char *expected;
} policy_cases[] = {
	{ false, false, "10.96.0.1:80(cluster) 192.168.0.1:30080(node)" },
	{ true, false, "10.96.0.1:80(cluster,local) 192.168.0.1:30080(node)" },
	{ false, true, "10.96.0.1:80(cluster) 192.168.0.1:30080(node,local)" },
	{ true, true, "10.96.0.1:80(cluster,local) 192.168.0.1:30080(node,local)" },
};

START_TEST(each_traffic_policy_is_for_its_own_addresses)
{
	const struct policy_case *c = &policy_cases[_i];
	struct object *service = front("10.96.0.1");
	struct service_world world;

	world_start(&world);
	service->service->type = SERVICE_NODE_PORT;
	service->service->internal_local = c->internal_local;
	service->service->external_local = c->external_local;
	world_put(&world, service);
	ck_assert_str_eq(world_frontends(&world, SERVICE, "http/tcp4"), c->expected);
	world_stop(&world);
}
END_TEST

static struct object *dual_stack(const char *cluster_ips)
{
	struct object *service = front(cluster_ips);

	service_external_ips(service, "198.51.100.7 2001:db8::7");
	service_balancer_ips(service, "203.0.113.9 2001:db8::9");
	return service;
}

START_TEST(a_family_has_the_addresses_of_that_family)
{
	struct service_world world;

	world_start(&world);
	world_put(&world, dual_stack("fd00:96::1 10.96.0.1"));
	ck_assert_str_eq(world_frontends(&world, SERVICE, "http/tcp4"),
			 "10.96.0.1:80(cluster) 192.168.0.1:30080(node) 198.51.100.7:80(external)"
			 " 203.0.113.9:80(balancer)");
	ck_assert_str_eq(world_frontends(&world, SERVICE, "http/tcp6"),
			 "[2001:db8::7]:80(external) [2001:db8::9]:80(balancer)"
			 " [fd00:0:0:1::1]:30080(node) [fd00:96::1]:80(cluster)");
	ck_assert_str_eq(world_problems(&world), "");
	world_stop(&world);
}
END_TEST

START_TEST(a_family_without_a_cluster_ip_has_no_frontends)
{
	struct service_world world;

	world_start(&world);
	world_put(&world, dual_stack("10.96.0.1"));
	ck_assert_str_eq(world_frontends(&world, SERVICE, "http/tcp6"), "none");
	ck_assert_str_eq(world_problems(&world),
			 "Service shop/front: spec.externalIPs: 2001:db8::7 is of a family of which"
			 " the Service has no ClusterIP\n"
			 "Service shop/front: status.loadBalancer.ingress: 2001:db8::9 is of a"
			 " family of which the Service has no ClusterIP\n");
	world_stop(&world);
}
END_TEST

START_TEST(a_balancer_works_without_a_node_port)
{
	struct object *service = make_service("shop", "front", "10.96.0.1", "http/tcp=80");
	struct service_world world;

	world_start(&world);
	service_balancer_ips(service, "203.0.113.9");
	world_put(&world, service);
	ck_assert_str_eq(world_frontends(&world, SERVICE, "http/tcp4"),
			 "10.96.0.1:80(cluster) 203.0.113.9:80(balancer)");
	world_stop(&world);
}
END_TEST

START_TEST(node_ports_are_on_all_addresses_of_the_node)
{
	struct object *service = front("10.96.0.1");
	struct service_world world;

	world_start(&world);
	service->service->type = SERVICE_NODE_PORT;
	world_put(&world, service);
	world_set_node(&world, "here", "192.168.0.9 192.168.0.8");
	ck_assert_str_eq(world_frontends(&world, SERVICE, "http/tcp4"),
			 "10.96.0.1:80(cluster) 192.168.0.8:30080(node) 192.168.0.9:30080(node)");
	world_set_node(&world, "here", "");
	ck_assert_str_eq(world_frontends(&world, SERVICE, "http/tcp4"), "10.96.0.1:80(cluster)");
	world_stop(&world);
}
END_TEST

static const struct range_case {
	const char *what, *ranges;
	const char *ranges4, *ranges6;
	bool self4, self6;
} range_cases[] = {
	{ "each family its own", "198.51.100.0/24 2001:db8:1::/48", "198.51.100.0/24",
	  "2001:db8:1::/48", false, false },
	{ "none of the family: nobody of it", "198.51.100.0/24", "198.51.100.0/24", "", false,
	  false },
	{ "none that can be read: nobody", "", "", "", false, false },
	{ "one that contains the node lets the balancer's address in", "192.168.0.0/16",
	  "192.168.0.0/16 203.0.113.9/32", "", true, false },
	{ "the same of IPv6", "fd00::/16", "", "2001:db8::9/128 fd00::/16", false, true },
	{ "each once, in order", "198.51.100.0/24 10.0.0.0/8 198.51.100.0/24 203.0.113.9/32",
	  "10.0.0.0/8 198.51.100.0/24 203.0.113.9/32", "", false, false },
};

#define UNLIMITED                                                               \
	"10.96.0.1:80(cluster) 192.168.0.1:30080(node) 198.51.100.7:80(external)"

START_TEST(source_ranges_are_of_the_family_and_for_the_balancer_only)
{
	const struct range_case *c = &range_cases[_i];
	struct object *service = dual_stack("10.96.0.1 fd00:96::1");
	struct service_world world;

	world_start(&world);
	service_ranges(service, c->ranges);
	world_put(&world, service);
	ck_assert_msg(!strcmp(world_ranges(&world, SERVICE, "http/tcp4"), c->ranges4), "%s: %s",
		      c->what, world_ranges(&world, SERVICE, "http/tcp4"));
	ck_assert_msg(!strcmp(world_ranges(&world, SERVICE, "http/tcp6"), c->ranges6), "%s: %s",
		      c->what, world_ranges(&world, SERVICE, "http/tcp6"));
	ck_assert_str_eq(world_frontends(&world, SERVICE, "http/tcp4"),
			 c->self4 ? UNLIMITED " 203.0.113.9:80(balancer,ranges,self)" :
				    UNLIMITED " 203.0.113.9:80(balancer,ranges)");
	ck_assert_int_eq(!strstr(world_frontends(&world, SERVICE, "http/tcp6"), "ranges,self"),
			 !c->self6);
	world_stop(&world);
}
END_TEST

START_TEST(an_external_ip_that_is_the_balancer_s_too_keeps_its_limits)
{
	struct object *service = make_service("shop", "front", "10.96.0.1", "http/tcp=80");
	struct service_world world;

	world_start(&world);
	service_external_ips(service, "203.0.113.9");
	service_balancer_ips(service, "203.0.113.9");
	service_ranges(service, "198.51.100.0/24");
	world_put(&world, service);
	ck_assert_str_eq(world_frontends(&world, SERVICE, "http/tcp4"),
			 "10.96.0.1:80(cluster) 203.0.113.9:80(external,ranges)");
	ck_assert_str_eq(world_ranges(&world, SERVICE, "http/tcp4"), "198.51.100.0/24");
	ck_assert_str_eq(world_problems(&world), "");
	world_stop(&world);
}
END_TEST

START_TEST(affinity_is_a_fact_of_every_port_and_family)
{
	struct object *service = make_service("shop", "front", "10.96.0.1", "a/tcp=80 b/tcp=81");
	struct service_world world;

	world_start(&world);
	service->service->affinity_s = 10800;
	world_put(&world, service);
	ck_assert_str_eq(world_images(&world, SERVICE),
			 "health=0/0; a/tcp4 affinity=10800 10.96.0.1:80(cluster) -> "
			 " [cluster:refuse local:refuse] from "
			 "; b/tcp4 affinity=10800 10.96.0.1:81(cluster) -> "
			 " [cluster:refuse local:refuse] from ");
	world_stop(&world);
}
END_TEST

CHECK_MAIN("service addresses",
	   CHECK_LOOP(what_is_not_served_has_no_frontends_also_from_one_moment_to_the_next,
		      ignored_cases),
	   CHECK_TEST(of_another_proxys_service_only_the_cluster_ips_are_kept),
	   CHECK_TEST(an_address_that_two_of_them_have_stays_until_both_are_gone),
	   CHECK_TEST(tcp_and_udp_of_one_number_are_two_service_ports),
	   CHECK_LOOP(the_type_says_which_addresses_there_are, type_cases),
	   CHECK_LOOP(each_traffic_policy_is_for_its_own_addresses, policy_cases),
	   CHECK_TEST(a_family_has_the_addresses_of_that_family),
	   CHECK_TEST(a_family_without_a_cluster_ip_has_no_frontends),
	   CHECK_TEST(a_balancer_works_without_a_node_port),
	   CHECK_TEST(node_ports_are_on_all_addresses_of_the_node),
	   CHECK_LOOP(source_ranges_are_of_the_family_and_for_the_balancer_only, range_cases),
	   CHECK_TEST(an_external_ip_that_is_the_balancer_s_too_keeps_its_limits),
	   CHECK_TEST(affinity_is_a_fact_of_every_port_and_family))
