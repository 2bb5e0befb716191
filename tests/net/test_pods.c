// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "lib/check_main.h"
#include "net/world.h"

/* A node with both pod CIDRs, and a pod whose host side is up. */
static struct net_pod node_with_pod(struct net *net)
{
	const struct prefix v4 = world_prefix("10.1.0.0/24"), v6 = world_prefix("fd00:1::/64");

	ck_assert_int_eq(net_cidr_add(net, &v4), 0);
	ck_assert_int_eq(net_cidr_add(net, &v6), 0);
	world_run("ip link add weir1 type veth peer name p1; ip link set weir1 up");
	return (struct net_pod) {
		.ifindex = world_ifindex("weir1"),
		.mac = { 2, 0, 0, 0, 0, 5 },
		.ips = { world_addr("10.1.0.5"), world_addr("fd00:1::5") },
		.gateways = { world_addr("10.1.0.1"), world_addr("fd00:1::1") },
	};
}

static void nothing_remains(void)
{
	ck_assert(!world_shows("ip route show table all", "10.1.0.5"));
	ck_assert(!world_shows("ip -6 route show table all", "fd00:1::5"));
	ck_assert(!world_shows("ip neigh; ip -6 neigh", ":05"));
}

START_TEST(a_pod_has_routes_and_neighbours)
{
	cleanup(net_freep) struct net *net = world_net();
	struct net_pod pod = node_with_pod(net);

	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(net_pod_add(net, &pod), 0);
		ck_assert(world_shows("ip -N route show proto 119",
				      "10.1.0.5 dev weir1 scope 253 src 10.1.0.1"));
		ck_assert(world_shows("ip -N -6 route show proto 119",
				      "fd00:1::5 dev weir1 src fd00:1::1"));
		ck_assert(world_shows("ip neigh",
				      "10.1.0.5 dev weir1 lladdr 02:00:00:00:00:05 PERMANENT"));
		ck_assert(world_shows("ip -6 neigh",
				      "fd00:1::5 dev weir1 lladdr 02:00:00:00:00:05 PERMANENT"));
	}
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(net_pod_del(net, &pod), 0);
		nothing_remains();
	}
}
END_TEST

START_TEST(a_pod_may_have_one_family_and_no_gateway)
{
	cleanup(net_freep) struct net *net = world_net();
	struct net_pod pod = node_with_pod(net);

	pod.ips[0] = IP_ADDR_NONE;
	pod.gateways[1] = IP_ADDR_NONE;
	ck_assert_int_eq(net_pod_add(net, &pod), 0);
	ck_assert(!world_shows("ip route", "10.1.0.5"));
	ck_assert(world_shows("ip -6 route", "fd00:1::5 dev weir1"));
	ck_assert(!world_shows("ip -6 route", "src"));
	/* the gateway is not what names the route */
	pod.gateways[1] = world_addr("fd00:1::1");
	ck_assert_int_eq(net_pod_del(net, &pod), 0);
	nothing_remains();
}
END_TEST

START_TEST(a_pod_that_moved_to_another_link_is_found_there)
{
	cleanup(net_freep) struct net *net = world_net();
	struct net_pod pod = node_with_pod(net), old = pod;

	ck_assert_int_eq(net_pod_add(net, &pod), 0);
	world_run("ip link add weir2 type veth peer name p2; ip link set weir2 up");
	pod.ifindex = world_ifindex("weir2");
	ck_assert_int_eq(net_pod_add(net, &pod), 0);
	ck_assert(world_shows("ip route get 10.1.0.5", "dev weir2"));
	ck_assert_int_eq(net_pod_del(net, &old), 0);
	ck_assert(world_shows("ip route get 10.1.0.5", "dev weir2"));
	ck_assert(world_shows("ip route get fd00:1::5", "dev weir2"));
}
END_TEST

static const struct {
	const char *trouble; /* shell */
	int error;
} troubles[] = {
	{ "ip link set weir1 down", -ENETDOWN },
	{ "ip link del weir1", -ENODEV },
	{ "ip addr del fd00:1::1/128 dev lo", -EINVAL },
};

