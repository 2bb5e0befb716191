// SPDX-License-Identifier: Apache-2.0
/*
 * A kubeconfig file: of its current context the cluster and the user. What would need
 * another program, or is not known here, is refused rather than ignored.
 *
 * Source: k8s.io/client-go, clientcmd API v1.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "source/api_config.h"
#include "source/field.h"
#include "source/yaml.h"

struct reading {
	struct api_config *config;
	const char *dir; /* relative names of files start there: with its slash, or "" */
	char *error;
	bool found; /* the document */
};

static void take_problem(void *arg, const struct decode_problem *problem)
{
	struct reading *reading = arg;

	if (!reading->error[0] && !problem->warning)
		snprintf(reading->error, API_CONFIG_ERROR_MAX, "%.128s%s%.512s", problem->field,
			 problem->field[0] ? ": " : "", problem->text);
}

static int copy_string(char **ret, const struct field *field)
{
	const char *text = NULL;
	int r = field_string(&text, field);

	if (r < 0 || !text || !*text)
		return r;
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

static int copy_path(char **ret, const struct field *field, const char *dir)
{
	const char *text = NULL;
	int r = field_string(&text, field);

	if (r < 0 || !text || !*text)
		return r;
	if (asprintf(ret, "%s%s", text[0] == '/' ? "" : dir, text) < 0) {
		*ret = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* "x" and "x-data": the latter wins, as for everybody. */
static int read_pem(struct api_pem *pem, const struct field *object, const char *name,
		    const char *dir)
{
	char data_name[64];
	struct field file = field_get(object, name), data;
	const char *text = NULL;
	int r;

	snprintf(data_name, sizeof(data_name), "%s-data", name);
	data = field_get(object, data_name);
	r = field_string(&text, &data);
	if (r < 0 || !text || !*text)
		return r ?: copy_path(&pem->file, &file, dir);
	r = base64_decode(&pem->data, &pem->length, text);
	return r == -EINVAL ? field_error(&data, "must be base64") : r;
}

static int refuse_fields(const struct field *object, const char *const *names, const char *why)
{
	for (; *names; names++) {
		struct field field = field_get(object, *names);

		if (!field_is_absent(&field))
			return field_error(&field, "%s", why);
	}
	return 0;
}

static int read_cluster(struct reading *reading, const struct field *cluster)
{
	struct field server = field_get(cluster, "server");
	struct field name = field_get(cluster, "tls-server-name");
	struct field insecure = field_get(cluster, "insecure-skip-tls-verify");
	struct field proxy = field_get(cluster, "proxy-url");
	struct api_config *config = reading->config;
	char why[API_CONFIG_ERROR_MAX] = "";
	const char *url = NULL;
	int r;

	r = field_require(&server) ?: field_string(&url, &server);
	r = r ?: copy_string(&config->server_name, &name);
	r = r ?: field_bool(&config->insecure, &insecure) ?: copy_string(&config->proxy, &proxy);
	r = r ?: read_pem(&config->ca, cluster, "certificate-authority", reading->dir);
	if (r < 0)
		return r;
	r = api_config_add_server(config, url, why);
	return r == -EINVAL ? field_error(&server, "%s", why) : r;
}

static int read_user(struct reading *reading, const struct field *user)
{
	static const char *const programs[] = { "exec", "auth-provider", NULL };
	static const char *const passwords[] = { "username", "password", NULL };
	static const char *const roles[] = { "as", "as-uid", "as-groups", "as-user-extra", NULL };
	struct field token = field_get(user, "token");
	struct field token_file = field_get(user, "tokenFile");
	struct api_config *config = reading->config;
	int r;

	r = refuse_fields(user, programs, "the agent runs no programs for credentials; use a "
					  "client certificate, token or tokenFile");
	r = r ?: refuse_fields(user, passwords, "Kubernetes takes no passwords any more; use a "
						"client certificate, token or tokenFile");
	r = r ?: refuse_fields(user, roles, "impersonation is not supported");
	r = r ?: read_pem(&config->cert, user, "client-certificate", reading->dir);
	r = r ?: read_pem(&config->key, user, "client-key", reading->dir);
	r = r ?: copy_path(&config->token_file, &token_file, reading->dir);
	if (!r && !config->token_file)
		r = copy_string(&config->token, &token);
	if (r < 0)
		return r;
	if (!(config->cert.file || config->cert.data) != !(config->key.file || config->key.data))
		return field_error(user, "needs both client-certificate and client-key, or neither");
	return 0;
}

/* The element of @list that is called @name, and what it has under @member. */
static int find_named(struct field *element, struct field *ret, const struct field *list,
		      const char *member, const struct field *name_field, const char *name)
{
	int r = field_list(list);

	for (size_t i = 0; !r && i < field_count(list); i++) {
		const json_t *value = json_array_get(list->value, i);

		if (strcmp(json_string_value(json_object_get(value, "name")) ?: "", name) != 0)
			continue;
		*element = field_at(list, i);
		*ret = field_get(element, member);
		return field_require(ret) ?: field_object(ret);
	}
	return r ?: field_error(name_field, "\"%s\" is not in the file", name);
}

static int read_named(struct reading *reading, const struct field *root,
		      const struct field *context, const char *member, const char *list_name,
		      int (*read)(struct reading *, const struct field *))
{
	struct field list = field_get(root, list_name);
	struct field reference = field_get(context, member);
	struct field element, value;
	const char *name = "";
	int r = field_require(&reference) ?: field_string(&name, &reference);

	r = r ?: find_named(&element, &value, &list, member, &reference, name);
	return r ?: read(reading, &value);
}

static int read_root(struct reading *reading, const struct field *root)
{
	struct field current = field_get(root, "current-context");
	struct field contexts = field_get(root, "contexts");
	struct field element, context;
	const char *name = "";
	int r;

	r = field_object(root) ?: field_require(&current) ?: field_string(&name, &current);
	r = r ?: find_named(&element, &context, &contexts, "context", &current, name);
	r = r ?: read_named(reading, root, &context, "cluster", "clusters", read_cluster);
	return r ?: read_named(reading, root, &context, "user", "users", read_user);
}

static int read_document(void *arg, const json_t *value, unsigned int number, unsigned int line)
{
	struct reading *reading = arg;
	const struct decode_sink sink = { .arg = reading, .problem = take_problem };
	const struct field_origin origin = { .sink = &sink, .object = "" };
	const struct field root = { .origin = &origin, .value = value };
	int r;

	if (reading->found) {
		snprintf(reading->error, API_CONFIG_ERROR_MAX, "only one document is allowed");
		return -EBADMSG;
	}
	reading->found = true;
	r = read_root(reading, &root);
	return r == -EINVAL ? -EBADMSG : r;
}

static int report_broken(void *arg, unsigned int line, const char *why)
{
	struct reading *reading = arg;

	snprintf(reading->error, API_CONFIG_ERROR_MAX, "line %u: %.512s", line, why);
	return -EBADMSG;
}

int api_kubeconfig_read(struct api_config *config, const char *text, size_t length,
			const char *dir, char *error)
{
	struct reading reading = { .config = config, .dir = dir, .error = error };
	const struct yaml_sink sink = { .arg = &reading, .document = read_document,
					.broken = report_broken };
	int r;

	error[0] = '\0';
	r = yaml_each(text, length, &sink);
	if (!r && !reading.found) {
		snprintf(error, API_CONFIG_ERROR_MAX, "is empty");
		r = -EBADMSG;
	}
	return r == -EBADMSG ? -EINVAL : r;
}
