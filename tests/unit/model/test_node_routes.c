// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "lib/check_main.h"
#include "model/node_routes.h"
#include "objects_make.h"

/*
 * This node is "me": 192.0.2.1 and 2001:db8::1 on link 3, 172.17.0.1 on link 4, pods in
 * 10.1.0.0/24 and fd00:1::/64.
 */
struct row {
	enum routing_mode mode;
	const char *nodes; /* "NAME IP... | CIDR...; ..." */
	const char *routes; /* "CIDR>VIA%LINK ...", link 0: tunnel */
	const char *problems; /* each with a newline */
	bool only_v6;
};

static void put_node(struct store *store, char *text)
{
	char *bar = strchr(text, '|'), *name = strtok(text, " ");
	struct object *obj;

	*bar = '\0';
	obj = make_node(name, name + strlen(name) + 1);
	add_node_cidrs(obj, bar + 1);
	ck_assert_int_eq(store_put(store, obj), 0);
}

static void put_nodes(struct store *store, const char *text)
{
	cleanup(freep) char *copy = strdup(text);
	char *save = NULL;

	for (char *node = strtok_r(copy, ";", &save); node; node = strtok_r(NULL, ";", &save))
		put_node(store, node);
}

static void compute(struct node_routes *ret, const struct row *row)
{
	cleanup(store_freep) struct store *store = NULL;
	const struct prefix own[] = { make_prefix("10.1.0.0/24"), make_prefix("fd00:1::/64") };
	const struct ip_addr ips[] = { make_addr("192.0.2.1"), make_addr("2001:db8::1"),
				       make_addr("172.17.0.1"), make_addr("10.1.0.1"),
				       make_addr("fd00:1::1") };
	const struct node_subnet subnets[] = {
		{ make_prefix("192.0.2.0/24"), 3 }, { make_prefix("2001:db8::/64"), 3 },
		{ make_prefix("172.17.0.0/16"), 4 }, { make_prefix("192.0.2.128/25"), 5 },
	};
	struct node_routes_input input = {
		.node_name = "me", .mode = row->mode, .own_cidrs = own,
		.own_cidr_count = CHECK_COUNT(own), .host_ips = ips,
		.host_ip_count = CHECK_COUNT(ips), .has_ip4 = !row->only_v6, .has_ip6 = true,
		.subnets = subnets, .subnet_count = CHECK_COUNT(subnets),
	};

	ck_assert_int_eq(store_new(&store), 0);
	put_nodes(store, row->nodes);
	input.store = store;
	ck_assert_int_eq(node_routes_compute(ret, &input), 0);
}

static char *routes_text(const struct node_routes *routes)
{
	char cidr[PREFIX_TEXT_MAX], via[ADDR_TEXT_MAX], *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (size_t i = 0; i < routes->count; i++)
		fprintf(out, "%s%s>%s%%%u", i ? " " : "", prefix_text(cidr, &routes->routes[i].cidr),
			addr_text(via, &routes->routes[i].via), routes->routes[i].ifindex);
	fclose(out);
	return text;
}

static char *problems_text(const struct node_routes *routes)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (size_t i = 0; i < routes->problems.count; i++)
		fprintf(out, "%s\n", routes->problems.items[i]);
	fclose(out);
	return text;
}

#define ME "me 192.0.2.1 2001:db8::1 | 10.1.0.0/24 fd00:1::/64;"
#define NEAR "near 192.0.2.2 2001:db8::2 | 10.2.0.0/24 fd00:2::/64;"
#define FAR "far 198.51.100.3 2001:db8:5::3 | 10.3.0.0/24 fd00:3::/64;"
#define NEAR_NATIVE "10.2.0.0/24>192.0.2.2%3"
#define NEAR_NATIVE6 "fd00:2::/64>2001:db8::2%3"