START_TEST(a_pod_that_cannot_be_added_leaves_nothing)
{
	cleanup(net_freep) struct net *net = world_net();
	struct net_pod pod = node_with_pod(net);

	world_run("%s", troubles[_i].trouble);
	ck_assert_int_eq(net_pod_add(net, &pod), troubles[_i].error);
	nothing_remains();
	ck_assert_int_eq(net_pod_del(net, &pod), 0);
}
END_TEST

static const struct {
	const char *cidr, *first, *forwarding, *unknown;
} cidrs[] = {
	{ "10.1.0.0/24", "10.1.0.1/32", "/proc/sys/net/ipv4/ip_forward", "10.1.0.77" },
	{ "10.1.0.128/25", "10.1.0.129/32", "/proc/sys/net/ipv4/ip_forward", "10.1.0.177" },
	{ "fd00:1::/64", "fd00:1::1/128", "/proc/sys/net/ipv6/conf/all/forwarding", "fd00:1::77" },
};

START_TEST(a_pod_cidr_has_a_gateway_and_a_blackhole)
{
	cleanup(net_freep) struct net *net = world_net();
	struct prefix cidr = world_prefix(cidrs[_i].cidr);
	char command[128];

	world_run("ip link add up1 type veth peer name p1; ip link set up1 up");
	world_run("ip route add default dev up1; ip -6 route add default dev up1");
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(net_cidr_add(net, &cidr), 0);
	ck_assert(world_shows("ip addr show dev lo up", cidrs[_i].first));
	ck_assert(!world_shows("ip addr show dev lo", "tentative"));
	snprintf(command, sizeof(command), "cat %s", cidrs[_i].forwarding);
	ck_assert(world_shows(command, "1"));
	snprintf(command, sizeof(command), "ip route get %s 2>&1 || true", cidrs[_i].unknown);
	ck_assert(!world_shows(command, "dev up1"));
	ck_assert_int_eq(net_cidr_del(net, &cidr, false), 0);
	ck_assert(world_shows("ip addr show dev lo", cidrs[_i].first));
	ck_assert(world_shows(command, "dev up1"));
	ck_assert_int_eq(net_cidr_add(net, &cidr), 0);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(net_cidr_del(net, &cidr, true), 0);
	ck_assert(!world_shows("ip addr show dev lo", cidrs[_i].first));
	ck_assert(world_shows(command, "dev up1"));
}
END_TEST

START_TEST(all_pod_cidrs_are_found_and_nothing_else)
{
	static const char *const ours[] = { "10.1.0.0/24", "10.2.0.0/16", "fd00:1::/64" };
	cleanup(net_freep) struct net *net = world_net();
	cleanup(freep) struct prefix *found = NULL;
	size_t count = 7;

	world_run("ip route add blackhole 10.9.0.0/16; ip -6 route add blackhole fd09::/16");
	ck_assert_int_eq(net_cidrs(&found, &count, net), 0);
	ck_assert_uint_eq(count, 0);
	for (int i = 0; i < CHECK_COUNT(ours); i++) {
		struct prefix cidr = world_prefix(ours[i]);

		ck_assert_int_eq(net_cidr_add(net, &cidr), 0);
	}
	free(take_ptr(&found));
	ck_assert_int_eq(net_cidrs(&found, &count, net), 0);
	ck_assert_uint_eq(count, CHECK_COUNT(ours));
	for (int i = 0; i < CHECK_COUNT(ours); i++) {
		struct prefix cidr = world_prefix(ours[i]);

		ck_assert_int_eq(prefix_compare(&found[i], &cidr), 0);
	}
}
END_TEST

START_TEST(a_cidr_without_room_is_refused)
{
	cleanup(net_freep) struct net *net = world_net();
	struct prefix v4 = world_prefix("10.1.0.1/32"), v6 = world_prefix("fd00::1/128");

	ck_assert_int_eq(net_cidr_add(net, &v4), -EINVAL);
	ck_assert_int_eq(net_cidr_add(net, &v6), -EINVAL);
}
END_TEST

