// SPDX-License-Identifier: Apache-2.0
/* Datagrams that name their receiver: the socket has a backend per service, until it ends. */
#include <errno.h>
#include <unistd.h>

#include "socket_world.h"

static const struct way udp[] = {
	{ SPEAK_4, SOCK_DGRAM }, { SPEAK_6, SOCK_DGRAM }, { SPEAK_MAPPED, SOCK_DGRAM },
};

static const enum place one[] = { BACKEND_1, NOWHERE };
static const enum place two[] = { BACKEND_2, NOWHERE };
static const enum place three[] = { BACKEND_1, BACKEND_2, BACKEND_3, NOWHERE };

/* Sends one to the service, and who answers seems to be the service. Which backend did. */
static enum place ask(int fd, struct way way, const int servers[PLACES], enum place place)
{
	enum place by;
	uint16_t port;

	ck_assert_int_eq(send_to(fd, way, place, SERVICE_PORT), 0);
	by = served_by(servers, way);
	ck_assert_int_eq(heard_from(fd, way, &port), place);
	ck_assert_uint_eq(port, SERVICE_PORT);
	return by;
}

START_TEST(the_service_answers)
{
	int servers[PLACES];

	service_make(udp[_i], one);
	servers_open(servers, udp[_i]);
	ck_assert_int_eq(ask(client(udp[_i]), udp[_i], servers, SERVICE), BACKEND_1);
}
END_TEST

START_TEST(a_socket_keeps_its_backend)
{
	int servers[PLACES], fd = client(udp[_i]);
	enum place first;

	service_make(udp[_i], three);
	servers_open(servers, udp[_i]);
	first = ask(fd, udp[_i], servers, SERVICE);
	for (int i = 0; i < 30; i++)
		ck_assert_int_eq(ask(fd, udp[_i], servers, SERVICE), first);
	ck_assert_uint_eq(service_hits(1).connections, 1);
}
END_TEST

START_TEST(sockets_choose_each_for_themselves)
{
	int servers[PLACES], fd, counts[PLACES] = {};

	service_make(udp[_i], three);
	servers_open(servers, udp[_i]);
	for (int i = 0; i < 200; i++) {
		fd = client(udp[_i]);
		counts[ask(fd, udp[_i], servers, SERVICE)]++;
		close(fd);
	}
	for (int place = BACKEND_1; place <= BACKEND_3; place++)
		ck_assert_int_gt(counts[place], 10);
}
END_TEST

START_TEST(a_backend_that_ends_is_left_with_the_next_datagram)
{
	int servers[PLACES], fd = client(udp[_i]);

	service_make(udp[_i], one);
	servers_open(servers, udp[_i]);
	ck_assert_int_eq(ask(fd, udp[_i], servers, SERVICE), BACKEND_1);
	backend_put(1, BACKEND_2, udp[_i], BACKEND_IN_CLUSTER);
	service_set(1, SERVICE_CLUSTER, two);
	backend_ends(1, BACKEND_1);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(ask(fd, udp[_i], servers, SERVICE), BACKEND_2);
}
END_TEST

START_TEST(a_backend_that_only_leaves_its_set_is_kept)
{
	int servers[PLACES], fd = client(udp[_i]);

	service_make(udp[_i], one);
	servers_open(servers, udp[_i]);
	ck_assert_int_eq(ask(fd, udp[_i], servers, SERVICE), BACKEND_1);
	backend_put(1, BACKEND_2, udp[_i], BACKEND_IN_CLUSTER);
	service_set(1, SERVICE_CLUSTER, two);
	backend_put(1, BACKEND_1, udp[_i], 0);
	ck_assert_int_eq(ask(fd, udp[_i], servers, SERVICE), BACKEND_1);
	ck_assert_int_eq(ask(client(udp[_i]), udp[_i], servers, SERVICE), BACKEND_2);
}
END_TEST

START_TEST(the_number_of_an_ended_backend_may_be_used_again)
{
	int servers[PLACES], fd = client(udp[_i]);
	uint32_t number = backend_of(1, BACKEND_1);

	service_make(udp[_i], one);
	servers_open(servers, udp[_i]);
	ask(fd, udp[_i], servers, SERVICE);
	backend_ends(1, BACKEND_1);
	backend_write(number, 1, BACKEND_2, udp[_i], BACKEND_IN_CLUSTER, 8);
	ck_assert_int_eq(ask(fd, udp[_i], servers, SERVICE), BACKEND_2);
}
END_TEST

START_TEST(an_address_that_changes_its_service_is_asked_again)
{
	int servers[PLACES], fd = client(udp[_i]);

	service_make(udp[_i], one);
	servers_open(servers, udp[_i]);
	ck_assert_int_eq(ask(fd, udp[_i], servers, SERVICE), BACKEND_1);
	backend_put(2, BACKEND_2, udp[_i], BACKEND_IN_CLUSTER);
	service_set(2, SERVICE_CLUSTER, two);
	frontend_put(SERVICE, udp[_i], SERVICE_PORT, 2, 0);
	ck_assert_int_eq(ask(fd, udp[_i], servers, SERVICE), BACKEND_2);
}
END_TEST

