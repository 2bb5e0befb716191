// SPDX-License-Identifier: Apache-2.0
/*
 * Connections through the node: a pod (veth), an outside host that knows no route
 * to pods, and the table `weir` between them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "lib/check_main.h"
#include "net/nat.h"
#include "net/world.h"

#define HOST_PORT 8080
#define POD_PORT 80
#define WAIT_MS 500
#define DEADLINE_MS 10000 /* of what must come: a busy machine takes its time */

enum place { NODE, POD, OUTSIDE, PLACES };

/* Addresses of one family. */
struct plan {
	const char *cidr, *pod, *gateway, *node, *outside, *loopback;
};

static const struct plan plans[] = {
	{ "10.1.0.0/24", "10.1.0.2", "10.1.0.1", "192.0.2.1", "192.0.2.9", "127.0.0.1" },
	{ "fd00:1::/64", "fd00:1::2", "fd00:1::1", "2001:db8::1", "2001:db8::9", "::1" },
};

struct world {
	const struct plan *plan;
	struct net *net;
	int places[PLACES];
	struct prefix cidr;
	struct nat_port ports[2];
	struct nat nat;
};

static void world_done(struct world *world)
{
	net_free(world->net);
	for (int i = 0; i < PLACES; i++)
		close(world->places[i]);
}

static void node_setup(struct world *world)
{
	const struct plan *plan = world->plan;
	struct net_pod pod = {
		.mac = { 2, 0, 0, 0, 0, 5 },
		.ips = { world_addr(plan->pod) },
		.gateways = { world_addr(plan->gateway) },
	};

	world_enter(world->places[NODE]);
	ck_assert_int_eq(net_new(&world->net), 0);
	ck_assert_int_eq(net_cidr_add(world->net, &world->cidr), 0);
	ck_assert_int_eq(net_link_prepare(world->net, "weir1"), 0);
	pod.ifindex = world_ifindex("weir1");
	ck_assert_int_eq(net_link_up(world->net, pod.ifindex), 0);
	ck_assert_int_eq(net_link_route_localnet(world->net, pod.ifindex), 0);
	ck_assert_int_eq(net_pod_add(world->net, &pod), 0);
	world_run("ip link set up1 up; ip addr add %s/24 dev up1 %s", plan->node,
		  strchr(plan->node, ':') ? "nodad" : "");
}

static void world_setup(struct world *world, int family)
{
	const struct plan *plan = &plans[family];
	const char *nodad = family ? "nodad" : "";

	*world = (struct world) { .plan = plan, .cidr = world_prefix(plan->cidr) };
	for (int i = 0; i < PLACES; i++)
		world->places[i] = world_enter_new();
	world_enter(world->places[NODE]);
	world_run("ip link add weir1 address 02:00:00:00:00:01 type veth "
		  "peer name eth0 address 02:00:00:00:00:05 netns /proc/%d/fd/%d",
		  getpid(), world->places[POD]);
	world_run("ip link add up1 type veth peer name eth0 netns /proc/%d/fd/%d", getpid(),
		  world->places[OUTSIDE]);
	world_enter(world->places[POD]);
	world_run("ip link set lo up; ip link set eth0 up; ip addr add %s dev eth0 %s", plan->pod, nodad);
	world_run("ip neigh add %s lladdr 02:00:00:00:00:01 dev eth0 nud permanent; "
		  "ip route add %s dev eth0; ip route add default via %s dev eth0",
		  plan->gateway, plan->gateway, plan->gateway);
	world_enter(world->places[OUTSIDE]);
	world_run("ip link set eth0 up; ip addr add %s/24 dev eth0 %s", plan->outside, nodad);
	node_setup(world);
}

static void nat_setup(struct world *world)
{
	world->ports[0] = (struct nat_port) {
		.proto = IPPROTO_TCP,
		.host_port = HOST_PORT,
		.container_port = POD_PORT,
		.pod_ip = world_addr(world->plan->pod),
		.loopback = true,
	};
	world->ports[1] = world->ports[0];
	world->ports[1].host_port++;
	world->ports[1].host_ip = world_addr(world->plan->gateway);
	world->nat = (struct nat) {
		.ports = world->ports,
		.port_count = 2,
	};
	ck_assert_int_eq(nat_apply(&world->nat), 0);
}

