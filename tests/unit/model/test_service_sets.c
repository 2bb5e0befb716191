// SPDX-License-Identifier: Apache-2.0
/* Which endpoints a service port has, and which of them each set chooses from. */
#include "lib/check_main.h"

#include <string.h>

#include "service_fixture.h"

/* A service with one port and a slice of up to this many; node "here" is in zone "a". */
#define ENDPOINTS_MAX 4

struct set_case {
	const char *what;
	const char *endpoints[ENDPOINTS_MAX];
	const char *backends;
	const char *empty;
};

static const struct set_case set_cases[] = {
	{ "no endpoints: refused", {}, "", "cluster:refuse local:refuse" },
	{ "ready ones are chosen, those here by both sets",
	  { "10.1.0.1 node=here", "10.1.0.2 node=there", "10.1.0.3" },
	  "10.1.0.1:8080(cluster,local) 10.1.0.2:8080(cluster) 10.1.0.3:8080(cluster)", "" },
	{ "no local endpoint, others exist: silent",
	  { "10.1.0.2 node=there" }, "10.1.0.2:8080(cluster)", "local:silent" },
	{ "nodeName unknown: not local", { "10.1.0.1" }, "10.1.0.1:8080(cluster)", "local:silent" },
	{ "neither ready nor serving: as if it were not there",
	  { "10.1.0.1 gone node=here" }, "", "cluster:refuse local:refuse" },
	{ "terminating without serving: as if it were not there",
	  { "10.1.0.1 terminating node=here" }, "", "cluster:refuse local:refuse" },
	{ "serving and terminating stays listed beside ready ones, and is not chosen",
	  { "10.1.0.1 node=here", "10.1.0.2 serving terminating node=here" },
	  "10.1.0.1:8080(cluster,local) 10.1.0.2:8080()", "" },
	{ "none ready: serving and terminating ones are chosen",
	  { "10.1.0.1 serving terminating node=here", "10.1.0.2 serving terminating node=there",
	    "10.1.0.3 gone" },
	  "10.1.0.1:8080(cluster,local) 10.1.0.2:8080(cluster)", "" },
	{ "serving without terminating is no last resort, but listed",
	  { "10.1.0.1 serving node=here" }, "10.1.0.1:8080()", "cluster:refuse local:refuse" },
	{ "the local set falls back on its own",
	  { "10.1.0.1 serving terminating node=here", "10.1.0.2 node=there" },
	  "10.1.0.1:8080(local) 10.1.0.2:8080(cluster)", "" },
	{ "the cluster set does not fall back while one is ready anywhere",
	  { "10.1.0.1 node=here", "10.1.0.2 serving terminating node=there" },
	  "10.1.0.1:8080(cluster,local) 10.1.0.2:8080()", "" },
	{ "only terminating ones elsewhere are endpoints all the same: silent",
	  { "10.1.0.2 serving terminating node=there" }, "10.1.0.2:8080(cluster)",
	  "local:silent" },
	{ "ready while terminating (publishNotReadyAddresses) is ready",
	  { "10.1.0.1 ready serving terminating node=here" }, "10.1.0.1:8080(cluster,local)", "" },
	{ "ready without serving is ready",
	  { "10.1.0.1 ready node=here" }, "10.1.0.1:8080(cluster,local)", "" },
	{ "an address of a node, and one outside of the cluster, are endpoints",
	  { "192.168.0.1 node=here", "198.51.100.7" },
	  "192.168.0.1:8080(cluster,local) 198.51.100.7:8080(cluster)", "" },
	{ "hints of zones: those for this node's zone; the others keep their connections",
	  { "10.1.0.1 for-zone=a", "10.1.0.2 for-zone=b", "10.1.0.3 for-zone=b for-zone=a" },
	  "10.1.0.1:8080(cluster) 10.1.0.2:8080() 10.1.0.3:8080(cluster)", "local:silent" },
	{ "hints of zones: none fits, all are chosen",
	  { "10.1.0.1 for-zone=b", "10.1.0.2 for-zone=c" },
	  "10.1.0.1:8080(cluster) 10.1.0.2:8080(cluster)", "local:silent" },
	{ "hints of zones: one has none, all are chosen",
	  { "10.1.0.1 for-zone=a", "10.1.0.2" },
	  "10.1.0.1:8080(cluster) 10.1.0.2:8080(cluster)", "local:silent" },
	{ "hints: only ready endpoints need them",
	  { "10.1.0.1 for-zone=a", "10.1.0.2 for-zone=b", "10.1.0.3 serving terminating" },
	  "10.1.0.1:8080(cluster) 10.1.0.2:8080() 10.1.0.3:8080()", "local:silent" },
	{ "hints: one that is not ready does not make them fit",
	  { "10.1.0.1 serving terminating for-zone=a", "10.1.0.2 for-zone=b" },
	  "10.1.0.1:8080() 10.1.0.2:8080(cluster)", "local:silent" },
	{ "hints: those of the last resort do not count",
	  { "10.1.0.1 serving terminating for-zone=a", "10.1.0.2 serving terminating for-zone=b" },
	  "10.1.0.1:8080(cluster) 10.1.0.2:8080(cluster)", "local:silent" },
	{ "hints of nodes come before hints of zones",
	  { "10.1.0.1 for-node=here for-zone=b", "10.1.0.2 for-node=there for-zone=a" },
	  "10.1.0.1:8080(cluster) 10.1.0.2:8080()", "local:silent" },
	{ "hints of nodes: none fits, then zones decide",
	  { "10.1.0.1 for-node=there for-zone=b", "10.1.0.2 for-node=there for-zone=a" },
	  "10.1.0.1:8080() 10.1.0.2:8080(cluster)", "local:silent" },
	{ "hints of nodes: one has none, then zones decide",
	  { "10.1.0.1 for-node=here for-zone=b", "10.1.0.2 for-zone=a" },
	  "10.1.0.1:8080() 10.1.0.2:8080(cluster)", "local:silent" },
	{ "hints do not touch the local set",
	  { "10.1.0.1 node=here for-zone=b", "10.1.0.2 node=there for-zone=a" },
	  "10.1.0.1:8080(local) 10.1.0.2:8080(cluster)", "" },
	{ "an endpoint that is there twice is one; here before elsewhere",
	  { "10.1.0.1 gone node=there", "10.1.0.1 node=here" },
	  "10.1.0.1:8080(cluster,local)", "" },
	{ "an endpoint that is there twice: also when here it is gone",
	  { "10.1.0.1 node=there", "10.1.0.1 gone node=here" }, "",
	  "cluster:refuse local:refuse" },
};