START_TEST(one_socket_uses_two_services)
{
	int servers[PLACES], fd = client(udp[_i]);

	service_make(udp[_i], one);
	backend_put(2, BACKEND_2, udp[_i], BACKEND_IN_CLUSTER);
	service_set(2, SERVICE_CLUSTER, two);
	frontend_put(SERVICE_2, udp[_i], 0, 0, FRONTEND_WHOLE);
	frontend_put(SERVICE_2, udp[_i], SERVICE_PORT, 2, 0);
	servers_open(servers, udp[_i]);
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(ask(fd, udp[_i], servers, SERVICE), BACKEND_1);
		ck_assert_int_eq(ask(fd, udp[_i], servers, SERVICE_2), BACKEND_2);
	}
}
END_TEST

START_TEST(two_services_may_share_a_backend)
{
	int servers[PLACES], fd = client(udp[_i]);

	service_make(udp[_i], one);
	backend_put(2, BACKEND_1, udp[_i], BACKEND_IN_CLUSTER);
	service_set(2, SERVICE_CLUSTER, one);
	frontend_put(SERVICE_2, udp[_i], 0, 0, 0);
	frontend_put(SERVICE_2, udp[_i], SERVICE_PORT, 2, 0);
	servers_open(servers, udp[_i]);
	for (int i = 0; i < 5; i++) {
		ask(fd, udp[_i], servers, SERVICE);
		ask(fd, udp[_i], servers, SERVICE_2);
	}
	ck_assert_uint_eq(service_hits(1).connections, 1);
	ck_assert_uint_eq(service_hits(2).connections, 1);
}
END_TEST

START_TEST(others_are_heard_by_their_own_addresses)
{
	int servers[PLACES], fd = client(udp[_i]);
	uint16_t port;

	service_make(udp[_i], one);
	servers_open(servers, udp[_i]);
	ask(fd, udp[_i], servers, SERVICE);
	ck_assert_int_eq(send_to(fd, udp[_i], PLAIN, BACKEND_PORT), 0);
	ck_assert_int_eq(served_by(servers, udp[_i]), PLAIN);
	ck_assert_int_eq(heard_from(fd, udp[_i], &port), PLAIN);
	ck_assert_uint_eq(port, BACKEND_PORT);
	/* Another socket has not asked the service. */
	fd = client(udp[_i]);
	ck_assert_int_eq(send_to(fd, udp[_i], BACKEND_1, BACKEND_PORT), 0);
	served_by(servers, udp[_i]);
	ck_assert_int_eq(heard_from(fd, udp[_i], &port), BACKEND_1);
}
END_TEST

START_TEST(a_connected_socket_may_name_the_service_as_well)
{
	int servers[PLACES], fd = client(udp[_i]);

	service_make(udp[_i], three);
	servers_open(servers, udp[_i]);
	ck_assert_int_eq(connect_to(fd, udp[_i], SERVICE, SERVICE_PORT), 0);
	/* The kernel takes answers of the connected backend only: it must be that one. */
	for (int i = 0; i < 10; i++)
		ask(fd, udp[_i], servers, SERVICE);
}
END_TEST

START_TEST(what_was_forgotten_is_learned_again)
{
	int servers[PLACES], fd = client(udp[_i]);

	service_make(udp[_i], three);
	servers_open(servers, udp[_i]);
	for (int i = 0; i < 5; i++) {
		ask(fd, udp[_i], servers, SERVICE);
		socket_peers_forget(SOCKET_PEER_BACKEND);
	}
	ck_assert_uint_eq(service_hits(1).connections, 1);
	socket_peers_forget(SOCKET_PEER_SERVICE);
	ask(fd, udp[_i], servers, SERVICE);
	ck_assert_uint_eq(service_hits(1).connections, 2);
}
END_TEST

SOCKET_WORLD_MAIN("socket_udp", CHECK_LOOP(the_service_answers, udp),
		  CHECK_LOOP(a_socket_keeps_its_backend, udp),
		  CHECK_LOOP(sockets_choose_each_for_themselves, udp),
		  CHECK_LOOP(a_backend_that_ends_is_left_with_the_next_datagram, udp),
		  CHECK_LOOP(a_backend_that_only_leaves_its_set_is_kept, udp),
		  CHECK_LOOP(the_number_of_an_ended_backend_may_be_used_again, udp),
		  CHECK_LOOP(an_address_that_changes_its_service_is_asked_again, udp),
		  CHECK_LOOP(one_socket_uses_two_services, udp),
		  CHECK_LOOP(two_services_may_share_a_backend, udp),
		  CHECK_LOOP(others_are_heard_by_their_own_addresses, udp),
		  CHECK_LOOP(a_connected_socket_may_name_the_service_as_well, udp),
		  CHECK_LOOP(what_was_forgotten_is_learned_again, udp))
