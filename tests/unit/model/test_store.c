// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "model/store.h"

static struct object *object(enum object_kind kind, const char *namespace, const char *name)
{
	struct object *obj = calloc(1, sizeof(*obj));

	ck_assert_ptr_nonnull(obj);
	obj->kind = kind;
	obj->namespace = strdup(namespace);
	obj->name = strdup(name);
	return obj;
}

static void put(struct store *store, const char *namespace, const char *name)
{
	ck_assert_int_eq(store_put(store, object(OBJECT_POD, namespace, name)), 0);
}

static int append(const struct object *obj, void *arg)
{
	fprintf(arg, "%s/%s ", obj->namespace, obj->name);
	return 0;
}

static void expect_order(const struct store *store, const char *expected)
{
	cleanup(freep) char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	ck_assert_int_eq(store_each(store, OBJECT_POD, append, out), 0);
	fclose(out);
	ck_assert_str_eq(text, expected);
}

START_TEST(what_was_put_is_found)
{
	cleanup(store_freep) struct store *store = NULL;
	struct object *obj = object(OBJECT_POD, "shop", "front");

	ck_assert_int_eq(store_new(&store), 0);
	ck_assert_ptr_null(store_get(store, OBJECT_POD, "shop", "front"));
	ck_assert_int_eq(store_put(store, obj), 0);
	ck_assert_ptr_eq(store_get(store, OBJECT_POD, "shop", "front"), obj);
	ck_assert_ptr_null(store_get(store, OBJECT_POD, "shop", "fron"));
	ck_assert_ptr_null(store_get(store, OBJECT_POD, "shopf", "ront"));
	ck_assert_ptr_null(store_get(store, OBJECT_NETWORK_POLICY, "shop", "front"));
	ck_assert_uint_eq(store_count(store, OBJECT_POD), 1);
	ck_assert_uint_eq(store_count(store, OBJECT_NETWORK_POLICY), 0);
}
END_TEST

START_TEST(the_same_key_replaces)
{
	cleanup(store_freep) struct store *store = NULL;
	struct object *second = object(OBJECT_POD, "shop", "front");

	ck_assert_int_eq(store_new(&store), 0);
	put(store, "shop", "front");
	expect_order(store, "shop/front ");
	ck_assert_int_eq(store_put(store, second), 0);
	ck_assert_ptr_eq(store_get(store, OBJECT_POD, "shop", "front"), second);
	ck_assert_uint_eq(store_count(store, OBJECT_POD), 1);
	expect_order(store, "shop/front ");
}
END_TEST

START_TEST(the_order_is_that_of_namespace_then_name)
{
	cleanup(store_freep) struct store *store = NULL;

	ck_assert_int_eq(store_new(&store), 0);
	put(store, "b", "a");
	put(store, "a-b", "a");
	put(store, "a", "z");
	put(store, "", "node");
	put(store, "a", "B");
	put(store, "a", "b");
	/* Not the order of joined texts, in which "a-b/a" precedes "a/z". */
	expect_order(store, "/node a/B a/b a/z a-b/a b/a ");
}
END_TEST

START_TEST(late_objects_take_their_place)
{
	cleanup(store_freep) struct store *store = NULL;

	ck_assert_int_eq(store_new(&store), 0);
	put(store, "n", "d");
	put(store, "n", "b");
	expect_order(store, "n/b n/d ");
	put(store, "n", "e");
	put(store, "n", "a");
	put(store, "n", "c");
	expect_order(store, "n/a n/b n/c n/d n/e ");
	ck_assert(store_delete(store, OBJECT_POD, "n", "a"));
	ck_assert(store_delete(store, OBJECT_POD, "n", "d"));
	put(store, "n", "f");
	put(store, "n", "d");
	expect_order(store, "n/b n/c n/d n/e n/f ");
}
END_TEST

