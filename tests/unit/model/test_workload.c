// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include "model/workload.h"
#include "objects_make.h"

static struct object *pod(const char *name, const char *labels, const char *ports)
{
	struct object *obj = make_pod("shop", name, "node-1", labels, "10.0.0.1", ports);

	ck_assert_int_eq(workload_join(&obj->pod), 0);
	ck_assert_ptr_nonnull(obj->pod.workload);
	return obj;
}

START_TEST(pods_of_one_workload_have_labels_and_ports_in_common)
{
	struct object *one = pod("one", "app=web tier=front", "http/tcp=80 dns/udp=53");
	struct object *two = pod("two", "tier=front app=web", "http/tcp=80 dns/udp=53");

	ck_assert_ptr_eq(one->pod.workload, two->pod.workload);
	ck_assert_ptr_eq(one->pod.labels.items, two->pod.labels.items);
	ck_assert_ptr_eq(one->pod.ports, two->pod.ports);
	object_free(one);
	ck_assert_str_eq(labels_get(&two->pod.labels, "app"), "web");
	ck_assert_uint_eq(two->pod.port_count, 2);
	object_free(two);
}
END_TEST

static const struct {
	const char *labels;
	const char *ports;
} others[] = {
	{ "app=web", "http/tcp=80" },
	{ "app=web tier=back", "http/tcp=80" },
	{ "app=web tier=front more=", "http/tcp=80" },
	{ "app=web tier=front", "" },
	{ "app=web tier=front", "http/tcp=81" },
	{ "app=web tier=front", "http/udp=80" },
	{ "app=web tier=front", "web/tcp=80" },
	{ "app=web tier=front", "http/tcp=80 dns/udp=53" },
	{ "", "" },
};

START_TEST(whatever_differs_makes_another_workload)
{
	struct object *one = pod("one", "app=web tier=front", "http/tcp=80");
	struct object *other = pod("other", others[_i].labels, others[_i].ports);

	ck_assert_ptr_ne(one->pod.workload, other->pod.workload);
	ck_assert_uint_ne(one->pod.workload->id, other->pod.workload->id);
	object_free(one);
	object_free(other);
}
END_TEST

START_TEST(a_workload_that_comes_back_has_another_number)
{
	struct object *obj = pod("one", "app=web", "");
	uint64_t before = obj->pod.workload->id;

	object_free(obj);
	obj = pod("one", "app=web", "");
	ck_assert_uint_ne(obj->pod.workload->id, before);
	object_free(obj);
}
END_TEST

START_TEST(joining_twice_is_joining_once)
{
	struct object *obj = pod("one", "app=web", "http/tcp=80");

	ck_assert_int_eq(workload_join(&obj->pod), 0);
	object_free(obj);
}
END_TEST

CHECK_MAIN("workload",
	   CHECK_TEST(pods_of_one_workload_have_labels_and_ports_in_common),
	   CHECK_LOOP(whatever_differs_makes_another_workload, others),
	   CHECK_TEST(a_workload_that_comes_back_has_another_number),
	   CHECK_TEST(joining_twice_is_joining_once))
