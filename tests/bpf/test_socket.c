// SPDX-License-Identifier: Apache-2.0
/*
 * Sockets that use a service: where they get, what they are told, and whom the
 * programs leave alone.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "socket_world.h"

static const enum place one[] = { BACKEND_1, NOWHERE };
static const enum place three[] = { BACKEND_1, BACKEND_2, BACKEND_3, NOWHERE };

/* Connects and says something. */
static int begin(struct way way, enum place place, uint16_t port)
{
	int fd = client(way);

	ck_assert_int_eq(connect_to(fd, way, place, port), 0);
	if (way.type == SOCK_DGRAM)
		ck_assert_int_eq(write(fd, "?", 1), 1);
	return fd;
}

START_TEST(a_service_is_one_of_its_backends)
{
	int servers[PLACES], fd;

	service_make(ways[_i], one);
	servers_open(servers, ways[_i]);
	fd = begin(ways[_i], SERVICE, SERVICE_PORT);
	ck_assert_int_eq(served_by(servers, ways[_i]), BACKEND_1);
	close(fd);
	ck_assert_uint_eq(service_hits(1).connections, 1);
}
END_TEST

START_TEST(a_connected_socket_sees_the_service)
{
	int servers[PLACES], fd;
	uint16_t port;

	service_make(ways[_i], one);
	servers_open(servers, ways[_i]);
	fd = begin(ways[_i], SERVICE, SERVICE_PORT);
	ck_assert_int_eq(peer_of(fd, ways[_i], &port), SERVICE);
	ck_assert_uint_eq(port, SERVICE_PORT);
	if (ways[_i].type == SOCK_STREAM)
		return;
	served_by(servers, ways[_i]);
	ck_assert_int_eq(heard_from(fd, ways[_i], &port), SERVICE);
	ck_assert_uint_eq(port, SERVICE_PORT);
}
END_TEST

START_TEST(who_meant_the_backend_itself_sees_the_backend)
{
	int servers[PLACES], by_service, direct;
	uint16_t port;

	service_make(ways[_i], one);
	servers_open(servers, ways[_i]);
	by_service = begin(ways[_i], SERVICE, SERVICE_PORT);
	direct = begin(ways[_i], BACKEND_1, BACKEND_PORT);
	ck_assert_int_eq(peer_of(direct, ways[_i], &port), BACKEND_1);
	ck_assert_uint_eq(port, BACKEND_PORT);
	ck_assert_int_eq(peer_of(by_service, ways[_i], &port), SERVICE);
}
END_TEST

START_TEST(what_is_no_service_is_left_alone)
{
	int servers[PLACES], fd;
	uint16_t port;

	service_make(ways[_i], one);
	servers_open(servers, ways[_i]);
	fd = begin(ways[_i], PLAIN, BACKEND_PORT);
	ck_assert_int_eq(served_by(servers, ways[_i]), PLAIN);
	ck_assert_int_eq(peer_of(fd, ways[_i], &port), PLAIN);
	ck_assert_int_eq(connect_to(client(ways[_i]), ways[_i], SERVICE_2, SERVICE_PORT),
			 -ENETUNREACH);
	ck_assert_uint_eq(service_hits(1).connections, 0);
}
END_TEST

/* Elsewhere there is no way to the address, which the kernel would say otherwise. */
START_TEST(an_address_that_no_service_has_is_unreachable)
{
	int servers[PLACES];

	service_make(ways[_i], one);
	servers_open(servers, ways[_i]);
	service_cidr_at(SERVICE_2);
	ck_assert_int_eq(connect_to(client(ways[_i]), ways[_i], SERVICE_2, SERVICE_PORT),
			 -EHOSTUNREACH);
	if (ways[_i].type == SOCK_DGRAM)
		ck_assert_int_eq(send_to(client(ways[_i]), ways[_i], SERVICE_2, SERVICE_PORT),
				 -EHOSTUNREACH);
	begin(ways[_i], PLAIN, BACKEND_PORT);
	ck_assert_int_eq(served_by(servers, ways[_i]), PLAIN);
	service_cidr_at(SERVICE);
	begin(ways[_i], SERVICE, SERVICE_PORT);
	ck_assert_int_eq(served_by(servers, ways[_i]), BACKEND_1);
	ck_assert_int_eq(connect_to(client(ways[_i]), ways[_i], SERVICE_2, SERVICE_PORT),
			 -ENETUNREACH);
}
END_TEST

START_TEST(tcp_and_udp_of_one_port_are_two_services)
{
	struct way other = { ways[_i].speech,
			     ways[_i].type == SOCK_STREAM ? SOCK_DGRAM : SOCK_STREAM };

	service_make(ways[_i], one);
	ck_assert_int_eq(connect_to(client(other), other, SERVICE, SERVICE_PORT), -ECONNREFUSED);
	frontend_put(SERVICE, other, 0, 0, 0);
	ck_assert_int_eq(connect_to(client(other), other, SERVICE, SERVICE_PORT), -ENETUNREACH);
}
END_TEST

