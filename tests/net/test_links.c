// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "lib/check_main.h"
#include "net/owner.h"
#include "net/world.h"

#define MANY 200

START_TEST(a_link_is_found_by_name_and_by_index)
{
	cleanup(net_freep) struct net *net = world_net();
	const uint8_t mac[MAC_BYTES] = { 2, 0, 0, 0, 0, 9 };
	struct net_link by_name, by_index;

	world_run("ip link add weir1 address 02:00:00:00:00:09 mtu 1400 type veth peer name p1");
	ck_assert_int_eq(net_link_find(&by_name, net, "weir1"), 0);
	ck_assert_uint_eq(by_name.ifindex, world_ifindex("weir1"));
	ck_assert_uint_eq(by_name.mtu, 1400);
	ck_assert_mem_eq(by_name.mac, mac, MAC_BYTES);
	ck_assert(!by_name.up);
	ck_assert_int_eq(net_link_up(net, by_name.ifindex), 0);
	ck_assert_int_eq(net_link_up(net, by_name.ifindex), 0);
	ck_assert_int_eq(net_link_get(&by_index, net, by_name.ifindex), 0);
	ck_assert_str_eq(by_index.name, "weir1");
	ck_assert(by_index.up);
}
END_TEST

START_TEST(a_link_that_is_not_there_is_enodev)
{
	cleanup(net_freep) struct net *net = world_net();
	struct net_link link;

	ck_assert_int_eq(net_link_get(&link, net, 0), -ENODEV);
	ck_assert_int_eq(net_link_get(&link, net, 4711), -ENODEV);
	ck_assert_int_eq(net_link_get(&link, net, UINT32_MAX), -ENODEV);
	ck_assert_int_eq(net_link_find(&link, net, "weir1"), -ENODEV);
	ck_assert_int_eq(net_link_find(&link, net, ""), -ENODEV);
	ck_assert_int_eq(net_link_find(&link, net, "a-name-that-is-too-long"), -ENODEV);
	ck_assert_int_eq(net_link_up(net, 4711), -ENODEV);
	ck_assert_int_eq(net_link_prepare(net, "weir1"), -ENODEV);
	/* and the connection still works */
	ck_assert_int_eq(net_link_find(&link, net, "lo"), 0);
}
END_TEST

START_TEST(a_link_speaks_from_its_first_lasting_address)
{
	cleanup(net_freep) struct net *net = world_net();
	struct ip_addr addr;
	uint32_t up;

	world_run("ip link add wire type veth peer name other && ip link set wire up && "
		  "ip link set other up");
	up = world_ifindex("wire");
	ck_assert_int_eq(net_link_addr(&addr, net, up, AF_INET), -ENOENT);
	world_run("ip addr add 127.9.9.9/8 scope host dev wire");
	ck_assert_int_eq(net_link_addr(&addr, net, up, AF_INET), -ENOENT);
	world_run("ip addr add 192.0.2.7/24 dev wire && ip addr add 192.0.2.8/24 dev wire");
	ck_assert_int_eq(net_link_addr(&addr, net, up, AF_INET), 0);
	ck_assert_uint_eq(addr.bytes[15], 7);
	ck_assert(ip_addr_is_v4(&addr));
	/* The link-local address is none that others know. */
	ck_assert_int_eq(net_link_addr(&addr, net, up, AF_INET6), -ENOENT);
	world_run("ip addr add 2001:db8::6/64 dev wire nodad preferred_lft 0 && "
		  "ip addr add 2001:db8::7/64 dev wire nodad");
	ck_assert_int_eq(net_link_addr(&addr, net, up, AF_INET6), 0);
	ck_assert_uint_eq(addr.bytes[15], 7);
	ck_assert_int_eq(net_link_addr(&addr, net, world_ifindex("other"), AF_INET), -ENOENT);
}
END_TEST

