// SPDX-License-Identifier: Apache-2.0
/* Endpoints that are ClusterIPs: no host has them. */
#include "lib/check_main.h"

#include <stdio.h>
#include <string.h>

#include "service_fixture.h"

#define IMAGE(family) ((family) ? "http/tcp6" : "http/tcp4")
#define FRONT_TEXT                                                     \
	"Service shop/front: EndpointSlice front-1: endpoints: %s is " \
	"the ClusterIP of a Service, and no host's\n"

static const struct {
	const char *front, *other; /* ClusterIPs */
	const char *pod, *target; /* endpoints of front; the second is the other Service's */
	const char *both, *one; /* backends */
} families[] = {
	{ "10.96.0.1", "10.96.0.2", "10.1.0.1", "198.51.100.7",
	  "10.1.0.1:8080(cluster) 198.51.100.7:8080(cluster)", "10.1.0.1:8080(cluster)" },
	{ "fd00:96::1", "fd00:96::2", "fd00:1::1", "2001:db8::7",
	  "[2001:db8::7]:8080(cluster) [fd00:1::1]:8080(cluster)", "[fd00:1::1]:8080(cluster)" },
};

/* The other Service, which has @target as an address of each kind. */
static struct object *by_cluster_ip(int family)
{
	return make_service("bank", "till", families[family].target, "other/udp=9");
}

static struct object *by_external_ip(int family)
{
	struct object *service = make_service("bank", "till", families[family].other, "other/udp=9");

	service_external_ips(service, families[family].target);
	return service;
}

static struct object *by_balancer(int family)
{
	struct object *service = make_service("bank", "till", families[family].other, "other/udp=9");

	service_balancer_ips(service, families[family].target);
	return service;
}

/* Nothing is served there: there is no such frontend, though the address is the Service's. */
static struct object *without_ports(int family)
{
	return make_service("bank", "till", families[family].target, "");
}

static struct object *(*const makers[])(int family) = { by_cluster_ip, without_ports };

#define ROWS (2 * CHECK_COUNT(makers))

/* Of these anybody who may write a Service, or has a load balancer, chooses the address. */
static struct object *(*const harmless[])(int family) = { by_external_ip, by_balancer };

static struct object *front(int family)
{
	return make_service("shop", "front", families[family].front, "http/tcp=80");
}

static struct object *slice(int family)
{
	struct object *obj = make_slice("shop", "front-1", "front", !family, "http/tcp=8080");

	slice_add(obj, families[family].pod);
	slice_add(obj, families[family].target);
	return obj;
}

static void expect(struct service_world *world, int family, bool refused)
{
	char problems[256] = "";

	if (refused)
		snprintf(problems, sizeof(problems), FRONT_TEXT, families[family].target);
	ck_assert_str_eq(world_backends(world, "shop/front", IMAGE(family)),
			 refused ? families[family].one : families[family].both);
	ck_assert_str_eq(world_problems(world), problems);
}

START_TEST(a_cluster_ip_is_no_endpoint_and_it_is_reported)
{
	struct service_world world;
	int family = _i % 2;

	world_start(&world);
	world_put(&world, makers[_i / 2](family));
	world_put(&world, front(family));
	world_put(&world, slice(family));
	world_changes(&world);
	expect(&world, family, true);
	world_stop(&world);
}
END_TEST

START_TEST(it_counts_as_long_as_no_service_has_the_address)
{
	struct service_world world;
	int family = _i % 2;

	world_start(&world);
	world_put(&world, slice(family));
	world_put(&world, front(family));
	ck_assert_str_eq(world_changes(&world), "shop/front");
	expect(&world, family, false);
	for (int turn = 0; turn < 2; turn++) {
		world_put(&world, makers[_i / 2](family));
		ck_assert_str_eq(world_changes(&world), "bank/till shop/front");
		expect(&world, family, true);
		world_drop(&world, OBJECT_SERVICE, "bank", "till");
		ck_assert_str_eq(world_changes(&world), "bank/till(gone) shop/front");
		expect(&world, family, false);
	}
	world_stop(&world);
}
END_TEST

START_TEST(of_two_services_with_the_address_the_last_one_frees_it)
{
	struct object *second = by_cluster_ip(_i);
	struct service_world world;

	free(second->name);
	second->name = strdup("vault");
	ck_assert_ptr_nonnull(second->name);
	world_start(&world);
	world_put(&world, front(_i));
	world_put(&world, slice(_i));
	world_put(&world, by_cluster_ip(_i));
	world_put(&world, second);
	world_drop(&world, OBJECT_SERVICE, "bank", "till");
	world_changes(&world);
	ck_assert_str_eq(world_backends(&world, "shop/front", IMAGE(_i)), families[_i].one);
	world_drop(&world, OBJECT_SERVICE, "bank", "vault");
	world_changes(&world);
	expect(&world, _i, false);
	world_stop(&world);
}
END_TEST

START_TEST(a_service_is_no_endpoint_of_itself)
{
	struct object *obj = make_slice("shop", "front-1", "front", !_i, "http/tcp=80");
	struct service_world world;

	slice_add(obj, families[_i].front);
	world_start(&world);
	world_put(&world, obj);
	world_put(&world, front(_i));
	world_changes(&world);
	ck_assert_str_eq(world_backends(&world, "shop/front", IMAGE(_i)), "");
	ck_assert_str_eq(world_empty(&world, "shop/front", IMAGE(_i)), "cluster:refuse local:refuse");
	world_stop(&world);
}
END_TEST

