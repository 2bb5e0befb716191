// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include <errno.h>
#include <string.h>

#include "../model/objects_make.h"
#include "report/report_subject.h"

static const struct {
	const char *text;
	int r;
	const char *kind, *namespace, *name;
} subjects[] = {
	{ "NetworkPolicy shop/front", 0, "NetworkPolicy", "shop", "front" },
	{ "Node n1.example.org", 0, "Node", "", "n1.example.org" },
	{ "AdminNetworkPolicy a", 0, "AdminNetworkPolicy", "", "a" },
	{ "", -EINVAL },
	{ "Node", -EINVAL },
	{ "Node ", -EINVAL },
	{ "Node n1: more", -EINVAL },
	{ "Secret shop/front", -EINVAL },
	{ "NetworkPolicy front", -EINVAL },
	{ "NetworkPolicy /front", -EINVAL },
	{ "NetworkPolicy shop/", -EINVAL },
	{ "NetworkPolicy shop/a/b", -EINVAL },
	{ "NetworkPolicy ../nodes/n1", -EINVAL },
	{ "Node n1?x=y", -EINVAL },
	{ "Node n 1", -EINVAL },
};

START_TEST(only_names_of_the_api_become_subjects)
{
	struct report_subject subject;

	ck_assert_int_eq(report_subject_read(&subject, subjects[_i].text, NULL), subjects[_i].r);
	if (subjects[_i].r)
		return;
	ck_assert_str_eq(subject.kind->name, subjects[_i].kind);
	ck_assert_str_eq(subject.namespace, subjects[_i].namespace);
	ck_assert_str_eq(subject.name, subjects[_i].name);
}
END_TEST

START_TEST(the_rest_follows_the_subject)
{
	struct report_subject subject;
	const char *rest;

	ck_assert_int_eq(report_subject_read(&subject, "Service shop/front: spec.ports: is: taken",
					     &rest), 0);
	ck_assert_str_eq(subject.name, "front");
	ck_assert_str_eq(rest, "spec.ports: is: taken");
	ck_assert_int_eq(report_subject_read(&subject, "Service shop/front", &rest), -EINVAL);
	ck_assert_int_eq(report_subject_read(&subject, "health-address: port 1", &rest), -EINVAL);
}
END_TEST

START_TEST(names_that_are_too_long_are_none)
{
	char text[REPORT_NAME_MAX + 16] = "Node ";
	struct report_subject subject;

	memset(text + 5, 'a', REPORT_NAME_MAX - 1);
	ck_assert_int_eq(report_subject_read(&subject, text, NULL), 0);
	text[5 + REPORT_NAME_MAX - 1] = 'a';
	ck_assert_int_eq(report_subject_read(&subject, text, NULL), -EINVAL);
}
END_TEST

#define NODES 20

START_TEST(all_nodes_agree_on_an_order_that_is_the_subjects_own)
{
	static const char *const texts[] = { "Service a/b", "Service a/c", "Service b/b", "Node a" };
	unsigned int firsts[NODES] = {};
	struct store *store;
	size_t different = 0;
	char name[8];

	ck_assert_int_eq(store_new(&store), 0);
	for (int i = 0; i < NODES; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		ck_assert_int_eq(store_put(store, make_node(name, "")), 0);
	}
	for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++) {
		bool seen[NODES] = {};
		struct report_subject subject;

		ck_assert_int_eq(report_subject_read(&subject, texts[t], NULL), 0);
		for (int i = 0; i < NODES; i++) {
			uint32_t rank;

			snprintf(name, sizeof(name), "n%d", i);
			rank = report_subject_rank(&subject, store, name);
			ck_assert_uint_lt(rank, NODES);
			ck_assert(!seen[rank]);
			seen[rank] = true;
			if (!rank && !firsts[i]++)
				different++;
		}
	}
	ck_assert_msg(different > 1, "one node would speak for all subjects");
	store_free(store);
}
END_TEST

CHECK_MAIN("report_subject", CHECK_LOOP(only_names_of_the_api_become_subjects, subjects),
	   CHECK_TEST(the_rest_follows_the_subject), CHECK_TEST(names_that_are_too_long_are_none),
	   CHECK_TEST(all_nodes_agree_on_an_order_that_is_the_subjects_own))