START_TEST(all_backends_have_their_share)
{
	int servers[PLACES], fd, counts[PLACES] = {};

	service_make(ways[_i], three);
	servers_open(servers, ways[_i]);
	for (int i = 0; i < 300; i++) {
		fd = begin(ways[_i], SERVICE, SERVICE_PORT);
		counts[served_by(servers, ways[_i])]++;
		close(fd);
	}
	/* Of 300 by chance fewer than 30: less than once in 10^18 runs. */
	for (int place = BACKEND_1; place <= BACKEND_3; place++)
		ck_assert_int_gt(counts[place], 30);
	ck_assert_uint_eq(service_hits(1).connections, 300);
}
END_TEST

START_TEST(a_new_set_is_in_force_with_the_next_connection)
{
	static const enum place next[] = { BACKEND_3, NOWHERE };
	int servers[PLACES], old, fd;
	uint16_t port;

	service_make(ways[_i], one);
	servers_open(servers, ways[_i]);
	old = begin(ways[_i], SERVICE, SERVICE_PORT);
	ck_assert_int_eq(served_by(servers, ways[_i]), BACKEND_1);
	backend_put(1, BACKEND_3, ways[_i], BACKEND_IN_CLUSTER);
	service_set(1, SERVICE_CLUSTER, next);
	for (int i = 0; i < 20; i++) {
		fd = begin(ways[_i], SERVICE, SERVICE_PORT);
		ck_assert_int_eq(served_by(servers, ways[_i]), BACKEND_3);
		close(fd);
	}
	ck_assert_int_eq(peer_of(old, ways[_i], &port), SERVICE);
}
END_TEST

START_TEST(another_namespace_is_left_alone)
{
	service_make(ways[_i], one);
	ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
	ck_assert_int_eq(system("ip link set lo up"), 0);
	ck_assert_int_eq(connect_to(client(ways[_i]), ways[_i], SERVICE, SERVICE_PORT),
			 -ENETUNREACH);
	ck_assert_uint_eq(service_hits(1).connections, 0);
}
END_TEST

START_TEST(every_namespace_is_served_where_that_is_asked_for)
{
	service_make(ways[_i], one);
	serve_everyone();
	ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
	/* The kernel makes the route of an IPv6 address a moment after the address. */
	ck_assert_int_eq(system("ip link set lo up && ip addr add 10.7.0.1/32 dev lo && "
				"ip addr add fd07::1/128 dev lo nodad && "
				"timeout 10 sh -c 'until ip -6 route show table local | grep -q fd07::1; "
				"do sleep 0.01; done'"), 0);
	server(ways[_i], BACKEND_1);
	begin(ways[_i], SERVICE, SERVICE_PORT);
	ck_assert_uint_eq(service_hits(1).connections, 1);
}
END_TEST

START_TEST(without_services_nothing_is_looked_up)
{
	service_make(ways[_i], one);
	services_in_use(false);
	ck_assert_int_eq(connect_to(client(ways[_i]), ways[_i], SERVICE, SERVICE_PORT),
			 -ENETUNREACH);
}
END_TEST

static const struct {
	const char *name;
	uint32_t recorded; /* what the compiler that made the most of them needed */
} programs[] = {
	{ "connect4", 1667 }, { "connect6", 1940 },
	{ "sendmsg4", 2936 }, { "sendmsg6", 3216 },
	{ "recvmsg4", 50 }, { "recvmsg6", 53 },
	{ "getpeername4", 50 }, { "getpeername6", 53 },
};

START_TEST(the_verifier_is_done_quickly)
{
	uint32_t verified = socket_verified(programs[_i].name);

	printf("# %s: %u instructions verified, %u recorded\n", programs[_i].name, verified,
	       programs[_i].recorded);
	fflush(stdout);
	ck_assert_msg(verified * 10 <= programs[_i].recorded * 11,
		      "%s: %u instructions verified, more than 10 %% over the recorded %u",
		      programs[_i].name, verified, programs[_i].recorded);
}
END_TEST

SOCKET_WORLD_MAIN("socket", CHECK_LOOP(a_service_is_one_of_its_backends, ways),
		  CHECK_LOOP(a_connected_socket_sees_the_service, ways),
		  CHECK_LOOP(who_meant_the_backend_itself_sees_the_backend, ways),
		  CHECK_LOOP(what_is_no_service_is_left_alone, ways),
		  CHECK_LOOP(an_address_that_no_service_has_is_unreachable, ways),
		  CHECK_LOOP(tcp_and_udp_of_one_port_are_two_services, ways),
		  CHECK_LOOP(all_backends_have_their_share, ways),
		  CHECK_LOOP(a_new_set_is_in_force_with_the_next_connection, ways),
		  CHECK_LOOP(another_namespace_is_left_alone, ways),
		  CHECK_LOOP(every_namespace_is_served_where_that_is_asked_for, ways),
		  CHECK_LOOP(without_services_nothing_is_looked_up, ways),
		  CHECK_LOOP(the_verifier_is_done_quickly, programs))
