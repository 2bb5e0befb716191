// SPDX-License-Identifier: Apache-2.0
/*
 * A backend ends, and sockets are connected to it: no program sees what they send, so
 * the agent ends them.
 */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "bpffs_main.h"
#include "reconcile/orphan.h"
#include "socket_world.h"
#include "weir/peer.h"

static const enum place one[] = { BACKEND_1, NOWHERE };
static struct datapath *dp;

int socket_map_fd(const char *map)
{
	for (int i = 0; i < DATAPATH_MAP_MAX; i++)
		if (!strcmp(datapath_map_name((enum datapath_map)i), map))
			return datapath_map_fd(dp, (enum datapath_map)i);
	place_die(map, ENOENT);
}

/* A service, a server, and programs in force. */
static void begin(struct way way)
{
	const struct datapath_config config = { .bpffs = bpffs, .sockets = true };
	char error[DATAPATH_ERROR_MAX] = "";

	place_network();
	ck_assert_msg(!datapath_open(&dp, &config, error), "%s", error);
	ck_assert_msg(!datapath_attach_sockets(dp, place_cgroup(), error), "%s", error);
	services_reset();
	service_make(way, one);
	server(way, BACKEND_1);
	server(way, PLAIN);
}

static int connected(struct way way, enum place place, uint16_t port)
{
	int fd = client(way);

	ck_assert_int_eq(connect_to(fd, way, place, port), 0);
	return fd;
}

/* How many the agent ends. */
static size_t ended(void)
{
	size_t udp_count, tcp_count;
	int r = orphans_end(&udp_count, dp, IPPROTO_UDP);

	r = r ?: orphans_end(&tcp_count, dp, IPPROTO_TCP);
	ck_assert_msg(!r, "%s", strerror(-r));
	return udp_count + tcp_count;
}

/* The next call of its owner. */
static bool is_ended(int fd)
{
	int err = 0;
	socklen_t length = sizeof(err);

	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &length), 0);
	return err == ECONNABORTED;
}

static void peer_put(enum place place, struct way way, uint32_t kind)
{
	struct ip_addr addr = place_addr(place, is_v6(way.speech));
	bool v6 = is_v6(way.speech);
	struct peer peer = { .kind = kind };
	const void *key = v6 ? (void *)&addr : &addr.words[3];
	int fd = socket_map_fd(v6 ? "peer6" : "peer4");

	if (kind == PEER_WORLD)
		ck_assert_int_eq(bpf_map_delete_elem(fd, key), 0);
	else
		ck_assert_int_eq(bpf_map_update_elem(fd, key, &peer, BPF_ANY), 0);
}

START_TEST(nobody_is_ended_while_all_goes_well)
{
	int fd;

	begin(ways[_i]);
	fd = connected(ways[_i], SERVICE, SERVICE_PORT);
	ck_assert_uint_eq(ended(), 0);
	ck_assert(!is_ended(fd));
}
END_TEST

static const struct way udp[] = {
	{ SPEAK_4, SOCK_DGRAM }, { SPEAK_6, SOCK_DGRAM }, { SPEAK_MAPPED, SOCK_DGRAM },
};

START_TEST(a_connected_udp_socket_ends_with_its_backend)
{
	int fd, direct, other;

	begin(udp[_i]);
	fd = connected(udp[_i], SERVICE, SERVICE_PORT);
	direct = connected(udp[_i], BACKEND_1, BACKEND_PORT);
	other = connected(udp[_i], PLAIN, BACKEND_PORT);
	/* What it sends meets no program: that is why. */
	backend_ends(1, BACKEND_1);
	ck_assert_int_eq(write(fd, "?", 1), 1);
	ck_assert_uint_eq(ended(), 1);
	ck_assert(is_ended(fd));
	ck_assert(!is_ended(direct));
	ck_assert(!is_ended(other));
	ck_assert_int_eq(write(fd, "?", 1), -1);
	ck_assert_int_eq(write(direct, "?", 1), 1);
	ck_assert_uint_eq(ended(), 0);
}
END_TEST

START_TEST(an_ended_socket_connects_again)
{
	static const enum place two[] = { BACKEND_2, NOWHERE };
	int fd;

	begin(udp[_i]);
	fd = connected(udp[_i], SERVICE, SERVICE_PORT);
	backend_put(1, BACKEND_2, udp[_i], BACKEND_IN_CLUSTER);
	service_set(1, SERVICE_CLUSTER, two);
	backend_ends(1, BACKEND_1);
	ck_assert_uint_eq(ended(), 1);
	ck_assert(is_ended(fd));
	ck_assert_int_eq(connect_to(fd, udp[_i], SERVICE, SERVICE_PORT), 0);
	ck_assert_uint_eq(ended(), 0);
	ck_assert_int_eq(write(fd, "?", 1), 1);
}
END_TEST

