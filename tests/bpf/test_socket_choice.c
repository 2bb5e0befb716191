// SPDX-License-Identifier: Apache-2.0
/* Which backend it is, and what happens where there is none. */
#include <errno.h>
#include <unistd.h>

#include "socket_world.h"

static const enum place nobody[] = { NOWHERE };
static const enum place one[] = { BACKEND_1, NOWHERE };
static const enum place two[] = { BACKEND_2, NOWHERE };
static const enum place three[] = { BACKEND_1, BACKEND_2, BACKEND_3, NOWHERE };

/* What the client gets by connecting, and by a datagram as well, which must be the same. */
static int attempt(struct way way, enum place place, uint16_t port)
{
	int fd = client(way), r = connect_to(fd, way, place, port);

	close(fd);
	if (way.type == SOCK_STREAM)
		return r;
	fd = client(way);
	ck_assert_int_eq(send_to(fd, way, place, port), r);
	close(fd);
	return r;
}

/* Which backend a new connection gets. */
static enum place connection(struct way way, const int servers[PLACES], enum place place)
{
	int fd = client(way);
	enum place by;

	ck_assert_int_eq(connect_to(fd, way, place, SERVICE_PORT), 0);
	if (way.type == SOCK_DGRAM)
		ck_assert_int_eq(write(fd, "?", 1), 1);
	by = served_by(servers, way);
	close(fd);
	return by;
}

static unsigned int attempts_of(struct way way)
{
	return way.type == SOCK_STREAM ? 1 : 2;
}

START_TEST(a_service_without_endpoints_refuses)
{
	service_make(ways[_i], nobody);
	service_empty(1, SERVICE_CLUSTER, SERVICE_REFUSE);
	ck_assert_int_eq(attempt(ways[_i], SERVICE, SERVICE_PORT), -ECONNREFUSED);
	ck_assert_uint_eq(service_hits(1).refused, attempts_of(ways[_i]));
	ck_assert_uint_eq(service_hits(1).connections, 0);
}
END_TEST

START_TEST(a_service_whose_endpoints_are_elsewhere_is_unreachable)
{
	service_make(ways[_i], nobody);
	service_empty(1, SERVICE_LOCAL, SERVICE_SILENT);
	frontend_put(SERVICE, ways[_i], SERVICE_PORT, 1, FRONTEND_LOCAL);
	ck_assert_int_eq(attempt(ways[_i], SERVICE, SERVICE_PORT), -EHOSTUNREACH);
	ck_assert_uint_eq(service_hits(1).silent, attempts_of(ways[_i]));
}
END_TEST

START_TEST(a_port_that_the_service_does_not_have_is_refused)
{
	service_make(ways[_i], one);
	ck_assert_int_eq(attempt(ways[_i], SERVICE, SERVICE_PORT + 1), -ECONNREFUSED);
}
END_TEST

START_TEST(an_address_that_is_not_the_service_s_alone_has_other_ports)
{
	int servers[PLACES];

	service_make(ways[_i], one);
	frontend_put(PLAIN, ways[_i], 0, 0, 0);
	frontend_put(PLAIN, ways[_i], SERVICE_PORT, 1, FRONTEND_EXTERNAL);
	servers_open(servers, ways[_i]);
	ck_assert_int_eq(connection(ways[_i], servers, PLAIN), BACKEND_1);
	ck_assert_int_eq(attempt(ways[_i], PLAIN, BACKEND_PORT), 0);
	ck_assert_int_eq(served_by(servers, ways[_i]), PLAIN);
}
END_TEST

static const struct {
	uint32_t flags;
	enum place backend; /* BACKEND_1 is in the cluster set, BACKEND_2 in the local one */
} policies[] = {
	{ 0, BACKEND_1 },
	{ FRONTEND_LOCAL, BACKEND_2 },
	{ FRONTEND_EXTERNAL, BACKEND_1 },
	{ FRONTEND_EXTERNAL | FRONTEND_LOCAL, BACKEND_1 }, /* the client is this node */
};

START_TEST(the_traffic_policy_says_which_set_counts)
{
	int servers[PLACES];

	for (int i = 0; i < CHECK_COUNT(ways); i++) {
		services_reset();
		service_make(ways[i], one);
		backend_put(1, BACKEND_2, ways[i], BACKEND_IN_LOCAL);
		service_set(1, SERVICE_LOCAL, two);
		frontend_put(SERVICE, ways[i], SERVICE_PORT, 1, policies[_i].flags);
		servers_open(servers, ways[i]);
		ck_assert_int_eq(connection(ways[i], servers, SERVICE), policies[_i].backend);
		for (int place = 0; place < PLACES; place++)
			close(servers[place]);
	}
}
END_TEST

START_TEST(source_ranges_count_for_the_node_as_well)
{
	int servers[PLACES];

	service_make(ways[_i], one);
	servers_open(servers, ways[_i]);
	frontend_put(SERVICE, ways[_i], SERVICE_PORT, 1, FRONTEND_EXTERNAL | FRONTEND_RANGES);
	ck_assert_int_eq(attempt(ways[_i], SERVICE, SERVICE_PORT), -EHOSTUNREACH);
	ck_assert_uint_eq(service_hits(1).silent, attempts_of(ways[_i]));
	frontend_put(SERVICE, ways[_i], SERVICE_PORT, 1,
		     FRONTEND_EXTERNAL | FRONTEND_RANGES | FRONTEND_RANGES_NODE);
	ck_assert_int_eq(connection(ways[_i], servers, SERVICE), BACKEND_1);
}
END_TEST