static void put_zone(struct service_world *world, const char *node, const char *labels)
{
	struct object *obj = make_node(node, "192.168.0.1");

	label_node(obj, labels);
	world_put(world, obj);
}

START_TEST(sets_are_chosen)
{
	const struct set_case *c = &set_cases[_i];
	struct object *slice = make_slice("shop", "front-1", "front", true, "http/tcp=8080");
	struct service_world world;

	world_start(&world);
	put_zone(&world, "here", "topology.kubernetes.io/zone=a");
	world_put(&world, make_service("shop", "front", "10.96.0.1", "http/tcp=80"));
	for (int i = 0; i < ENDPOINTS_MAX && c->endpoints[i]; i++)
		slice_add(slice, c->endpoints[i]);
	world_put(&world, slice);
	ck_assert_msg(!strcmp(world_backends(&world, "shop/front", "http/tcp4"), c->backends),
		      "%s: %s", c->what, world_backends(&world, "shop/front", "http/tcp4"));
	ck_assert_msg(!strcmp(world_empty(&world, "shop/front", "http/tcp4"), c->empty), "%s: %s",
		      c->what, world_empty(&world, "shop/front", "http/tcp4"));
	world_stop(&world);
}
END_TEST

static void put_slice(struct service_world *world, const char *name, bool is_v4,
		      const char *ports, const char *endpoint)
{
	struct object *slice = make_slice("shop", name, "front", is_v4, ports);

	slice_add(slice, endpoint);
	world_put(world, slice);
}

