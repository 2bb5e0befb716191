// SPDX-License-Identifier: Apache-2.0
/*
 * What a runtime gives the CNI plugin: a line of environment each, an empty line,
 * and the bytes of stdin. It is refused with a code and a sentence that JSON can
 * carry, or what later steps build names, paths and requests of is what it may be.
 */
#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "cni/env.h"
#include "cni/netconf.h"
#include "fuzz.h"

#define ADD_NEEDS (CNI_ENV_CONTAINERID | CNI_ENV_NETNS | CNI_ENV_IFNAME | CNI_ENV_PATH)
#define DEL_NEEDS (CNI_ENV_CONTAINERID | CNI_ENV_IFNAME)

/* Nothing of the input before, and nothing that concerns others. */
static const char *const names[] = { "CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH",
				     "CNI_ARGS" };

static bool set_variable(const char *line)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t length = strlen(names[i]);

		if (!strncmp(line, names[i], length) && line[length] == '=')
			return !setenv(names[i], line + length + 1, true);
	}
	return false;
}

/* Returns what follows the environment; @text is cut up. */
static char *set_environment(char *text)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
	while (*text && *text != '\n') {
		char *end = text + strcspn(text, "\n");
		bool last = !*end;

		*end = '\0';
		set_variable(text);
		text = last ? end : end + 1;
	}
	return *text ? text + 1 : text;
}

static void check_error(int r, const struct cni_error *error)
{
	json_t *text = json_string(error->msg);
	json_t *details = json_string(error->details);

	PROMISE(r < 0 && error->code == -r && *error->msg);
	PROMISE(text && details);
	json_decref(text);
	json_decref(details);
}

static void check_env(unsigned int required)
{
	struct cni_error error = {};
	struct cni_env env = {};
	int r = cni_env_read(&env, required, &error);

	if (r < 0)
		return check_error(r, &error);
	/* They become file names and a link's name. */
	PROMISE(*env.container_id && !strchr(env.container_id, '/') && env.container_id[0] != '.');
	PROMISE(*env.ifname && !strchr(env.ifname, '/') && strlen(env.ifname) <= CNI_IFNAME_MAX);
	for (char *const *arg = &env.pod_namespace; arg <= &env.mac; arg++)
		PROMISE(!*arg || !strchr(*arg, ';'));
	cni_env_done(&env);
}

static void check_conf(const char *text, bool attachment)
{
	char *copy = strdup(text);
	struct cni_error error = {};
	struct netconf conf;
	int r;

	PROMISE(copy);
	r = netconf_parse(&conf, copy, attachment, &error);
	if (r < 0)
		check_error(r, &error);
	netconf_done(&conf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	const char *rest;

	if (!text)
		return 0;
	rest = set_environment(text);
	check_env(ADD_NEEDS);
	check_env(DEL_NEEDS);
	check_conf(rest, true);
	check_conf(rest, false);
	free(text);
	return 0;
}