START_TEST(a_link_has_all_its_addresses_that_can_be_used)
{
	cleanup(net_freep) struct net *net = world_net();
	cleanup(freep) struct ip_addr *addrs = NULL, *none = NULL;
	size_t count;

	world_run("ip link add wire type veth peer name other && ip link set wire up && "
		  "ip link set other up && ip addr add 192.0.2.7/24 dev wire && "
		  "ip addr add 192.0.2.8/24 dev wire && ip addr add 127.9.9.9/8 scope host dev wire && "
		  "ip addr add 2001:db8::6/64 dev wire nodad preferred_lft 0 && "
		  "ip addr add 2001:db8::7/64 dev wire nodad");
	ck_assert_int_eq(net_link_addrs(&addrs, &count, net, world_ifindex("wire")), 0);
	ck_assert_uint_eq(count, 3);
	ck_assert_uint_eq(addrs[0].bytes[15], 7);
	ck_assert_uint_eq(addrs[1].bytes[15], 8);
	ck_assert(!ip_addr_is_v4(&addrs[2]));
	ck_assert_uint_eq(addrs[2].bytes[15], 7);
	ck_assert_int_eq(net_link_addrs(&none, &count, net, world_ifindex("other")), 0);
	ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(links_are_listed_by_the_start_of_their_names)
{
	cleanup(net_freep) struct net *net = world_net();
	cleanup(freep) struct net_link *links = NULL;
	size_t count = 7;

	ck_assert_int_eq(net_links(&links, &count, net, "weir"), 0);
	ck_assert_uint_eq(count, 0);
	ck_assert_ptr_null(links);
	world_run("ip link add weir1 type veth peer name p1; ip link add weir2 type veth peer name p2");
	ck_assert_int_eq(net_links(&links, &count, net, "weir"), 0);
	ck_assert_uint_eq(count, 2);
	for (size_t i = 0; i < count; i++)
		ck_assert_int_eq(strncmp(links[i].name, "weir", 4), 0);
}
END_TEST

START_TEST(a_prepared_link_says_nothing_when_it_goes_up)
{
	cleanup(net_freep) struct net *net = world_net();

	world_run("ip link add weir1 type veth peer name p1; ip link set p1 up");
	ck_assert_int_eq(net_link_prepare(net, "weir1"), 0);
	ck_assert_int_eq(net_link_prepare(net, "weir1"), 0);
	world_run("ip link set weir1 up; sleep 0.1");
	ck_assert(!world_shows("ip -6 addr show dev weir1", "fe80"));
	ck_assert(world_shows("cat /proc/sys/net/ipv6/conf/weir1/accept_ra", "0"));
	ck_assert(world_shows("cat /proc/sys/net/ipv4/conf/weir1/rp_filter", "0"));
}
END_TEST

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

START_TEST(two_hundred_links_die_together_and_no_other)
{
	cleanup(net_freep) struct net *net = world_net();
	cleanup(freep) struct net_link *links = NULL;
	uint32_t ifindexes[MANY + 2];
	struct net_link other;
	size_t count;
	double start;

	world_run("for i in $(seq %d); do echo link add weir$i type veth peer name p$i; done |"
		  "ip -batch -", MANY);
	world_run("ip link add other type veth peer name p-other");
	for (int i = 0; i < MANY; i++) {
		char name[IFNAMSIZ];

		snprintf(name, sizeof(name), "weir%d", i + 1);
		ifindexes[i] = world_ifindex(name);
	}
	ifindexes[MANY] = 0; /* no link, and one that is gone: nothing happens to the others */
	ifindexes[MANY + 1] = 99999;
	start = seconds();
	ck_assert_int_eq(net_links_delete(net, ifindexes, MANY + 2), 0);
	ck_assert(seconds() - start < 3.0);
	ck_assert_int_eq(net_links(&links, &count, net, "weir"), 0);
	ck_assert_uint_eq(count, 0);
	ck_assert_int_eq(net_link_find(&other, net, "other"), 0);
	ck_assert_int_eq(net_links_delete(net, ifindexes, MANY), 0);
	ck_assert_int_eq(net_links_delete(net, NULL, 0), 0);
}
END_TEST

static const struct {
	const char *routes; /* shell */
	const char *uplink; /* NULL: -ENOENT */
} uplinks[] = {
	{ "true", NULL },
	{ "ip route add 10.0.0.0/8 via 192.0.2.9", NULL },
	{ "ip route add blackhole default", NULL },
	{ "ip route add default via 192.0.2.9", "up1" },
	{ "ip -6 route add default via 2001:db8::9", "up1" },
	{ "ip route add default via 192.0.2.9 metric 200;"
	  "ip route add default dev up2 metric 100", "up2" },
	{ "ip route add default dev up2; ip -6 route add default via 2001:db8::9", "up2" },
	{ "ip route add default nexthop via 192.0.2.9 nexthop dev up2", "up1" },
	{ "ip route add default dev up2 table 100", NULL },
};

START_TEST(the_uplink_has_the_best_default_route)
{
	cleanup(net_freep) struct net *net = world_net();
	struct net_link link;

	world_run("ip link add up1 type veth peer name p1; ip link add up2 type veth peer name p2");
	world_run("for l in up1 up2 p1 p2; do ip link set $l up; done");
	world_run("ip addr add 192.0.2.1/24 dev up1; ip addr add 2001:db8::1/64 dev up1 nodad");
	world_run("%s", uplinks[_i].routes);
	if (!uplinks[_i].uplink) {
		ck_assert_int_eq(net_uplink(&link, net), -ENOENT);
		return;
	}
	ck_assert_int_eq(net_uplink(&link, net), 0);
	ck_assert_str_eq(link.name, uplinks[_i].uplink);
}
END_TEST

static void count_call(void *arg)
{
	++*(int *)arg;
}

/* Calls within 100 ms. */
static int calls(struct event_base *base, int *counter)
{
	const struct timeval wait = { .tv_usec = 100000 };

	*counter = 0;
	event_base_loopexit(base, &wait);
	event_base_dispatch(base);
	return *counter;
}

static const struct {
	const char *command;
	int calls;
} changes[] = {
	{ "true", 0 },
	{ "ip link add weir1 type veth peer name p1", 1 },
	{ "ip link set lo up", 1 },
	{ "ip addr add 192.0.2.7/32 dev up1", 1 },
	{ "ip addr add 2001:db8::7/128 dev up1 nodad", 1 },
	{ "ip route add default via 192.0.2.9", 1 },
	{ "ip route add 10.1.0.2/32 dev up1", 0 },
	{ "for i in $(seq 100); do echo addr add 10.0.0.$i/32 dev up1; done | ip -batch -", 1 },
	/* more than the socket can hold */
	{ "for i in $(seq 4000); do echo addr add 10.0.$((i / 250)).$((i % 250))/32 dev up1; done "
	  "| ip -batch -", 1 },
};

START_TEST(a_burst_of_changes_is_one_call)
{
	struct event_base *base = event_base_new();
	struct net *net = world_net();
	int counter, n;

	world_run("ip link add up1 type veth peer name p0; ip link set up1 up; ip link set p0 up");
	world_run("ip addr add 192.0.2.1/24 dev up1; sleep 0.1");
	ck_assert_int_eq(net_watch(net, base, count_call, &counter), 0);
	ck_assert_int_eq(net_watch(net, base, count_call, &counter), -EBUSY);
	calls(base, &counter); /* what duplicate address detection still does */
	world_run("%s", changes[_i].command);
	n = calls(base, &counter);
	ck_assert_int_ge(n, changes[_i].calls);
	ck_assert_int_le(n, changes[_i].calls * 3);
	net_free(net);
	event_base_free(base);
}
END_TEST

static const struct {
	const char *before; /* shell */
	bool goes;
} qdiscs[] = {
	{ "tc qdisc add dev weir1 clsact", true },
	{ "tc qdisc add dev weir1 clsact;"
	  "tc filter add dev weir1 ingress bpf bytecode '1,6 0 0 0'", false },
	{ "tc qdisc add dev weir1 clsact;"
	  "tc filter add dev weir1 egress bpf bytecode '1,6 0 0 0'", false },
	{ "tc qdisc add dev weir1 ingress", false },
	{ "tc qdisc add dev weir1 root pfifo", false },
};

START_TEST(an_empty_clsact_qdisc_goes_and_no_other)
{
	cleanup(net_freep) struct net *net = world_net();
	uint32_t ifindex;

	world_run("ip link add weir1 type veth peer name p1; %s", qdiscs[_i].before);
	ifindex = world_ifindex("weir1");
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(net_clsact_remove(net, ifindex), 0);
		ck_assert_int_eq(world_shows("tc qdisc show dev weir1", "qdisc"), !qdiscs[_i].goes);
	}
	world_run("ip link del weir1");
	ck_assert_int_eq(net_clsact_remove(net, ifindex), 0);
}
END_TEST

