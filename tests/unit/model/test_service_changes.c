// SPDX-License-Identifier: Apache-2.0
/* Which Services are delivered after which change of the store, and what that costs. */
#include "lib/check_main.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "service_fixture.h"

static struct object *service(const char *name)
{
	return make_service("shop", name, "10.96.0.1", "http/tcp=80");
}

static struct object *slice(const char *name, const char *of)
{
	struct object *obj = make_slice("shop", name, of, true, "http/tcp=8080");

	slice_add(obj, "10.1.0.1 node=here");
	return obj;
}

/* Two services at different addresses, each with a slice; delivered. */
static void start_two(struct service_world *world)
{
	world_start(world);
	world_put(world, make_service("shop", "front", "10.96.0.2", "http/tcp=80"));
	world_put(world, make_service("bank", "front", "10.96.0.3", "http/tcp=80"));
	world_put(world, slice("front-1", "front"));
	ck_assert_str_eq(world_changes(world), "bank/front shop/front");
	ck_assert_str_eq(world_changes(world), "");
}

START_TEST(changes_come_in_the_order_of_names_each_once)
{
	struct service_world world;

	world_start(&world);
	world_put(&world, make_service("b", "a", "10.96.0.1", "http/tcp=80"));
	world_put(&world, make_service("a-b", "a", "10.96.0.2", "http/tcp=80"));
	world_put(&world, make_service("a", "z", "10.96.0.3", "http/tcp=80"));
	world_put(&world, make_service("a", "z", "10.96.0.4", "http/tcp=80"));
	ck_assert_str_eq(world_changes(&world), "a/z a-b/a b/a");
	ck_assert_str_eq(world_changes(&world), "");
	world_stop(&world);
}
END_TEST

START_TEST(a_slice_changes_its_service_only)
{
	struct service_world world;

	start_two(&world);
	world_put(&world, slice("front-1", "front"));
	ck_assert_str_eq(world_changes(&world), "shop/front");
	world_put(&world, slice("front-2", "front"));
	ck_assert_str_eq(world_changes(&world), "shop/front");
	world_drop(&world, OBJECT_ENDPOINT_SLICE, "shop", "front-1");
	ck_assert_str_eq(world_changes(&world), "shop/front");
	world_drop(&world, OBJECT_ENDPOINT_SLICE, "shop", "front-2");
	ck_assert_str_eq(world_changes(&world), "shop/front");
	ck_assert_str_eq(world_backends(&world, "shop/front", "http/tcp4"), "");
	world_stop(&world);
}
END_TEST

START_TEST(a_slice_that_gets_another_label_moves_to_another_service)
{
	struct service_world world;

	start_two(&world);
	world_put(&world, make_service("shop", "back", "10.96.0.4", "http/tcp=80"));
	ck_assert_str_eq(world_changes(&world), "shop/back");
	world_put(&world, slice("front-1", "back"));
	ck_assert_str_eq(world_changes(&world), "shop/back shop/front");
	ck_assert_str_eq(world_backends(&world, "shop/front", "http/tcp4"), "");
	ck_assert_str_eq(world_backends(&world, "shop/back", "http/tcp4"),
			 "10.1.0.1:8080(cluster,local)");
	world_put(&world, slice("front-1", ""));
	ck_assert_str_eq(world_changes(&world), "shop/back");
	ck_assert_str_eq(world_backends(&world, "shop/back", "http/tcp4"), "");
	world_stop(&world);
}
END_TEST

START_TEST(slices_may_come_before_their_service_and_stay_after_it)
{
	struct service_world world;

	world_start(&world);
	world_put(&world, slice("front-1", "front"));
	ck_assert_str_eq(world_changes(&world), "");
	world_put(&world, service("front"));
	ck_assert_str_eq(world_changes(&world), "shop/front");
	ck_assert_str_eq(world_backends(&world, "shop/front", "http/tcp4"),
			 "10.1.0.1:8080(cluster,local)");
	world_drop(&world, OBJECT_SERVICE, "shop", "front");
	ck_assert_str_eq(world_changes(&world), "shop/front(gone)");
	ck_assert_str_eq(world_changes(&world), "");
	world_put(&world, slice("front-1", "front"));
	ck_assert_str_eq(world_changes(&world), "");
	world_put(&world, service("front"));
	ck_assert_str_eq(world_changes(&world), "shop/front");
	ck_assert_str_eq(world_backends(&world, "shop/front", "http/tcp4"),
			 "10.1.0.1:8080(cluster,local)");
	world_stop(&world);
}
END_TEST

START_TEST(a_service_that_came_and_went_unseen_is_not_told)
{
	struct service_world world;

	start_two(&world);
	world_put(&world, service("brief"));
	world_drop(&world, OBJECT_SERVICE, "shop", "brief");
	ck_assert_str_eq(world_changes(&world), "");
	world_drop(&world, OBJECT_SERVICE, "shop", "front");
	world_put(&world, service("front"));
	ck_assert_str_eq(world_changes(&world), "shop/front");
	world_stop(&world);
}
END_TEST

START_TEST(what_was_in_the_store_before_is_delivered)
{
	struct service_world world = {};

	ck_assert_int_eq(store_new(&world.store), 0);
	world_put(&world, service("front"));
	world_put(&world, slice("front-1", "front"));
	ck_assert_int_eq(services_new(&world.services, world.store), 0);
	ck_assert_str_eq(world_changes(&world), "shop/front");
	/* Without a node nothing is local. */
	ck_assert_str_eq(world_backends(&world, "shop/front", "http/tcp4"),
			 "10.1.0.1:8080(cluster)");
	services_free(world.services);
	world.services = NULL;
	/* Nobody follows any more. */
	world_put(&world, service("front"));
	world_stop(&world);
}
END_TEST