static const struct row cases[] = {
	{ ROUTING_NATIVE, "", "", "" },
	{ ROUTING_NATIVE, ME, "", "" },
	{ ROUTING_NATIVE, ME NEAR FAR, NEAR_NATIVE " " NEAR_NATIVE6, "" },
	{ ROUTING_VXLAN, ME NEAR FAR, "10.2.0.0/24>192.0.2.2%0 10.3.0.0/24>198.51.100.3%0 "
	  "fd00:2::/64>192.0.2.2%0 fd00:3::/64>198.51.100.3%0", "" },
	{ ROUTING_AUTO, ME NEAR FAR, NEAR_NATIVE " 10.3.0.0/24>198.51.100.3%0 " NEAR_NATIVE6
	  " fd00:3::/64>198.51.100.3%0", "" },
	/* The longest prefix has the link; an address of the node itself is no next hop. */
	{ ROUTING_NATIVE, "b 192.0.2.200 | 10.2.0.0/24; c 172.17.0.9 | 10.3.0.0/24;"
	  "d 192.0.2.1 | 10.4.0.0/24", "10.2.0.0/24>192.0.2.200%5 10.3.0.0/24>172.17.0.9%4", "" },
	/* The first address that is on a link. */
	{ ROUTING_NATIVE, "b 198.51.100.2 192.0.2.9 | 10.2.0.0/24", "10.2.0.0/24>192.0.2.9%3", "" },
	/* IPv4 in IPv6 and the other way round: by a tunnel only. */
	{ ROUTING_NATIVE, "b 2001:db8::2 | 10.2.0.0/24", "", "" },
	{ ROUTING_AUTO, "b 2001:db8::2 | 10.2.0.0/24 fd00:2::/64",
	  "10.2.0.0/24>2001:db8::2%0 " NEAR_NATIVE6, "" },
	{ ROUTING_VXLAN, NEAR, "10.2.0.0/24>2001:db8::2%0 fd00:2::/64>2001:db8::2%0", "",
	  .only_v6 = true },
	{ ROUTING_VXLAN, "b 192.0.2.2 | 10.2.0.0/24", "",
	  "node b has no InternalIP of a family that this node has an address of: no tunnel leads "
	  "to its pods\n", .only_v6 = true },
	/* Of two that contradict each other neither, and nothing of either. */
	{ ROUTING_NATIVE, NEAR "b 192.0.2.9 | 10.2.0.128/25 fd00:9::/64; c 192.0.2.8 | 10.8.0.0/24",
	  "10.8.0.0/24>192.0.2.8%3", "pod CIDR 10.2.0.128/25 of node b overlaps with 10.2.0.0/24 of "
	  "node near: neither node gets a route\n" },
	{ ROUTING_NATIVE, NEAR "b 192.0.2.9 2001:db8::9 | fd00:2::/64", "",
	  "pod CIDR fd00:2::/64 of node near overlaps with fd00:2::/64 of node b: neither node gets "
	  "a route\n" },
	{ ROUTING_NATIVE, "a 192.0.2.7 | 10.8.0.0/16; b 192.0.2.8 | 10.8.3.0/24; c 192.0.2.9 | "
	  "10.8.3.128/25; d 192.0.2.10 | 10.9.0.0/24", "10.9.0.0/24>192.0.2.10%3",
	  "pod CIDR 10.8.3.0/24 of node b overlaps with 10.8.0.0/16 of node a: neither node gets a "
	  "route\npod CIDR 10.8.3.128/25 of node c overlaps with 10.8.3.0/24 of node b: neither "
	  "node gets a route\n" },
	/* This node's own is its own. */
	{ ROUTING_NATIVE, ME "b 192.0.2.9 | 10.1.0.0/24;" NEAR, NEAR_NATIVE " " NEAR_NATIVE6,
	  "pod CIDR 10.1.0.0/24 of node b overlaps with 10.1.0.0/24 of node me: the other node gets "
	  "no route\n" },
	{ ROUTING_NATIVE, "b 192.0.2.9 | 10.0.0.0/8", "",
	  "pod CIDR 10.1.0.0/24 of node me overlaps with 10.0.0.0/8 of node b: the other node gets "
	  "no route\n" },
	/* Nor may it have a node in it, or an address of this node. */
	{ ROUTING_NATIVE, NEAR "b 198.51.100.2 | 192.0.2.0/28", NEAR_NATIVE " " NEAR_NATIVE6,
	  "pod CIDR 192.0.2.0/28 of node b has the address 192.0.2.1 of node me in it: it gets no "
	  "route\npod CIDR 192.0.2.0/28 of node b has the address 192.0.2.2 of node near in it: it "
	  "gets no route\n" },
	{ ROUTING_NATIVE, "b 192.0.2.9 | 172.17.0.0/24", "",
	  "pod CIDR 172.17.0.0/24 of node b has the address 172.17.0.1 of node me in it: it gets no "
	  "route\n" },
	{ ROUTING_NATIVE, "b 10.1.0.9 | 10.2.0.0/24", "",
	  "pod CIDR 10.1.0.0/24 of node me has the address 10.1.0.9 of node b in it\n" },
};