START_TEST(a_deleted_object_is_gone_and_may_come_back)
{
	cleanup(store_freep) struct store *store = NULL;

	ck_assert_int_eq(store_new(&store), 0);
	put(store, "n", "a");
	ck_assert(store_delete(store, OBJECT_POD, "n", "a"));
	ck_assert(!store_delete(store, OBJECT_POD, "n", "a"));
	ck_assert_ptr_null(store_get(store, OBJECT_POD, "n", "a"));
	ck_assert_uint_eq(store_count(store, OBJECT_POD), 0);
	expect_order(store, "");
	put(store, "n", "a");
	ck_assert(store_delete(store, OBJECT_POD, "n", "a"));
	put(store, "n", "a");
	expect_order(store, "n/a ");
}
END_TEST

START_TEST(the_version_rises_with_changes_only)
{
	cleanup(store_freep) struct store *store = NULL;
	uint64_t version;

	ck_assert_int_eq(store_new(&store), 0);
	version = store_version(store);
	put(store, "n", "a");
	ck_assert_uint_gt(store_version(store), version);
	version = store_version(store);
	ck_assert(!store_delete(store, OBJECT_POD, "n", "b"));
	expect_order(store, "n/a ");
	ck_assert_uint_eq(store_version(store), version);
	put(store, "n", "a");
	ck_assert_uint_gt(store_version(store), version);
	version = store_version(store);
	ck_assert(store_delete(store, OBJECT_POD, "n", "a"));
	ck_assert_uint_gt(store_version(store), version);
}
END_TEST

static const struct {
	enum object_kind kind;
	bool of_policy;
} kinds[] = {
	{ OBJECT_POD, true },	      { OBJECT_NAMESPACE, true },
	{ OBJECT_NETWORK_POLICY, true }, { OBJECT_NODE, true },
	{ OBJECT_CLUSTER_NETWORK_POLICY, true }, { OBJECT_SERVICE, false },
	{ OBJECT_ENDPOINT_SLICE, false },
};

START_TEST(policy_has_a_version_of_its_own)
{
	cleanup(store_freep) struct store *store = NULL;
	enum object_kind kind = kinds[_i].kind;
	uint64_t all, policy;

	ck_assert_int_eq(store_new(&store), 0);
	all = store_version(store);
	policy = store_policy_version(store);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(store_put(store, object(kind, "n", "a")), 0);
		ck_assert_uint_gt(store_version(store), all);
		ck_assert_int_eq(store_policy_version(store) > policy, kinds[_i].of_policy);
		all = store_version(store);
		policy = store_policy_version(store);
	}
	ck_assert(store_delete(store, kind, "n", "a"));
	ck_assert_uint_gt(store_version(store), all);
	ck_assert_int_eq(store_policy_version(store) > policy, kinds[_i].of_policy);
}
END_TEST

struct told {
	const struct store *store;
	char text[256]; /* what came, "old>new", in turn */
};

static void tell(const struct object *old, const struct object *new, void *arg)
{
	const struct object *any = new ?: old;
	struct told *told = arg;
	size_t used = strlen(told->text);

	snprintf(told->text + used, sizeof(told->text) - used, "%s>%s ", old ? old->name : "",
		 new ? new->name : "");
	/* The change has happened, and @old can still be read. */
	ck_assert_ptr_eq(store_get(told->store, any->kind, any->namespace, any->name), new);
	ck_assert(!old || !new || old->stamp < new->stamp);
}

START_TEST(a_follower_is_told_what_was_and_what_is)
{
	cleanup(store_freep) struct store *store = NULL;
	struct told told = {};

	ck_assert_int_eq(store_new(&store), 0);
	told.store = store;
	put(store, "n", "before");
	store_follow(store, tell, &told);
	put(store, "n", "a");
	put(store, "n", "a");
	ck_assert(!store_delete(store, OBJECT_POD, "n", "b"));
	ck_assert(store_delete(store, OBJECT_POD, "n", "a"));
	expect_order(store, "n/before ");
	put(store, "n", "a");
	ck_assert_str_eq(told.text, ">a a>a a> >a ");
	store_follow(store, NULL, NULL);
	put(store, "n", "c");
	ck_assert_str_eq(told.text, ">a a>a a> >a ");
}
END_TEST

static int stop_at(const struct object *obj, void *arg)
{
	return strcmp(obj->name, arg) ? 0 : -7;
}

