// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "cni/env.h"

#define ADD_NEEDS (CNI_ENV_CONTAINERID | CNI_ENV_NETNS | CNI_ENV_IFNAME | CNI_ENV_PATH)

/* A complete environment; tests take away or change. */
static void set_all(void)
{
	setenv("CNI_CONTAINERID", "c0ffee", 1);
	setenv("CNI_NETNS", "/run/netns/x", 1);
	setenv("CNI_IFNAME", "eth0", 1);
	setenv("CNI_PATH", "/opt/cni/bin", 1);
	unsetenv("CNI_ARGS");
}

START_TEST(a_complete_environment_is_read)
{
	struct cni_error error = {};
	struct cni_env env;

	set_all();
	ck_assert_int_eq(cni_env_read(&env, ADD_NEEDS, &error), 0);
	ck_assert_str_eq(env.container_id, "c0ffee");
	ck_assert_str_eq(env.netns, "/run/netns/x");
	ck_assert_str_eq(env.ifname, "eth0");
	ck_assert_str_eq(env.path, "/opt/cni/bin");
	ck_assert_ptr_null(env.pod_name);
	cni_env_done(&env);
}
END_TEST

START_TEST(missing_variables_are_all_named)
{
	struct cni_error error = {};
	struct cni_env env;

	set_all();
	unsetenv("CNI_CONTAINERID");
	setenv("CNI_IFNAME", "", 1);
	ck_assert_int_eq(cni_env_read(&env, ADD_NEEDS, &error), -CNI_BAD_ENVIRONMENT);
	ck_assert_str_eq(error.msg, "required env variables [CNI_CONTAINERID,CNI_IFNAME] missing");
}
END_TEST

START_TEST(a_variable_that_is_not_required_may_be_absent)
{
	struct cni_error error = {};
	struct cni_env env;

	set_all();
	unsetenv("CNI_NETNS");
	unsetenv("CNI_PATH");
	ck_assert_int_eq(cni_env_read(&env, CNI_ENV_CONTAINERID | CNI_ENV_IFNAME, &error), 0);
	ck_assert_str_eq(env.netns, "");
	ck_assert_str_eq(env.path, "");
	cni_env_done(&env);
}
END_TEST

static const struct {
	const char *text;
	bool container_id;
	bool ifname;
} names[] = {
	{ "eth0", true, true },
	{ "a", true, true },
	{ "0a.b-c_d", true, true },
	{ "123456789012345", true, true },
	{ "1234567890123456", true, false },
	{ "", false, false },
	{ ".", false, false },
	{ "..", false, false },
	{ ".a", false, true },
	{ "-a", false, true },
	{ "a/b", false, false },
	{ "../a", false, false },
	{ "a:b", false, false },
	{ "a b", false, false },
	{ "a\tb", false, false },
	{ "a@b", false, true },
	{ "a\xc3\xa4", false, true },
};

START_TEST(names_are_checked)
{
	ck_assert_int_eq(!cni_check_name(names[_i].text), names[_i].container_id);
	ck_assert_int_eq(!cni_check_ifname(names[_i].text), names[_i].ifname);
}
END_TEST

START_TEST(a_container_id_with_a_path_is_refused)
{
	struct cni_error error = {};
	struct cni_env env;

	set_all();
	setenv("CNI_CONTAINERID", "../../etc/passwd", 1);
	ck_assert_int_eq(cni_env_read(&env, ADD_NEEDS, &error), -CNI_BAD_ENVIRONMENT);
	/* Verbs about no container do not look at it: runtimes leave dummies there. */
	ck_assert_int_eq(cni_env_read(&env, CNI_ENV_PATH, &error), 0);
	cni_env_done(&env);
}
END_TEST

START_TEST(bad_arguments_do_not_keep_a_pod_from_being_deleted)
{
	struct cni_error error = {};
	struct cni_env env;

	set_all();
	setenv("CNI_ARGS", "nonsense", 1);
	ck_assert_int_eq(cni_env_read(&env, ADD_NEEDS, &error), -CNI_BAD_ENVIRONMENT);
	ck_assert_int_eq(cni_env_read(&env, CNI_ENV_CONTAINERID | CNI_ENV_IFNAME, &error), 0);
	cni_env_done(&env);
}
END_TEST