START_TEST(routes_are_what_the_nodes_say)
{
	cleanup(freep) char *routes_are = NULL;
	cleanup(freep) char *problems_are = NULL;
	struct node_routes routes;

	compute(&routes, &cases[_i]);
	routes_are = routes_text(&routes);
	problems_are = problems_text(&routes);
	ck_assert_str_eq(routes_are, cases[_i].routes);
	/* More may follow about the same contradiction. */
	ck_assert_msg(!strncmp(problems_are, cases[_i].problems, strlen(cases[_i].problems)) &&
		      (*cases[_i].problems || !*problems_are), "%s", problems_are);
	node_routes_done(&routes);
}
END_TEST

START_TEST(the_pod_cidrs_of_the_cluster_are_all_that_are_trusted)
{
	static const struct row row = { ROUTING_NATIVE,
		ME NEAR FAR "x 192.0.2.9 | 10.9.0.0/24; y 192.0.2.8 | 10.9.0.0/25", "", "" };
	static const char *const expected[] = { "10.1.0.0/24", "10.2.0.0/24", "10.3.0.0/24",
						"fd00:1::/64", "fd00:2::/64", "fd00:3::/64" };
	struct node_routes routes;
	char text[PREFIX_TEXT_MAX];

	compute(&routes, &row);
	ck_assert_uint_eq(routes.cidr_count, CHECK_COUNT(expected));
	for (int i = 0; i < CHECK_COUNT(expected); i++)
		ck_assert_str_eq(prefix_text(text, &routes.cidrs[i]), expected[i]);
	node_routes_done(&routes);
}
END_TEST

START_TEST(a_thousand_nodes_do_not_confuse_it)
{
	struct row row = { ROUTING_AUTO, NULL, "", "" };
	cleanup(freep) char *nodes = NULL;
	struct node_routes routes;
	size_t size;
	FILE *out = open_memstream(&nodes, &size);

	for (int i = 0; i < 1000; i++)
		fprintf(out, "n%d 203.0.%d.%d | 10.%d.%d.0/24;", i, i / 250, i % 250 + 1,
			20 + i / 250, i % 250);
	fclose(out);
	row.nodes = nodes;
	compute(&routes, &row);
	ck_assert_uint_eq(routes.count, 1000);
	ck_assert_uint_eq(routes.problems.count, 0);
	for (size_t i = 1; i < routes.count; i++)
		ck_assert_int_lt(prefix_compare(&routes.routes[i - 1].cidr, &routes.routes[i].cidr), 0);
	node_routes_done(&routes);
}
END_TEST

START_TEST(a_pod_cidr_of_this_node_has_no_node_in_it)
{
	cleanup(store_freep) struct store *store = NULL;
	cleanup(texts_done) struct texts texts = {};
	struct prefix good = make_prefix("10.1.0.0/24"), bad = make_prefix("192.0.2.0/24");

	ck_assert_int_eq(store_new(&store), 0);
	put_nodes(store, ME NEAR);
	ck_assert_int_eq(node_cidr_doubt(&texts, store, &good), 0);
	ck_assert_uint_eq(texts.count, 0);
	ck_assert_int_eq(node_cidr_doubt(&texts, store, &bad), 1);
	ck_assert_str_eq(texts.items[0], "pod CIDR 192.0.2.0/24 of this node has the address "
			 "192.0.2.1 of node me in it: it is not used");
}
END_TEST

CHECK_MAIN("node-routes", CHECK_LOOP(routes_are_what_the_nodes_say, cases),
	   CHECK_TEST(the_pod_cidrs_of_the_cluster_are_all_that_are_trusted),
	   CHECK_TEST(a_thousand_nodes_do_not_confuse_it),
	   CHECK_TEST(a_pod_cidr_of_this_node_has_no_node_in_it))
