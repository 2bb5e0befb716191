// SPDX-License-Identifier: Apache-2.0
/* What one change costs where there are many services. */
#include "lib/check_main.h"

#include <stdio.h>

#include "model/service_private.h"
#include "service_fixture.h"

#define MANY 10000
#define MANY_ENDPOINTS 25
#define MANY_NODES 60 /* names are few: "node-0" */

static struct object *many_slice(unsigned int i, unsigned int endpoints)
{
	struct object *obj;
	char name[32], words[64];

	snprintf(name, sizeof(name), "s-%05u", i);
	obj = make_slice("big", name, name, true, "http/tcp=8080");
	for (unsigned int j = 0; j < endpoints; j++) {
		unsigned int number = i * MANY_ENDPOINTS + j;

		snprintf(words, sizeof(words), "10.%u.%u.%u node=node-%u", number >> 16,
			 number >> 8 & 255, number & 255, number % MANY_NODES);
		slice_add(obj, words);
	}
	return obj;
}

static void put_many(struct service_world *world, bool share_external)
{
	char name[32], ip[32];

	for (unsigned int i = 0; i < MANY; i++) {
		struct object *obj;

		snprintf(name, sizeof(name), "s-%05u", i);
		snprintf(ip, sizeof(ip), "172.20.%u.%u", i >> 8, i & 255);
		obj = make_service("big", name, ip, "http/tcp=80");
		if (share_external)
			service_external_ips(obj, "198.51.100.7");
		world_put(world, obj);
	}
}

struct tally {
	size_t services, backends, frontends;
};

static int count(const struct service_images *images, void *arg)
{
	struct tally *tally = arg;

	tally->services++;
	for (size_t i = 0; i < images->count; i++) {
		tally->backends += images->items[i].backend_count;
		tally->frontends += images->items[i].frontend_count;
	}
	return 0;
}

static struct tally tally_of(struct service_world *world)
{
	struct tally tally = {};

	ck_assert_int_eq(services_each_change(world->services, count, &tally), 0);
	return tally;
}

START_TEST(one_of_ten_thousand_services_changes_alone)
{
	struct service_world world;
	struct tally tally;

	world_start(&world);
	put_many(&world, false);
	for (unsigned int i = 0; i < MANY; i++)
		world_put(&world, many_slice(i, MANY_ENDPOINTS));
	tally = tally_of(&world);
	ck_assert_uint_eq(tally.services, MANY);
	ck_assert_uint_eq(tally.frontends, MANY);
	ck_assert_uint_eq(tally.backends, MANY * MANY_ENDPOINTS);
	ck_assert_uint_eq(tally_of(&world).services, 0);
	world_put(&world, many_slice(4711, MANY_ENDPOINTS - 1));
	tally = tally_of(&world);
	ck_assert_uint_eq(tally.services, 1);
	ck_assert_uint_eq(tally.backends, MANY_ENDPOINTS - 1);
	world_stop(&world);
}
END_TEST

/* Nor does a Service disturb others by its address, unless it is an endpoint of one. */
START_TEST(an_address_that_is_an_endpoint_disturbs_only_those_who_have_it)
{
	struct service_world world;

	world_start(&world);
	put_many(&world, false);
	for (unsigned int i = 0; i < MANY; i++)
		world_put(&world, many_slice(i, MANY_ENDPOINTS));
	tally_of(&world);
	world_put(&world, make_service("big", "new", "172.21.0.1", "http/tcp=80"));
	ck_assert(!world.services->look_at_targets);
	ck_assert_uint_eq(tally_of(&world).services, 1);
	/* The address of the last endpoint of all */
	world_put(&world, make_service("big", "new", "10.3.208.143", "http/tcp=80"));
	ck_assert(world.services->look_at_targets);
	ck_assert_uint_eq(tally_of(&world).services, 2);
	world_put(&world, make_service("big", "new", "172.21.0.1", "http/tcp=80"));
	ck_assert_uint_eq(tally_of(&world).services, 2);
	world_stop(&world);
}
END_TEST

/* Only who gets it or loses it is resolved again. */
START_TEST(ten_thousand_that_want_one_address_do_not_disturb_each_other)
{
	struct service_world world;
	struct tally tally;

	world_start(&world);
	put_many(&world, true);
	tally = tally_of(&world);
	ck_assert_uint_eq(tally.services, MANY);
	ck_assert_uint_eq(tally.frontends, MANY + 1);
	world_drop(&world, OBJECT_SERVICE, "big", "s-05000");
	tally = tally_of(&world);
	ck_assert_uint_eq(tally.services, 1);
	world_drop(&world, OBJECT_SERVICE, "big", "s-00000");
	tally = tally_of(&world);
	ck_assert_uint_eq(tally.services, 2);
	ck_assert_uint_eq(tally.frontends, 2);
	ck_assert_str_eq(world_frontends(&world, "big/s-00001", "http/tcp4"),
			 "172.20.0.1:80(cluster) 198.51.100.7:80(external)");
	for (unsigned int i = 1; i < 100; i++) {
		char name[32];

		snprintf(name, sizeof(name), "s-%05u", i);
		world_drop(&world, OBJECT_SERVICE, "big", name);
		ck_assert_uint_eq(tally_of(&world).services, 2);
	}
	world_stop(&world);
}
END_TEST

CHECK_MAIN("service scale",
	   CHECK_TEST(one_of_ten_thousand_services_changes_alone),
	   CHECK_TEST(an_address_that_is_an_endpoint_disturbs_only_those_who_have_it),
	   CHECK_TEST(ten_thousand_that_want_one_address_do_not_disturb_each_other))