START_TEST(with_session_affinity_the_node_keeps_its_backend)
{
	int servers[PLACES];
	enum place first;

	service_make(ways[_i], three);
	service_affinity(1, 3600);
	frontend_put(SERVICE_2, ways[_i], 0, 0, 0);
	frontend_put(SERVICE_2, ways[_i], SERVICE_PORT, 1, FRONTEND_EXTERNAL);
	servers_open(servers, ways[_i]);
	first = connection(ways[_i], servers, SERVICE);
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(connection(ways[_i], servers, SERVICE), first);
		ck_assert_int_eq(connection(ways[_i], servers, SERVICE_2), first);
	}
}
END_TEST

START_TEST(affinity_ends_with_its_time)
{
	int servers[PLACES], others = 0;
	enum place first;

	service_make(ways[_i], three);
	service_affinity(1, 3600);
	servers_open(servers, ways[_i]);
	first = connection(ways[_i], servers, SERVICE);
	for (int i = 0; i < 60; i++) {
		affinity_ages(3601);
		others += connection(ways[_i], servers, SERVICE) != first;
	}
	ck_assert_int_gt(others, 5);
	affinity_ages(3500);
	first = connection(ways[_i], servers, SERVICE);
	/* Its time begins anew with each connection. */
	affinity_ages(3500);
	ck_assert_int_eq(connection(ways[_i], servers, SERVICE), first);
}
END_TEST

START_TEST(affinity_ends_with_its_backend)
{
	int servers[PLACES];

	service_make(ways[_i], one);
	service_affinity(1, 3600);
	servers_open(servers, ways[_i]);
	ck_assert_int_eq(connection(ways[_i], servers, SERVICE), BACKEND_1);
	backend_put(1, BACKEND_2, ways[_i], BACKEND_IN_CLUSTER);
	service_set(1, SERVICE_CLUSTER, two);
	backend_ends(1, BACKEND_1);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(connection(ways[_i], servers, SERVICE), BACKEND_2);
}
END_TEST

START_TEST(affinity_is_not_inherited_with_a_number)
{
	int servers[PLACES], others = 0;
	enum place first;

	service_make(ways[_i], three);
	service_affinity(1, 3600);
	servers_open(servers, ways[_i]);
	first = connection(ways[_i], servers, SERVICE);
	/* All numbers have new owners each time. */
	for (uint32_t generation = 8; generation < 60; generation++) {
		for (int place = BACKEND_1; place <= BACKEND_3; place++)
			backend_write(backend_of(1, place), 1, place, ways[_i], BACKEND_IN_CLUSTER,
				      generation);
		others += connection(ways[_i], servers, SERVICE) != first;
	}
	ck_assert_int_gt(others, 5);
}
END_TEST

START_TEST(affinity_ends_where_the_backend_leaves_the_set)
{
	int servers[PLACES];

	service_make(ways[_i], one);
	service_affinity(1, 3600);
	servers_open(servers, ways[_i]);
	ck_assert_int_eq(connection(ways[_i], servers, SERVICE), BACKEND_1);
	backend_put(1, BACKEND_2, ways[_i], BACKEND_IN_CLUSTER);
	service_set(1, SERVICE_CLUSTER, two);
	backend_put(1, BACKEND_1, ways[_i], BACKEND_IN_LOCAL);
	ck_assert_int_eq(connection(ways[_i], servers, SERVICE), BACKEND_2);
}
END_TEST

START_TEST(each_namespace_is_a_client_of_its_own)
{
	service_make(ways[_i], one);
	service_affinity(1, 3600);
	serve_everyone();
	attempt(ways[_i], SERVICE, SERVICE_PORT);
	attempt(ways[_i], SERVICE, SERVICE_PORT);
	ck_assert_uint_eq(affinity_clients(is_v6(ways[_i].speech)), 1);
	place_network();
	attempt(ways[_i], SERVICE, SERVICE_PORT);
	ck_assert_uint_eq(affinity_clients(is_v6(ways[_i].speech)), 2);
}
END_TEST

SOCKET_WORLD_MAIN("socket_choice", CHECK_LOOP(a_service_without_endpoints_refuses, ways),
		  CHECK_LOOP(a_service_whose_endpoints_are_elsewhere_is_unreachable, ways),
		  CHECK_LOOP(a_port_that_the_service_does_not_have_is_refused, ways),
		  CHECK_LOOP(an_address_that_is_not_the_service_s_alone_has_other_ports, ways),
		  CHECK_LOOP(the_traffic_policy_says_which_set_counts, policies),
		  CHECK_LOOP(source_ranges_count_for_the_node_as_well, ways),
		  CHECK_LOOP(with_session_affinity_the_node_keeps_its_backend, ways),
		  CHECK_LOOP(affinity_ends_with_its_time, ways),
		  CHECK_LOOP(affinity_ends_with_its_backend, ways),
		  CHECK_LOOP(affinity_is_not_inherited_with_a_number, ways),
		  CHECK_LOOP(affinity_ends_where_the_backend_leaves_the_set, ways),
		  CHECK_LOOP(each_namespace_is_a_client_of_its_own, ways))