START_TEST(a_reader_may_stop_early)
{
	cleanup(store_freep) struct store *store = NULL;

	ck_assert_int_eq(store_new(&store), 0);
	put(store, "n", "a");
	put(store, "n", "b");
	ck_assert_int_eq(store_each(store, OBJECT_POD, stop_at, "b"), -7);
	ck_assert_int_eq(store_each(store, OBJECT_POD, stop_at, "c"), 0);
	ck_assert_int_eq(store_each(store, OBJECT_NODE, stop_at, "b"), 0);
}
END_TEST

struct order_check {
	char last[64];
	size_t count;
};

static int follow(const struct object *obj, void *arg)
{
	struct order_check *check = arg;

	ck_assert_int_lt(strcmp(check->last, obj->name), 0);
	snprintf(check->last, sizeof(check->last), "%s", obj->name);
	check->count++;
	return 0;
}

static void expect_sorted(const struct store *store, size_t count)
{
	struct order_check check = {};

	ck_assert_int_eq(store_each(store, OBJECT_POD, follow, &check), 0);
	ck_assert_uint_eq(check.count, count);
	ck_assert_uint_eq(store_count(store, OBJECT_POD), count);
}

#define RANDOM_NAMES 500
#define RANDOM_STEPS 20000

START_TEST(any_mix_of_changes_keeps_the_order)
{
	cleanup(store_freep) struct store *store = NULL;
	bool there[RANDOM_NAMES] = {};
	size_t count = 0;
	char name[64];

	ck_assert_int_eq(store_new(&store), 0);
	srand(1);
	for (int step = 0; step < RANDOM_STEPS; step++) {
		int i = rand() % RANDOM_NAMES;

		snprintf(name, sizeof(name), "pod-%d", i);
		if (rand() % 2) {
			put(store, "n", name);
			count += !there[i];
			there[i] = true;
		} else {
			ck_assert_int_eq(store_delete(store, OBJECT_POD, "n", name), there[i]);
			count -= there[i];
			there[i] = false;
		}
		if (!(rand() % 20))
			expect_sorted(store, count);
	}
	expect_sorted(store, count);
}
END_TEST

#define MANY 100000
#define CHANGES 1000

/* Generous: an algorithm that is quadratic takes minutes. */
START_TEST(a_hundred_thousand_objects_are_no_burden)
{
	cleanup(store_freep) struct store *store = NULL;
	char name[64];
	clock_t start = clock();

	ck_assert_int_eq(store_new(&store), 0);
	for (unsigned int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "pod-%08x", i * 2654435761U);
		put(store, "n", name);
	}
	expect_sorted(store, MANY);
	for (unsigned int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "pod-%08x", i * 2654435761U);
		ck_assert_ptr_nonnull(store_get(store, OBJECT_POD, "n", name));
	}
	for (unsigned int i = 0; i < CHANGES; i++) {
		snprintf(name, sizeof(name), "late-%u", i);
		put(store, "n", name);
		ck_assert_int_eq(store_each(store, OBJECT_POD, stop_at, "late-0"), -7);
	}
	for (unsigned int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "pod-%08x", i * 2654435761U);
		ck_assert(store_delete(store, OBJECT_POD, "n", name));
	}
	expect_sorted(store, CHANGES);
	ck_assert_int_lt((clock() - start) / CLOCKS_PER_SEC, 30);
}
END_TEST

CHECK_MAIN("store",
	   CHECK_TEST(what_was_put_is_found),
	   CHECK_TEST(the_same_key_replaces),
	   CHECK_TEST(the_order_is_that_of_namespace_then_name),
	   CHECK_TEST(late_objects_take_their_place),
	   CHECK_TEST(a_deleted_object_is_gone_and_may_come_back),
	   CHECK_TEST(the_version_rises_with_changes_only),
	   CHECK_LOOP(policy_has_a_version_of_its_own, kinds),
	   CHECK_TEST(a_follower_is_told_what_was_and_what_is),
	   CHECK_TEST(a_reader_may_stop_early),
	   CHECK_TEST(any_mix_of_changes_keeps_the_order),
	   CHECK_TEST(a_hundred_thousand_objects_are_no_burden))