/* Else who may write a Service could take hosts outside from others' Services. */
START_TEST(an_external_address_of_a_service_stays_an_endpoint)
{
	struct service_world world;
	int family = _i % 2;

	world_start(&world);
	world_put(&world, front(family));
	world_put(&world, slice(family));
	world_changes(&world);
	world_put(&world, harmless[_i / 2](family));
	ck_assert_str_eq(world_changes(&world), "bank/till");
	expect(&world, family, false);
	world_stop(&world);
}
END_TEST

/* A Node, a Pod, or one of the host network. */
static struct object *host(int kind)
{
	const char *ip = families[0].target;
	struct object *obj;

	if (!kind)
		return make_node("b", ip);
	obj = make_pod("shop", "back", "b", "", ip, "");
	obj->pod.host_network = kind > 1;
	return obj;
}

static void drop_host(struct service_world *world, int kind)
{
	world_drop(world, kind ? OBJECT_POD : OBJECT_NODE, kind ? "shop" : "", kind ? "back" : "b");
}

START_TEST(an_address_of_a_pod_or_node_stays_an_endpoint)
{
	struct service_world world;

	world_start(&world);
	world_put(&world, front(0));
	world_put(&world, slice(0));
	world_put(&world, host(_i));
	world_put(&world, by_cluster_ip(0));
	world_changes(&world);
	expect(&world, 0, false);
	for (int turn = 0; turn < 2; turn++) {
		drop_host(&world, _i);
		ck_assert_str_eq(world_changes(&world), "shop/front");
		expect(&world, 0, true);
		world_put(&world, host(_i));
		ck_assert_str_eq(world_changes(&world), "shop/front");
		expect(&world, 0, false);
	}
	world_stop(&world);
}
END_TEST

START_TEST(whether_a_host_has_it_is_asked_whatever_comes_last)
{
	struct service_world world;

	world_start(&world);
	for (int i = 0; i < 4; i++)
		switch ((i + _i) % 4) {
		case 0:
			world_put(&world, front(0));
			break;
		case 1:
			world_put(&world, slice(0));
			break;
		case 2:
			world_put(&world, by_cluster_ip(0));
			break;
		case 3:
			world_put(&world, host(1));
			break;
		}
	world_changes(&world);
	expect(&world, 0, false);
	drop_host(&world, 1);
	world_changes(&world);
	expect(&world, 0, true);
	world_stop(&world);
}
END_TEST

START_TEST(a_pod_that_has_ended_has_given_its_address_back)
{
	struct object *pod = host(1);
	struct service_world world;

	pod->pod.finished = true;
	world_start(&world);
	world_put(&world, front(0));
	world_put(&world, slice(0));
	world_put(&world, by_cluster_ip(0));
	world_put(&world, pod);
	world_changes(&world);
	expect(&world, 0, true);
	world_stop(&world);
}
END_TEST

static struct object *foreign(int family)
{
	struct object *service = by_cluster_ip(family);

	service->service->foreign = true;
	return service;
}

START_TEST(a_service_that_is_not_served_takes_no_endpoint)
{
	struct service_world world;

	world_start(&world);
	world_put(&world, foreign(0));
	world_put(&world, front(0));
	world_put(&world, slice(0));
	world_changes(&world);
	expect(&world, 0, false);
	/* It becomes one that is. */
	world_put(&world, by_cluster_ip(0));
	ck_assert_str_eq(world_changes(&world), "bank/till shop/front");
	expect(&world, 0, true);
	world_stop(&world);
}
END_TEST

START_TEST(slices_are_told_of_by_name_whatever_came_first)
{
	static const char *const orders[] = { "123", "312", "231", "321" };
	struct service_world world;
	const char *said;

	world_start(&world);
	world_put(&world, front(0));
	for (const char *at = orders[_i]; *at; at++) {
		char name[] = { 's', *at, '\0' };
		struct object *obj = make_slice("shop", name, "front", true, "http/tcp=8080");

		slice_add(obj, "10.96.0.1");
		world_put(&world, obj);
	}
	world_changes(&world);
	said = world_problems(&world);
	ck_assert(strstr(said, "EndpointSlice s1") < strstr(said, "EndpointSlice s2"));
	ck_assert(strstr(said, "EndpointSlice s2") < strstr(said, "EndpointSlice s3"));
	world_drop(&world, OBJECT_ENDPOINT_SLICE, "shop", "s2");
	world_changes(&world);
	said = world_problems(&world);
	ck_assert_ptr_null(strstr(said, "EndpointSlice s2"));
	ck_assert(strstr(said, "EndpointSlice s1") < strstr(said, "EndpointSlice s3"));
	world_stop(&world);
}
END_TEST

static const char kinds[ROWS], others[2 * CHECK_COUNT(harmless)];
static const char pairs[2], hosts[3], orders[4];

CHECK_MAIN("service targets",
	   CHECK_LOOP(a_cluster_ip_is_no_endpoint_and_it_is_reported, kinds),
	   CHECK_LOOP(it_counts_as_long_as_no_service_has_the_address, kinds),
	   CHECK_LOOP(of_two_services_with_the_address_the_last_one_frees_it, pairs),
	   CHECK_LOOP(a_service_is_no_endpoint_of_itself, pairs),
	   CHECK_LOOP(an_external_address_of_a_service_stays_an_endpoint, others),
	   CHECK_LOOP(an_address_of_a_pod_or_node_stays_an_endpoint, hosts),
	   CHECK_LOOP(whether_a_host_has_it_is_asked_whatever_comes_last, orders),
	   CHECK_TEST(a_pod_that_has_ended_has_given_its_address_back),
	   CHECK_TEST(a_service_that_is_not_served_takes_no_endpoint),
	   CHECK_LOOP(slices_are_told_of_by_name_whatever_came_first, orders))