START_TEST(slices_are_merged_and_ports_found_by_name)
{
	struct service_world world;

	world_start(&world);
	world_put(&world, make_service("shop", "front", "10.96.0.1", "http/tcp=80 dns/udp=53"));
	put_slice(&world, "a", true, "http/tcp=8080 dns/udp=5353", "10.1.0.1");
	put_slice(&world, "b", true, "http/tcp=8081", "10.1.0.2");
	put_slice(&world, "c", true, "dns/tcp=5300 http/udp=8082", "10.1.0.3");
	put_slice(&world, "d", true, "http/tcp=9090", "10.1.0.1");
	ck_assert_str_eq(world_backends(&world, "shop/front", "http/tcp4"),
			 "10.1.0.1:8080(cluster) 10.1.0.1:9090(cluster) 10.1.0.2:8081(cluster)");
	ck_assert_str_eq(world_backends(&world, "shop/front", "dns/udp4"),
			 "10.1.0.1:5353(cluster)");
	world_stop(&world);
}
END_TEST

START_TEST(an_unnamed_port_is_found_by_its_empty_name)
{
	struct service_world world;

	world_start(&world);
	world_put(&world, make_service("shop", "front", "10.96.0.1", "/tcp=80"));
	put_slice(&world, "a", true, "/tcp=8080", "10.1.0.1");
	put_slice(&world, "b", true, "http/tcp=8080", "10.1.0.2");
	ck_assert_str_eq(world_backends(&world, "shop/front", "/tcp4"), "10.1.0.1:8080(cluster)");
	world_stop(&world);
}
END_TEST

START_TEST(the_same_endpoint_in_two_slices_is_the_local_one_or_the_first_slice_s)
{
	struct service_world world;

	world_start(&world);
	world_put(&world, make_service("shop", "front", "10.96.0.1", "http/tcp=80"));
	put_slice(&world, "b", true, "http/tcp=8080", "10.1.0.1 gone node=there");
	put_slice(&world, "a", true, "http/tcp=8080", "10.1.0.1 node=other");
	ck_assert_str_eq(world_backends(&world, "shop/front", "http/tcp4"),
			 "10.1.0.1:8080(cluster)");
	put_slice(&world, "c", true, "http/tcp=8080", "10.1.0.1 serving terminating node=here");
	ck_assert_str_eq(world_backends(&world, "shop/front", "http/tcp4"),
			 "10.1.0.1:8080(cluster,local)");
	world_drop(&world, OBJECT_ENDPOINT_SLICE, "shop", "c");
	world_drop(&world, OBJECT_ENDPOINT_SLICE, "shop", "a");
	ck_assert_str_eq(world_backends(&world, "shop/front", "http/tcp4"), "");
	world_stop(&world);
}
END_TEST

START_TEST(families_stay_apart)
{
	struct service_world world;

	world_start(&world);
	world_put(&world, make_service("shop", "front", "10.96.0.1 fd00:96::1", "http/tcp=80"));
	put_slice(&world, "a", true, "http/tcp=8080", "10.1.0.1");
	ck_assert_str_eq(world_backends(&world, "shop/front", "http/tcp6"), "");
	ck_assert_str_eq(world_empty(&world, "shop/front", "http/tcp6"),
			 "cluster:refuse local:refuse");
	put_slice(&world, "b", false, "http/tcp=8080", "fd00:1::1 node=here");
	ck_assert_str_eq(world_backends(&world, "shop/front", "http/tcp4"),
			 "10.1.0.1:8080(cluster)");
	ck_assert_str_eq(world_backends(&world, "shop/front", "http/tcp6"),
			 "[fd00:1::1]:8080(cluster,local)");
	/* A slice that says one family and has the other. */
	put_slice(&world, "c", false, "http/tcp=8080", "10.1.0.3");
	ck_assert_str_eq(world_backends(&world, "shop/front", "http/tcp4"),
			 "10.1.0.1:8080(cluster)");
	ck_assert_str_eq(world_backends(&world, "shop/front", "http/tcp6"),
			 "[fd00:1::1]:8080(cluster,local)");
	world_stop(&world);
}
END_TEST

START_TEST(slices_of_other_services_and_namespaces_do_not_count)
{
	struct object *slice = make_slice("bank", "front-1", "front", true, "http/tcp=8080");
	struct service_world world;

	world_start(&world);
	world_put(&world, make_service("shop", "front", "10.96.0.1", "http/tcp=80"));
	slice_add(slice, "10.1.0.1");
	world_put(&world, slice);
	slice = make_slice("shop", "front", "", true, "http/tcp=8080");
	slice_add(slice, "10.1.0.2");
	world_put(&world, slice);
	ck_assert_str_eq(world_backends(&world, "shop/front", "http/tcp4"), "");
	world_stop(&world);
}
END_TEST