static socklen_t sockaddr_of(struct sockaddr_storage *ret, const char *text, uint16_t port)
{
	struct ip_addr addr = world_addr(text);
	struct sockaddr_in6 *v6 = (void *)ret;
	struct sockaddr_in *v4 = (void *)ret;

	*ret = (struct sockaddr_storage) {};
	if (ip_addr_is_v4(&addr)) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		v4->sin_addr.s_addr = addr.words[3];
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	memcpy(&v6->sin6_addr, addr.bytes, sizeof(addr.bytes));
	return sizeof(*v6);
}

/* A socket belongs to the namespace in which it was made, wherever it is used. */
static int socket_in(const struct world *world, enum place place, int family)
{
	int fd;

	world_enter(world->places[place]);
	fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fd, 0);
	world_enter(world->places[NODE]);
	return fd;
}

/* Whom the server sees as its client; "" when no connection comes about. */
static const char *connection(const struct world *world, enum place from, const char *to,
			      uint16_t to_port, enum place server, uint16_t server_port)
{
	static char seen[ADDR_TEXT_MAX];
	struct sockaddr_storage any, target;
	socklen_t length = sockaddr_of(&target, to, to_port);
	cleanup(closep) int listener = socket_in(world, server, target.ss_family);
	cleanup(closep) int client = socket_in(world, from, target.ss_family);
	cleanup(closep) int accepted = -1;
	struct pollfd waiting = { .fd = listener, .events = POLLIN };

	ck_assert_int_eq(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)), 0);
	sockaddr_of(&any, target.ss_family == AF_INET ? "0.0.0.0" : "::", server_port);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&any, length), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	connect(client, (struct sockaddr *)&target, length);
	if (poll(&waiting, 1, WAIT_MS) <= 0)
		return "";
	length = sizeof(any);
	accepted = accept4(listener, (struct sockaddr *)&any, &length, SOCK_CLOEXEC);
	ck_assert_int_ge(accepted, 0);
	inet_ntop(any.ss_family,
		  any.ss_family == AF_INET ? (void *)&((struct sockaddr_in *)&any)->sin_addr :
					     (void *)&((struct sockaddr_in6 *)&any)->sin6_addr,
		  seen, sizeof(seen));
	return seen;
}

/* The rule by which a former version masqueraded, before the datapath did. */
static void former_rule(const struct world *world)
{
	bool v4 = ip_addr_is_v4(&world->cidr.addr);
	char cidr[PREFIX_TEXT_MAX];

	prefix_text(cidr, &world->cidr);
	world_run("nft 'add set inet weir pods%c { type ipv%c_addr; flags interval; auto-merge; "
		  "elements = { %s }; }; add rule inet weir postrouting ip%s saddr @pods%c "
		  "masquerade fully-random'", v4 ? '4' : '6', v4 ? '4' : '6', cidr, v4 ? "" : "6",
		  v4 ? '4' : '6');
}

START_TEST(nobody_is_masqueraded_by_the_table)
{
	cleanup(world_done) struct world world = {};

	world_setup(&world, _i);
	nat_setup(&world);
	former_rule(&world);
	ck_assert_str_eq(connection(&world, POD, world.plan->outside, 444, OUTSIDE, 444),
			 world.plan->node);
	nat_setup(&world);
	ck_assert_str_eq(connection(&world, POD, world.plan->outside, 445, OUTSIDE, 445), "");
}
END_TEST

START_TEST(a_pod_reaches_the_node_as_itself)
{
	cleanup(world_done) struct world world = {};

	world_setup(&world, _i);
	nat_setup(&world);
	ck_assert_str_eq(connection(&world, POD, world.plan->node, 443, NODE, 443), world.plan->pod);
	ck_assert_str_eq(connection(&world, POD, world.plan->gateway, 443, NODE, 443),
			 world.plan->pod);
}
END_TEST

