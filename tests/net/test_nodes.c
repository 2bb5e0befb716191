// SPDX-License-Identifier: Apache-2.0
/* Routes to other nodes, and the tunnel device. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "lib/check_main.h"
#include "net/world.h"

static struct net *node_with_uplink(void)
{
	struct net *net = world_net();

	world_run("ip link add up1 type veth peer name p1; ip link set up1 up; ip link set p1 up");
	world_run("ip addr add 192.0.2.1/24 dev up1; ip addr add 2001:db8::1/64 dev up1 nodad");
	return net;
}

static struct net_node_route route_of(const char *cidr, const char *via)
{
	return (struct net_node_route){ .cidr = world_prefix(cidr), .via = world_addr(via),
					.ifindex = world_ifindex("up1") };
}

static void check_same(const struct net_node_route *a, const struct net_node_route *b)
{
	ck_assert_int_eq(prefix_compare(&a->cidr, &b->cidr), 0);
	ck_assert(ip_addr_equal(&a->via, &b->via) && ip_addr_equal(&a->src, &b->src));
	ck_assert_uint_eq(a->ifindex, b->ifindex);
}

START_TEST(routes_are_made_changed_and_removed)
{
	cleanup(net_freep) struct net *net = node_with_uplink();
	struct net_node_route v4 = route_of("10.2.0.0/24", "192.0.2.2");
	struct net_node_route v6 = route_of("fd00:2::/64", "2001:db8::2");
	cleanup(freep) struct net_node_route *found = NULL;
	size_t count;

	ck_assert_int_eq(net_node_route_put(net, &v4, false), 0);
	ck_assert_int_eq(net_node_route_put(net, &v6, false), 0);
	v4.via = world_addr("192.0.2.3");
	ck_assert_int_eq(net_node_route_put(net, &v4, true), 0);
	ck_assert(world_shows("ip -N route", "10.2.0.0/24 via 192.0.2.3 dev up1 proto 120 metric 2048"));
	ck_assert(world_shows("ip -N -6 route", "fd00:2::/64 via 2001:db8::2 dev up1 proto 120"));
	ck_assert_int_eq(net_node_routes(&found, &count, net), 0);
	ck_assert_uint_eq(count, 2);
	check_same(&found[0], &v4);
	check_same(&found[1], &v6);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(net_node_route_del(net, &v4), 0);
		ck_assert_int_eq(net_node_route_del(net, &v6), 0);
	}
	ck_assert(!world_shows("ip route; ip -6 route", "proto 120"));
}
END_TEST

START_TEST(routes_of_others_are_not_touched)
{
	cleanup(net_freep) struct net *net = node_with_uplink();
	struct net_node_route route = route_of("10.2.0.0/24", "192.0.2.2");
	struct net_node_route *found = NULL;
	size_t count = 7;

	world_run("ip route add 10.2.0.0/24 via 192.0.2.9 metric 2048");
	ck_assert_int_eq(net_node_routes(&found, &count, net), 0);
	ck_assert_uint_eq(count, 0);
	free(found);
	ck_assert_int_eq(net_node_route_put(net, &route, false), -EEXIST);
	ck_assert_int_eq(net_node_route_del(net, &route), 0);
	ck_assert(world_shows("ip route", "10.2.0.0/24 via 192.0.2.9 dev up1 metric 2048"));
	ck_assert_int_eq(net_routes_flush(net), 0);
	ck_assert(world_shows("ip route", "10.2.0.0/24 via 192.0.2.9"));
}
END_TEST

START_TEST(the_tunnel_device_is_made_and_changed)
{
	cleanup(net_freep) struct net *net = node_with_uplink();
	struct net_vxlan vxlan = { .name = "tun9", .port = 8472, .mtu = 1450,
				   .mac = { 0x0e, 0, 0, 0, 0, 9 } };
	uint32_t first, second;

	ck_assert_int_eq(net_vxlan_find(&first, net, "tun9"), -ENODEV);
	ck_assert_int_eq(net_vxlan_put(&first, net, &vxlan), 0);
	ck_assert(world_shows("ip -d link show tun9", "mtu 1450"));
	ck_assert(world_shows("ip -d link show tun9", "NOARP"));
	ck_assert(world_shows("ip -d link show tun9", "0e:00:00:00:00:09"));
	ck_assert(world_shows("ip -d link show tun9", "vxlan external"));
	ck_assert(world_shows("ip -d link show tun9", "dstport 8472"));
	vxlan.mtu = 1350;
	ck_assert_int_eq(net_vxlan_put(&second, net, &vxlan), 0);
	ck_assert_uint_eq(first, second);
	ck_assert(world_shows("ip link show tun9", "mtu 1350"));
	vxlan.port = 4789;
	ck_assert_int_eq(net_vxlan_put(&second, net, &vxlan), 0);
	ck_assert_uint_ne(first, second);
	ck_assert(world_shows("ip -d link show tun9", "dstport 4789"));
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(net_vxlan_del(net, "tun9"), 0);
	ck_assert(!world_shows("ip link", "tun9"));
}
END_TEST

START_TEST(a_device_of_somebody_else_is_left_alone)
{
	cleanup(net_freep) struct net *net = node_with_uplink();
	struct net_vxlan vxlan = { .name = "up1", .port = 8472, .mtu = 1450 };
	uint32_t ifindex;

	ck_assert_int_eq(net_vxlan_put(&ifindex, net, &vxlan), -EEXIST);
	ck_assert_int_eq(net_vxlan_find(&ifindex, net, "up1"), -EEXIST);
	ck_assert_int_eq(net_vxlan_del(net, "up1"), 0);
	ck_assert(world_shows("ip link show up1", "mtu 1500"));
}
END_TEST

START_TEST(subnets_are_those_of_links_that_are_up)
{
	cleanup(net_freep) struct net *net = node_with_uplink();
	cleanup(freep) struct net_subnet *subnets = NULL;
	struct prefix v4 = world_prefix("192.0.2.0/24"), v6 = world_prefix("2001:db8::/64");
	size_t count;

	world_run("ip link add down1 type veth peer name p2; ip addr add 198.51.100.1/24 dev down1");
	ck_assert_int_eq(net_subnets(&subnets, &count, net), 0);
	ck_assert_uint_eq(count, 2);
	ck_assert_int_eq(prefix_compare(&subnets[0].prefix, &v4), 0);
	ck_assert_int_eq(prefix_compare(&subnets[1].prefix, &v6), 0);
	ck_assert_uint_eq(subnets[0].ifindex, world_ifindex("up1"));
}
END_TEST

CHECK_MAIN("net-nodes", CHECK_TEST(routes_are_made_changed_and_removed),
	   CHECK_TEST(routes_of_others_are_not_touched),
	   CHECK_TEST(the_tunnel_device_is_made_and_changed),
	   CHECK_TEST(a_device_of_somebody_else_is_left_alone),
	   CHECK_TEST(subnets_are_those_of_links_that_are_up))