static void put_node(struct service_world *world, const char *name, const char *labels)
{
	struct object *node = make_node(name, "192.168.0.1");

	label_node(node, labels);
	world_put(world, node);
}

START_TEST(this_node_s_zone_changes_all_and_nothing_else_of_nodes_does)
{
	struct service_world world;

	start_two(&world);
	put_node(&world, "here", "kubernetes.io/arch=amd64");
	put_node(&world, "there", "topology.kubernetes.io/zone=a");
	ck_assert_str_eq(world_changes(&world), "");
	put_node(&world, "here", "topology.kubernetes.io/zone=a");
	ck_assert_str_eq(world_changes(&world), "bank/front shop/front");
	put_node(&world, "here", "topology.kubernetes.io/zone=a x=y");
	ck_assert_str_eq(world_changes(&world), "");
	world_drop(&world, OBJECT_NODE, "", "here");
	ck_assert_str_eq(world_changes(&world), "bank/front shop/front");
	world_stop(&world);
}
END_TEST

START_TEST(this_node_s_name_and_addresses_change_all)
{
	struct service_world world;

	start_two(&world);
	world_set_node(&world, "here", "192.168.0.1 fd00:0:0:1::1");
	ck_assert_str_eq(world_changes(&world), "");
	world_set_node(&world, "here", "192.168.0.1");
	ck_assert_str_eq(world_changes(&world), "bank/front shop/front");
	world_set_node(&world, "there", "192.168.0.1");
	ck_assert_str_eq(world_changes(&world), "bank/front shop/front");
	ck_assert_str_eq(world_backends(&world, "shop/front", "http/tcp4"),
			 "10.1.0.1:8080(cluster)");
	world_stop(&world);
}
END_TEST

START_TEST(pods_and_policies_change_nothing)
{
	struct service_world world;

	start_two(&world);
	world_put(&world, make_pod("shop", "front-1", "here", "", "10.1.0.1", ""));
	world_put(&world, make_namespace("shop", ""));
	world_put(&world, make_policy("shop", "all", "", "ie"));
	ck_assert_str_eq(world_changes(&world), "");
	world_stop(&world);
}
END_TEST

struct failing {
	const char *name; /* of the Service that cannot be written */
	char seen[64];
};

static int fail_at(const struct service_images *images, void *arg)
{
	struct failing *failing = arg;
	size_t length = strlen(failing->seen);

	snprintf(failing->seen + length, sizeof(failing->seen) - length, "%s ", images->name);
	return failing->name && !strcmp(images->name, failing->name) ? -ENOSPC : 0;
}

START_TEST(a_service_that_fails_is_delivered_again_and_the_rest_goes_on)
{
	struct failing failing = { .name = "a" };
	struct service_world world;

	world_start(&world);
	world_put(&world, make_service("n", "a", "10.96.0.1", "http/tcp=80"));
	world_put(&world, make_service("n", "b", "10.96.0.2", "http/tcp=80"));
	ck_assert_int_eq(services_each_change(world.services, fail_at, &failing), -ENOSPC);
	ck_assert_str_eq(failing.seen, "a b ");
	failing = (struct failing){};
	ck_assert_int_eq(services_each_change(world.services, fail_at, &failing), 0);
	ck_assert_str_eq(failing.seen, "a ");
	/* Also when it is to be taken away. */
	world_drop(&world, OBJECT_SERVICE, "n", "b");
	failing = (struct failing){ .name = "b" };
	ck_assert_int_eq(services_each_change(world.services, fail_at, &failing), -ENOSPC);
	ck_assert_str_eq(world_changes(&world), "n/b(gone)");
	ck_assert_str_eq(world_changes(&world), "");
	world_stop(&world);
}
END_TEST

START_TEST(asking_for_one_is_no_delivery)
{
	struct failing failing = {};
	struct service_world world;

	world_start(&world);
	world_put(&world, service("front"));
	ck_assert_int_eq(services_resolve(world.services, "shop", "front", fail_at, &failing), 0);
	ck_assert_int_eq(services_resolve(world.services, "shop", "back", fail_at, &failing),
			 -ENOENT);
	world_put(&world, slice("back-1", "back"));
	ck_assert_int_eq(services_resolve(world.services, "shop", "back", fail_at, &failing),
			 -ENOENT);
	ck_assert_str_eq(failing.seen, "front ");
	ck_assert_str_eq(world_changes(&world), "shop/front");
	world_stop(&world);
}
END_TEST

CHECK_MAIN("service changes",
	   CHECK_TEST(changes_come_in_the_order_of_names_each_once),
	   CHECK_TEST(a_slice_changes_its_service_only),
	   CHECK_TEST(a_slice_that_gets_another_label_moves_to_another_service),
	   CHECK_TEST(slices_may_come_before_their_service_and_stay_after_it),
	   CHECK_TEST(a_service_that_came_and_went_unseen_is_not_told),
	   CHECK_TEST(what_was_in_the_store_before_is_delivered),
	   CHECK_TEST(this_node_s_zone_changes_all_and_nothing_else_of_nodes_does),
	   CHECK_TEST(this_node_s_name_and_addresses_change_all),
	   CHECK_TEST(pods_and_policies_change_nothing),
	   CHECK_TEST(a_service_that_fails_is_delivered_again_and_the_rest_goes_on),
	   CHECK_TEST(asking_for_one_is_no_delivery))