START_TEST(no_zone_or_another_changes_what_hints_say)
{
	struct object *slice = make_slice("shop", "front-1", "front", true, "http/tcp=8080");
	static const char near_b[] = "10.1.0.1:8080() 10.1.0.2:8080(cluster)";
	static const char all[] = "10.1.0.1:8080(cluster) 10.1.0.2:8080(cluster)";
	struct service_world world;

	world_start(&world);
	world_put(&world, make_service("shop", "front", "10.96.0.1", "http/tcp=80"));
	slice_add(slice, "10.1.0.1 for-zone=a");
	slice_add(slice, "10.1.0.2 for-zone=b");
	world_put(&world, slice);
	ck_assert_str_eq(world_backends(&world, "shop/front", "http/tcp4"), all);
	put_zone(&world, "there", "topology.kubernetes.io/zone=b");
	ck_assert_str_eq(world_backends(&world, "shop/front", "http/tcp4"), all);
	put_zone(&world, "here", "topology.kubernetes.io/zone=b");
	ck_assert_str_eq(world_backends(&world, "shop/front", "http/tcp4"), near_b);
	put_zone(&world, "here", "");
	ck_assert_str_eq(world_backends(&world, "shop/front", "http/tcp4"), all);
	world_set_node(&world, "there", "192.168.0.2");
	ck_assert_str_eq(world_backends(&world, "shop/front", "http/tcp4"), near_b);
	world_drop(&world, OBJECT_NODE, "", "there");
	ck_assert_str_eq(world_backends(&world, "shop/front", "http/tcp4"), all);
	world_stop(&world);
}
END_TEST

struct health_case {
	const char *what;
	enum service_type type;
	bool external_local;
	const char *expected;
};

static const struct health_case health_cases[] = {
	{ "exists with a balancer and Local", SERVICE_LOAD_BALANCER, true, "health=32000/2;" },
	{ "closed with policy Cluster", SERVICE_LOAD_BALANCER, false, "health=0/2;" },
	{ "closed with another type", SERVICE_NODE_PORT, true, "health=0/2;" },
};

/* Two addresses, one of them with two ports; one that only terminates; one elsewhere. */
START_TEST(the_health_port_counts_addresses_of_ready_local_endpoints)
{
	const struct health_case *c = &health_cases[_i];
	struct object *service = make_service("shop", "front", "10.96.0.1", "a/tcp=80 b/tcp=81");
	struct object *slice = make_slice("shop", "front-1", "front", true, "a/tcp=80 b/tcp=81");
	struct service_world world;

	world_start(&world);
	service->service->type = c->type;
	service->service->external_local = c->external_local;
	service->service->health_port = 32000;
	world_put(&world, service);
	slice_add(slice, "10.1.0.1 node=here");
	slice_add(slice, "10.1.0.2 node=here");
	slice_add(slice, "10.1.0.3 serving terminating node=here");
	slice_add(slice, "10.1.0.4 node=there");
	world_put(&world, slice);
	ck_assert_msg(!strncmp(world_images(&world, "shop/front"), c->expected,
			       strlen(c->expected)),
		      "%s: %s", c->what, world_images(&world, "shop/front"));
	world_stop(&world);
}
END_TEST

CHECK_MAIN("service sets",
	   CHECK_LOOP(sets_are_chosen, set_cases),
	   CHECK_TEST(slices_are_merged_and_ports_found_by_name),
	   CHECK_TEST(an_unnamed_port_is_found_by_its_empty_name),
	   CHECK_TEST(the_same_endpoint_in_two_slices_is_the_local_one_or_the_first_slice_s),
	   CHECK_TEST(families_stay_apart),
	   CHECK_TEST(slices_of_other_services_and_namespaces_do_not_count),
	   CHECK_TEST(no_zone_or_another_changes_what_hints_say),
	   CHECK_LOOP(the_health_port_counts_addresses_of_ready_local_endpoints, health_cases))
