// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include <errno.h>
#include <string.h>

#include "source/api_config.h"

#define CONTEXTS \
	"current-context: x\ncontexts:\n- name: x\n  context: {cluster: c, user: u}\n"
#define CLUSTER "clusters:\n- name: c\n  cluster: {server: 'https://10.0.0.1:6443'}\n"
#define USER(fields) "users:\n- name: u\n  user: {" fields "}\n"

static const struct {
	const char *text;
	const char *error; /* part of the sentence; NULL: it is good */
} files[] = {
	{ CONTEXTS CLUSTER USER(""), NULL },
	{ CONTEXTS CLUSTER USER("token: abc"), NULL },
	{ CONTEXTS CLUSTER USER("tokenFile: /run/token, token: abc"), NULL },
	{ CONTEXTS CLUSTER USER("client-certificate: a, client-key: b"), NULL },
	{ CONTEXTS CLUSTER USER("client-certificate-data: Zm9v, client-key-data: YmFy"), NULL },
	{ "{\"current-context\": \"x\"}", "current-context: \"x\" is not in the file" },
	{ "", "is empty" },
	{ "[]", "must be" },
	{ "a: [", "line 2: not YAML" },
	{ CONTEXTS CLUSTER USER("") "---\na: 1\n", "only one document" },
	{ CLUSTER USER(""), "current-context: is required" },
	{ "current-context: z\n", "current-context: \"z\" is not in the file" },
	{ CONTEXTS USER(""), "context.cluster: \"c\" is not in the file" },
	{ CONTEXTS CLUSTER, "context.user: \"u\" is not in the file" },
	{ CONTEXTS "clusters:\n- name: c\n  cluster: {}\n" USER(""), "cluster.server: is required" },
	{ CONTEXTS "clusters:\n- name: c\n  cluster: {server: 10.0.0.1}\n" USER(""),
	  "cluster.server: \"10.0.0.1\" is not the address" },
	{ CONTEXTS CLUSTER USER("exec: {command: aws}"),
	  "users[0].user.exec: the agent runs no programs" },
	{ CONTEXTS CLUSTER USER("auth-provider: {name: gcp}"), "user.auth-provider: the agent runs" },
	{ CONTEXTS CLUSTER USER("username: a, password: b"), "user.username: Kubernetes takes no" },
	{ CONTEXTS CLUSTER USER("as: admin"), "user.as: impersonation" },
	{ CONTEXTS CLUSTER USER("client-certificate: a"), "needs both" },
	{ CONTEXTS CLUSTER USER("client-key-data: Zm9v"), "needs both" },
	{ CONTEXTS CLUSTER USER("client-key-data: '%', client-certificate: a"),
	  "user.client-key-data: must be base64" },
	{ CONTEXTS CLUSTER USER("token: 7"), "user.token: must be" },
};

START_TEST(kubeconfig_files_are_read_strictly)
{
	char error[API_CONFIG_ERROR_MAX];
	struct api_config config = {};
	const char *text = files[_i].text;
	int r = api_kubeconfig_read(&config, text, strlen(text), "/etc/k/", error);

	ck_assert_int_eq(r, files[_i].error ? -EINVAL : 0);
	if (files[_i].error)
		ck_assert_msg(strstr(error, files[_i].error), "%s", error);
	else
		ck_assert_str_eq(config.servers[0], "https://10.0.0.1:6443");
	api_config_done(&config);
}
END_TEST

START_TEST(names_of_files_are_relative_to_the_kubeconfig)
{
	static const char text[] = CONTEXTS CLUSTER USER("client-certificate: a.crt, client-key: /b, "
							 "tokenFile: t, token: abc");
	char error[API_CONFIG_ERROR_MAX];
	struct api_config config = {};

	ck_assert_int_eq(api_kubeconfig_read(&config, text, strlen(text), "/etc/k/", error), 0);
	ck_assert_str_eq(config.cert.file, "/etc/k/a.crt");
	ck_assert_str_eq(config.key.file, "/b");
	ck_assert_str_eq(config.token_file, "/etc/k/t");
	ck_assert_ptr_null(config.token);
	api_config_done(&config);
}
END_TEST

static const struct {
	const char *url;
	const char *kept; /* NULL: it is refused */
} urls[] = {
	{ "https://10.0.0.1:6443", "https://10.0.0.1:6443" },
	{ "https://[fd00::1]:6443/", "https://[fd00::1]:6443" },
	{ "http://localhost:8001/base//", "http://localhost:8001/base" },
	{ "10.0.0.1:6443", NULL },
	{ "https://", NULL },
	{ "https:///path", NULL },
	{ "ftp://10.0.0.1", NULL },
	{ "https://user@10.0.0.1", NULL },
	{ "https://10.0.0.1/?a=b", NULL },
	{ "https://10.0.0.1\nX: y", NULL },
};

START_TEST(servers_are_http_addresses)
{
	char error[API_CONFIG_ERROR_MAX] = "";
	struct api_config config = {};
	int r = api_config_add_server(&config, urls[_i].url, error);

	ck_assert_int_eq(r, urls[_i].kept ? 0 : -EINVAL);
	if (urls[_i].kept)
		ck_assert_str_eq(config.servers[0], urls[_i].kept);
	else
		ck_assert_ptr_nonnull(strstr(error, "is not the address of an API server"));
	api_config_done(&config);
}
END_TEST

CHECK_MAIN("api_config", CHECK_LOOP(kubeconfig_files_are_read_strictly, files),
	   CHECK_TEST(names_of_files_are_relative_to_the_kubeconfig),
	   CHECK_LOOP(servers_are_http_addresses, urls))