static const struct {
	const char *args;
	const char *namespace, *name, *uid; /* NULL: absent */
	int r;
} arg_lists[] = {
	{ "", NULL, NULL, NULL, 0 },
	{ "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=front-1;"
	  "K8S_POD_INFRA_CONTAINER_ID=c0ffee;K8S_POD_UID=77-8",
	  "shop", "front-1", "77-8", 0 },
	{ "K8S_POD_UID=77-8;K8S_POD_NAME=front-1;IgnoreUnknown=true;K8S_POD_NAMESPACE=shop", "shop",
	  "front-1", "77-8", 0 },
	{ "K8S_POD_NAME=a;K8S_POD_NAME=b", NULL, "b", NULL, 0 },
	{ "K8S_POD_NAME=a=b;", NULL, "a=b", NULL, 0 },
	{ "K8S_POD_NAME=", NULL, "", NULL, 0 },
	{ ";;K8S_POD_NAME=a;;", NULL, "a", NULL, 0 },
	{ "XK8S_POD_NAME=a;K8S_POD_NAMEX=b;K8S_POD=c", NULL, NULL, NULL, 0 },
	{ "K8S_POD_NAME", NULL, NULL, NULL, -CNI_BAD_ENVIRONMENT },
	{ "K8S_POD_NAME=a;IgnoreUnknown", NULL, NULL, NULL, -CNI_BAD_ENVIRONMENT },
};

START_TEST(arguments_come_in_any_order)
{
	struct cni_error error = {};
	struct cni_env env = {};

	set_all();
	setenv("CNI_ARGS", arg_lists[_i].args, 1);
	ck_assert_int_eq(cni_env_read(&env, ADD_NEEDS, &error), arg_lists[_i].r);
	ck_assert_pstr_eq(env.pod_namespace, arg_lists[_i].namespace);
	ck_assert_pstr_eq(env.pod_name, arg_lists[_i].name);
	ck_assert_pstr_eq(env.pod_uid, arg_lists[_i].uid);
	cni_env_done(&env);
}
END_TEST

static const char *const bad_netns[] = { "/proc/self/ns/net", "/proc/self/ns/uts", "/dev/null",
					 "/nonexistent/netns" };

START_TEST(a_namespace_that_cannot_be_the_pods_is_refused)
{
	struct cni_env env = { .netns = bad_netns[_i] };
	struct cni_error error = {};
	int fd = -1;

	ck_assert_int_eq(cni_env_open_netns(&fd, &env, &error), -CNI_BAD_NETNS);
	ck_assert_int_eq(error.code, CNI_BAD_NETNS);
	ck_assert_int_eq(fd, -1);
}
END_TEST

static void assert_error_text(const struct cni_error *error, const char *expected)
{
	json_t *object = cni_error_json(error, "1.1.0");

	ck_assert_ptr_nonnull(object);
	ck_assert_str_eq(json_string_value(json_object_get(object, "msg")), expected);
	json_decref(object);
}

START_TEST(an_error_is_json_whatever_bytes_it_quotes)
{
	struct cni_error error = {};

	cni_fail(&error, CNI_BAD_CONFIG, "plain");
	assert_error_text(&error, "plain");
	cni_fail(&error, CNI_BAD_CONFIG, "quote \" and \xff");
	assert_error_text(&error, "quote \" and ?");
}
END_TEST

static const struct {
	const char *text;
	int code;
	const char *msg, *details;
} foreign_errors[] = {
	{ "{\"code\":11,\"msg\":\"later\",\"details\":\"d\"}", 11, "later", "d" },
	{ "{\"code\":0,\"msg\":\"zero is no error\"}", 5, "zero is no error", "" },
	{ "{\"code\":-3,\"msg\":1}", 5, "no reason given", "" },
	{ "{\"code\":99999999999}", 5, "no reason given", "" },
	{ "[]", 5, "no reason given", "" },
};

START_TEST(a_foreign_error_stays_an_error)
{
	json_t *object = json_loads(foreign_errors[_i].text, 0, NULL);
	struct cni_error error = {};

	ck_assert_int_eq(cni_fail_json(&error, CNI_IO_FAILURE, object), -foreign_errors[_i].code);
	ck_assert_int_eq(error.code, foreign_errors[_i].code);
	ck_assert_str_eq(error.msg, foreign_errors[_i].msg);
	ck_assert_str_eq(error.details, foreign_errors[_i].details);
	json_decref(object);
}
END_TEST

CHECK_MAIN("cni_env", CHECK_TEST(a_complete_environment_is_read),
	   CHECK_TEST(missing_variables_are_all_named),
	   CHECK_TEST(a_variable_that_is_not_required_may_be_absent),
	   CHECK_LOOP(names_are_checked, names), CHECK_TEST(a_container_id_with_a_path_is_refused),
	   CHECK_TEST(bad_arguments_do_not_keep_a_pod_from_being_deleted),
	   CHECK_LOOP(arguments_come_in_any_order, arg_lists),
	   CHECK_LOOP(a_namespace_that_cannot_be_the_pods_is_refused, bad_netns),
	   CHECK_TEST(an_error_is_json_whatever_bytes_it_quotes),
	   CHECK_LOOP(a_foreign_error_stays_an_error, foreign_errors))