START_TEST(a_network_namespace_has_one_owner)
{
	int home = world_enter_new(), fd = -1, second = -1, elsewhere = -1;

	ck_assert_int_eq(net_own(&fd, 0), 0);
	ck_assert_int_eq(net_own(&second, 0), -EWOULDBLOCK);
	ck_assert_int_eq(net_own(&second, 50), -EWOULDBLOCK);
	ck_assert_int_eq(second, -1);
	/* Nobody takes it away by accident. */
	world_run("nft flush ruleset");
	ck_assert_int_eq(net_own(&second, 0), -EWOULDBLOCK);
	world_enter_new();
	ck_assert_int_eq(net_own(&elsewhere, 0), 0);
	world_enter(home);
	close(fd);
	ck_assert_int_eq(net_own(&second, 1000), 0);
	close(second);
	close(elsewhere);
	ck_assert(!world_shows("nft list ruleset", NET_OWNER_TABLE));
}
END_TEST

CHECK_MAIN("net-links", CHECK_TEST(a_link_is_found_by_name_and_by_index),
	   CHECK_TEST(a_link_that_is_not_there_is_enodev),
	   CHECK_TEST(a_link_speaks_from_its_first_lasting_address),
	   CHECK_TEST(a_link_has_all_its_addresses_that_can_be_used),
	   CHECK_TEST(links_are_listed_by_the_start_of_their_names),
	   CHECK_TEST(a_prepared_link_says_nothing_when_it_goes_up),
	   CHECK_TEST(two_hundred_links_die_together_and_no_other),
	   CHECK_LOOP(the_uplink_has_the_best_default_route, uplinks),
	   CHECK_LOOP(a_burst_of_changes_is_one_call, changes),
	   CHECK_LOOP(an_empty_clsact_qdisc_goes_and_no_other, qdiscs),
	   CHECK_TEST(a_network_namespace_has_one_owner))