START_TEST(links_that_live_on_advertisements_keep_listening)
{
	cleanup(net_freep) struct net *net = world_net();
	struct prefix cidr = world_prefix("fd00:1::/64");

	world_run("ip link add up1 type veth peer name p1; ip link add up2 type veth peer name p2");
	world_run("cd /proc/sys/net/ipv6/conf; echo 1 >up1/accept_ra; echo 0 >up2/accept_ra");
	ck_assert_int_eq(net_cidr_add(net, &cidr), 0);
	ck_assert(world_shows("cat /proc/sys/net/ipv6/conf/up1/accept_ra", "2"));
	ck_assert(world_shows("cat /proc/sys/net/ipv6/conf/up2/accept_ra", "0"));
}
END_TEST

START_TEST(a_flush_takes_our_routes_and_no_others)
{
	cleanup(net_freep) struct net *net = world_net();
	struct net_pod pod = node_with_pod(net);

	ck_assert_int_eq(net_pod_add(net, &pod), 0);
	world_run("ip route add 10.9.0.0/16 dev weir1; ip -6 route add fd09::/16 dev weir1");
	world_run("ip route add 10.8.0.0/16 dev weir1 proto %d table 100 metric 7", NET_ROUTE_PROTOCOL);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(net_routes_flush(net), 0);
	ck_assert(!world_shows("ip -N route show table all proto 119", "."));
	ck_assert(!world_shows("ip -N -6 route show table all proto 119", ":"));
	ck_assert(world_shows("ip route", "10.9.0.0/16"));
	ck_assert(world_shows("ip -6 route", "fd09::/16"));
}
END_TEST

START_TEST(all_addresses_of_the_node_are_known)
{
	static const char *const expected[] = {
		"127.0.0.1", "::1", "10.1.0.1", "fd00:1::1", "192.0.2.1", "192.0.2.2", "2001:db8::1",
	};
	cleanup(net_freep) struct net *net = world_net();
	cleanup(freep) struct ip_addr *addrs = NULL;
	size_t count;

	node_with_pod(net);
	world_run("ip addr add 192.0.2.1/24 dev weir1; ip addr add 192.0.2.2 peer 192.0.2.3 dev weir1");
	world_run("ip addr add 2001:db8::1/64 dev weir1 nodad");
	ck_assert_int_eq(net_addrs(&addrs, &count, net), 0);
	for (int e = 0; e < CHECK_COUNT(expected); e++) {
		struct ip_addr want = world_addr(expected[e]);
		bool found = false;

		for (size_t i = 0; i < count; i++)
			found |= ip_addr_equal(&addrs[i], &want);
		ck_assert_msg(found, "%s", expected[e]);
	}
	for (size_t i = 0; i < count; i++) {
		struct ip_addr peer = world_addr("192.0.2.3");

		ck_assert(!ip_addr_equal(&addrs[i], &peer));
	}
}
END_TEST

CHECK_MAIN("net-pods", CHECK_TEST(a_pod_has_routes_and_neighbours),
	   CHECK_TEST(a_pod_may_have_one_family_and_no_gateway),
	   CHECK_TEST(a_pod_that_moved_to_another_link_is_found_there),
	   CHECK_LOOP(a_pod_that_cannot_be_added_leaves_nothing, troubles),
	   CHECK_LOOP(a_pod_cidr_has_a_gateway_and_a_blackhole, cidrs),
	   CHECK_TEST(all_pod_cidrs_are_found_and_nothing_else),
	   CHECK_TEST(a_cidr_without_room_is_refused),
	   CHECK_TEST(links_that_live_on_advertisements_keep_listening),
	   CHECK_TEST(a_flush_takes_our_routes_and_no_others),
	   CHECK_TEST(all_addresses_of_the_node_are_known))
