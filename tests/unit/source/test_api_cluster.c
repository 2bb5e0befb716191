// SPDX-License-Identifier: Apache-2.0
/* Whose copies are used, and who may not list what. */
#include "lib/check_main.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "source/api_cluster.h"
#include "source/api_refusal.h"

#define UID "0a1b"

struct world {
	char dir[64];
	struct api_config config;
	struct api_cluster cluster;
	char why[API_CONFIG_ERROR_MAX];
};

static void begin(struct world *world)
{
	char path[128];

	*world = (struct world){};
	strcpy(world->dir, "/tmp/weir-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(world->dir));
	snprintf(path, sizeof(path), "%s/api", world->dir);
	ck_assert_int_eq(file_make_dirs(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/api/networkpolicies", world->dir);
	ck_assert_int_eq(file_replace(path, "x", 1, 0600), 0);
}

static void configure(struct world *world, const char *authority, const char *server)
{
	char error[API_CONFIG_ERROR_MAX];

	api_config_done(&world->config);
	world->config = (struct api_config){};
	world->config.ca.data = authority ? strdup(authority) : NULL;
	world->config.ca.length = authority ? strlen(authority) : 0;
	ck_assert_int_eq(api_config_add_server(&world->config, server, error), 0);
}

/* As the next agent does. */
static int reopen(struct world *world)
{
	api_cluster_done(&world->cluster);
	return api_cluster_open(&world->cluster, world->dir, &world->config, world->why);
}

static void end(struct world *world)
{
	api_cluster_done(&world->cluster);
	api_config_done(&world->config);
	file_remove_tree(world->dir);
}

static void bind_first(struct world *world)
{
	begin(world);
	configure(world, "PEM", "https://10.0.0.1:6443");
	ck_assert_int_eq(reopen(world), 0);
	ck_assert(api_cluster_hear(&world->cluster, UID));
	ck_assert_int_eq(api_cluster_bind(&world->cluster), 0);
}

START_TEST(copies_of_which_nothing_is_known_are_not_used)
{
	struct world world;

	begin(&world);
	configure(&world, "PEM", "https://10.0.0.1:6443");
	ck_assert_int_eq(reopen(&world), 0);
	ck_assert_ptr_nonnull(strstr(world.why, "not known of which cluster"));
	end(&world);
}
END_TEST

static const struct {
	const char *authority, *server;
	const char *why; /* NULL: it is the same cluster */
} others[] = {
	{ "PEM", "https://10.0.0.1:6443", NULL },
	{ "PEM", "https://10.0.0.2:6443", "other servers" },
	{ "PEN", "https://10.0.0.1:6443", "another certificate authority" },
	{ NULL, "https://10.0.0.1:6443", "another certificate authority" },
};

START_TEST(another_cluster_is_recognized_before_it_is_asked)
{
	struct world world;

	bind_first(&world);
	configure(&world, others[_i].authority, others[_i].server);
	ck_assert_int_eq(reopen(&world), !others[_i].why);
	ck_assert_str_eq(world.cluster.uid, others[_i].why ? "" : UID);
	if (others[_i].why)
		ck_assert_msg(strstr(world.why, others[_i].why), "%s", world.why);
	else
		ck_assert_str_eq(world.why, "");
	end(&world);
}
END_TEST

START_TEST(a_server_more_makes_no_other_cluster)
{
	char error[API_CONFIG_ERROR_MAX];
	struct world world;

	bind_first(&world);
	configure(&world, "PEM", "https://10.0.0.9:6443");
	ck_assert_int_eq(api_config_add_server(&world.config, "https://10.0.0.1:6443", error), 0);
	ck_assert_int_eq(reopen(&world), 1);
	end(&world);
}
END_TEST

START_TEST(another_uid_unbinds_until_it_is_bound_anew)
{
	struct world world;

	bind_first(&world);
	ck_assert_int_eq(reopen(&world), 1);
	ck_assert(api_cluster_hear(&world.cluster, UID));
	ck_assert(!api_cluster_hear(&world.cluster, "ffff"));
	/* An agent that ends now leaves copies that are nobody's. */
	ck_assert_int_eq(reopen(&world), 0);
	ck_assert(api_cluster_hear(&world.cluster, "ffff"));
	ck_assert_int_eq(api_cluster_bind(&world.cluster), 0);
	ck_assert_int_eq(reopen(&world), 1);
	ck_assert_str_eq(world.cluster.uid, "ffff");
	end(&world);
}
END_TEST

START_TEST(a_file_that_is_none_binds_nothing)
{
	struct world world;
	char path[128];

	bind_first(&world);
	snprintf(path, sizeof(path), "%s/api/cluster", world.dir);
	ck_assert_int_eq(file_replace(path, "weir-cluster 1\n", 15, 0600), 0);
	ck_assert_int_eq(reopen(&world), 0);
	ck_assert_ptr_nonnull(strstr(world.why, "no certificate authority is noted"));
	ck_assert_int_eq(file_replace(path, "x\n", 2, 0600), 0);
	ck_assert_int_eq(reopen(&world), 0);
	ck_assert_ptr_nonnull(strstr(world.why, "cannot be read"));
	end(&world);
}
END_TEST

static const struct {
	const char *said, *account;
} refusals[] = {
	{ "HTTP status 403: pods is forbidden: User \"system:serviceaccount:kube-system:weir\" "
	  "cannot list resource \"pods\" in API group \"\" at the cluster scope",
	  "system:serviceaccount:kube-system:weir" },
	{ "HTTP status 403: no", "" },
	{ "User \"", "" },
	{ "User \"half", "half" },
};

START_TEST(a_refusal_names_who_may_not_do_what)
{
	struct api_refusal refusal = {};
	char text[512];

	api_refusal_note(&refusal, text, sizeof(text), false, "pods", refusals[_i].said);
	ck_assert_str_eq(refusal.verb, "list");
	ck_assert_str_eq(refusal.account, refusals[_i].account);
	ck_assert_ptr_nonnull(strstr(text, "may not list pods"));
	ck_assert_ptr_nonnull(strstr(text, refusals[_i].said));
	api_refusal_note(&refusal, text, sizeof(text), true, "pods", refusals[_i].said);
	ck_assert_str_eq(refusal.verb, "watch");
	ck_assert_uint_eq(refusal.count, 2);
}
END_TEST

CHECK_MAIN("api_cluster", CHECK_TEST(copies_of_which_nothing_is_known_are_not_used),
	   CHECK_LOOP(another_cluster_is_recognized_before_it_is_asked, others),
	   CHECK_TEST(a_server_more_makes_no_other_cluster),
	   CHECK_TEST(another_uid_unbinds_until_it_is_bound_anew),
	   CHECK_TEST(a_file_that_is_none_binds_nothing),
	   CHECK_LOOP(a_refusal_names_who_may_not_do_what, refusals))