START_TEST(a_udp_socket_ends_with_the_address)
{
	int fd;

	begin(udp[_i]);
	fd = connected(udp[_i], SERVICE, SERVICE_PORT);
	frontend_remove(SERVICE, udp[_i], SERVICE_PORT);
	ck_assert_uint_eq(ended(), 1);
	ck_assert(is_ended(fd));
}
END_TEST

START_TEST(a_udp_socket_that_came_before_its_service_is_ended)
{
	int fd;

	begin(udp[_i]);
	frontend_remove(SERVICE, udp[_i], SERVICE_PORT);
	frontend_remove(SERVICE, udp[_i], 0);
	/* Somewhere it would go, by the default route for example. */
	ck_assert_int_eq(system("ip route add 10.96.0.10 dev lo && "
				"ip route add fd96::10 dev lo"), 0);
	fd = connected(udp[_i], SERVICE, SERVICE_PORT);
	ck_assert_uint_eq(ended(), 0);
	/* Others can serve such an address as well. */
	frontend_put(SERVICE, udp[_i], SERVICE_PORT, 1, FRONTEND_EXTERNAL);
	ck_assert_uint_eq(ended(), 0);
	frontend_put(SERVICE, udp[_i], SERVICE_PORT, 1, 0);
	ck_assert_uint_eq(ended(), 1);
	ck_assert(is_ended(fd));
}
END_TEST

START_TEST(a_udp_socket_that_is_not_connected_is_left_alone)
{
	int fd;

	begin(udp[_i]);
	fd = client(udp[_i]);
	ck_assert_int_eq(send_to(fd, udp[_i], SERVICE, SERVICE_PORT), 0);
	backend_ends(1, BACKEND_1);
	ck_assert_uint_eq(ended(), 0);
	ck_assert(!is_ended(fd));
}
END_TEST

static const struct {
	uint32_t before, after; /* what the backend's address is */
	bool backend_ends;
	bool ends;
} tcp[] = {
	{ PEER_LOCAL_POD, PEER_WORLD, true, true },
	{ PEER_REMOTE_POD, PEER_WORLD, true, true },
	{ PEER_LOCAL_POD, PEER_LOCAL_POD, true, false }, /* it finishes what it has begun */
	{ PEER_NODE, PEER_NODE, true, false }, /* no pod: its end is not known */
	{ PEER_LOCAL_POD, PEER_WORLD, false, false },
};

START_TEST(a_tcp_connection_ends_with_its_pod)
{
	struct way way = ways[_i % 3];
	int row = _i / 3, fd;

	begin(way);
	peer_put(BACKEND_1, way, tcp[row].before);
	fd = connected(way, SERVICE, SERVICE_PORT);
	if (tcp[row].backend_ends)
		backend_ends(1, BACKEND_1);
	if (tcp[row].after != tcp[row].before)
		peer_put(BACKEND_1, way, tcp[row].after);
	ck_assert_uint_eq(ended(), tcp[row].ends);
	ck_assert_int_eq(is_ended(fd), tcp[row].ends);
}
END_TEST

START_TEST(another_namespace_is_left_alone)
{
	int fd;

	begin(udp[_i]);
	fd = connected(udp[_i], SERVICE, SERVICE_PORT);
	backend_ends(1, BACKEND_1);
	place_network();
	ck_assert_uint_eq(ended(), 0);
	ck_assert(!is_ended(fd));
}
END_TEST

BPFFS_MAIN("socket_orphan", CHECK_LOOP(nobody_is_ended_while_all_goes_well, ways),
	   CHECK_LOOP(a_connected_udp_socket_ends_with_its_backend, udp),
	   CHECK_LOOP(an_ended_socket_connects_again, udp),
	   CHECK_LOOP(a_udp_socket_ends_with_the_address, udp),
	   CHECK_LOOP(a_udp_socket_that_came_before_its_service_is_ended, udp),
	   CHECK_LOOP(a_udp_socket_that_is_not_connected_is_left_alone, udp),
	   { "a_tcp_connection_ends_with_its_pod", a_tcp_connection_ends_with_its_pod,
	     3 * CHECK_COUNT(tcp), tcp },
	   CHECK_LOOP(another_namespace_is_left_alone, udp))