START_TEST(a_host_port_leads_to_the_pod)
{
	const struct plan *plan = &plans[_i];
	const struct {
		enum place from;
		const char *to;
		uint16_t port;
		const char *seen;
	} attempts[] = {
		{ OUTSIDE, plan->node, HOST_PORT, plan->outside },
		{ NODE, plan->node, HOST_PORT, plan->node },
		{ NODE, plan->gateway, HOST_PORT, plan->gateway },
		{ POD, plan->node, HOST_PORT, plan->gateway }, /* hairpin */
		{ NODE, plan->loopback, HOST_PORT, _i ? "" : plan->gateway },
		{ NODE, plan->loopback, HOST_PORT + 1, "" }, /* bound to the gateway */
		{ NODE, plan->pod, HOST_PORT, "" }, /* no address of the node */
		{ NODE, plan->gateway, HOST_PORT + 1, plan->gateway },
		{ OUTSIDE, plan->node, HOST_PORT + 1, "" }, /* bound to the gateway */
		{ OUTSIDE, plan->node, HOST_PORT + 2, "" },
	};
	cleanup(world_done) struct world world = {};

	world_setup(&world, _i);
	nat_setup(&world);
	for (int i = 0; i < CHECK_COUNT(attempts); i++)
		ck_assert_msg(!strcmp(connection(&world, attempts[i].from, attempts[i].to, attempts[i].port,
						 POD, POD_PORT), attempts[i].seen), "row %d", i);
	ck_assert_int_eq(nat_remove(), 0);
	ck_assert_str_eq(connection(&world, OUTSIDE, plan->node, HOST_PORT, POD, POD_PORT), "");
}
END_TEST

START_TEST(what_a_former_version_masqueraded_goes_on_without_its_rule)
{
	cleanup(world_done) struct world world = {};
	struct sockaddr_storage any, target;
	socklen_t length;
	char byte = 0;

	world_setup(&world, _i);
	nat_setup(&world);
	former_rule(&world);
	length = sockaddr_of(&target, world.plan->outside, 443);
	sockaddr_of(&any, _i ? "::" : "0.0.0.0", 443);
	cleanup(closep) int listener = socket_in(&world, OUTSIDE, target.ss_family);
	cleanup(closep) int client = socket_in(&world, POD, target.ss_family);
	struct pollfd waiting = { .fd = listener, .events = POLLIN };

	ck_assert_int_eq(bind(listener, (struct sockaddr *)&any, length), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	connect(client, (struct sockaddr *)&target, length);
	ck_assert_int_eq(poll(&waiting, 1, DEADLINE_MS), 1);
	cleanup(closep) int accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	ck_assert_int_eq(nat_apply(&world.nat), 0);
	ck_assert_int_eq(send(accepted, "x", 1, 0), 1);
	waiting.fd = client;
	ck_assert_int_eq(poll(&waiting, 1, DEADLINE_MS), 1);
	ck_assert_int_eq(recv(client, &byte, 1, 0), 1);
	ck_assert_int_eq(byte, 'x');
}
END_TEST

START_TEST(other_tables_stay)
{
	struct nat nat = {};

	world_enter_new();
	world_run("nft 'add table ip mine; add table inet other'");
	ck_assert_int_eq(nat_remove(), 0);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(nat_apply(&nat), 0);
	ck_assert(world_shows("nft list tables", "table inet weir"));
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(nat_remove(), 0);
	ck_assert(!world_shows("nft list tables", "weir"));
	ck_assert(world_shows("nft list tables", "table ip mine"));
	ck_assert(world_shows("nft list tables", "table inet other"));
}
END_TEST

START_TEST(without_nft_nothing_is_claimed)
{
	struct nat nat = {};

	world_enter_new();
	ck_assert_int_eq(setenv("PATH", "/nowhere", 1), 0);
	ck_assert_int_eq(nat_apply(&nat), -ENOENT);
}
END_TEST

CHECK_MAIN("net-traffic", CHECK_LOOP(nobody_is_masqueraded_by_the_table, plans),
	   CHECK_LOOP(a_pod_reaches_the_node_as_itself, plans),
	   CHECK_LOOP(a_host_port_leads_to_the_pod, plans),
	   CHECK_LOOP(what_a_former_version_masqueraded_goes_on_without_its_rule, plans),
	   CHECK_TEST(other_tables_stay), CHECK_TEST(without_nft_nothing_is_claimed))
