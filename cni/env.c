// SPDX-License-Identifier: Apache-2.0
#include "cni/env.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/cleanup.h"

#define OWN_NETNS "/proc/self/ns/net"

static const struct {
	const char *name;
	size_t offset;
	unsigned int bit;
} variables[] = {
	{ "CNI_CONTAINERID", offsetof(struct cni_env, container_id), CNI_ENV_CONTAINERID },
	{ "CNI_NETNS", offsetof(struct cni_env, netns), CNI_ENV_NETNS },
	{ "CNI_IFNAME", offsetof(struct cni_env, ifname), CNI_ENV_IFNAME },
	{ "CNI_PATH", offsetof(struct cni_env, path), CNI_ENV_PATH },
};

/* Other keys belong to other plugins: IgnoreUnknown is always on. */
static const struct {
	const char *key;
	size_t offset;
} args[] = {
	{ "K8S_POD_NAMESPACE", offsetof(struct cni_env, pod_namespace) },
	{ "K8S_POD_NAME", offsetof(struct cni_env, pod_name) },
	{ "K8S_POD_UID", offsetof(struct cni_env, pod_uid) },
	{ "IP", offsetof(struct cni_env, ip) },
	{ "MAC", offsetof(struct cni_env, mac) },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int read_variables(struct cni_env *env, unsigned int required, struct cni_error *error)
{
	char missing[128] = "";
	size_t used = 0;

	for (size_t i = 0; i < COUNT(variables); i++) {
		const char *value = getenv(variables[i].name) ?: "";

		*(const char **)((char *)env + variables[i].offset) = value;
		if (!*value && (required & variables[i].bit))
			used += (size_t)snprintf(missing + used, sizeof(missing) - used, "%s%s",
						 used ? "," : "", variables[i].name);
	}
	if (used)
		return cni_fail(error, CNI_BAD_ENVIRONMENT, "required env variables [%s] missing",
				missing);
	return 0;
}

static int take_arg(struct cni_env *env, const char *key, size_t key_length, const char *value,
		    size_t length)
{
	for (size_t i = 0; i < COUNT(args); i++) {
		char **field = (char **)((char *)env + args[i].offset);

		if (strlen(args[i].key) != key_length || strncmp(args[i].key, key, key_length))
			continue;
		free(*field);
		*field = strndup(value, length);
		return *field ? 0 : -ENOMEM;
	}
	return 0;
}

/* `KEY=VALUE;KEY=VALUE` */
static int read_args(struct cni_env *env, struct cni_error *error)
{
	const char *pair = getenv("CNI_ARGS") ?: "";

	while (*pair) {
		size_t length = strcspn(pair, ";");
		const char *equals = memchr(pair, '=', length);
		size_t key;

		if (!equals && length)
			return cni_fail(error, CNI_BAD_ENVIRONMENT,
					"CNI_ARGS: \"%.*s\" is not KEY=VALUE", (int)length, pair);
		if (equals) {
			key = (size_t)(equals - pair);
			if (take_arg(env, pair, key, equals + 1, length - key - 1) < 0)
				return cni_fail(error, CNI_IO_FAILURE, "out of memory");
		}
		pair += length;
		pair += *pair == ';';
	}
	return 0;
}

int cni_check_name(const char *name)
{
	if (!isalnum((unsigned char)*name))
		return -EINVAL;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("_.-", *name))
			return -EINVAL;
	return 0;
}

int cni_check_ifname(const char *name)
{
	size_t length = strlen(name);

	if (!length || length > CNI_IFNAME_MAX || !strcmp(name, ".") || !strcmp(name, ".."))
		return -EINVAL;
	for (; *name; name++)
		if (*name == '/' || *name == ':' || isspace((unsigned char)*name))
			return -EINVAL;
	return 0;
}

int cni_env_read(struct cni_env *ret, unsigned int required, struct cni_error *error)
{
	cleanup(cni_env_done) struct cni_env env = {};
	int r;

	r = read_variables(&env, required, error);
	if (r < 0)
		return r;
	if ((required & CNI_ENV_CONTAINERID) && cni_check_name(env.container_id) < 0)
		return cni_fail(error, CNI_BAD_ENVIRONMENT,
				"CNI_CONTAINERID \"%s\" is not a container ID", env.container_id);
	if ((required & CNI_ENV_IFNAME) && cni_check_ifname(env.ifname) < 0)
		return cni_fail(error, CNI_BAD_ENVIRONMENT,
				"CNI_IFNAME \"%s\" is not an interface name", env.ifname);
	/* Whose pod it is matters where one is attached; DEL, without a namespace, cannot fail. */
	if (required & CNI_ENV_NETNS) {
		r = read_args(&env, error);
		if (r < 0)
			return r;
	}
	*ret = env;
	env = (struct cni_env){};
	return 0;
}

void cni_env_done(struct cni_env *env)
{
	for (size_t i = 0; i < COUNT(args); i++)
		free(*(char **)((char *)env + args[i].offset));
	*env = (struct cni_env){};
}

int cni_env_open_netns(int *ret, const struct cni_env *env, struct cni_error *error)
{
	cleanup(closep) int fd = open(env->netns, O_RDONLY | O_CLOEXEC);
	struct stat own, given;

	if (fd < 0)
		return cni_fail_errno(error, CNI_BAD_NETNS, -errno, "cannot open CNI_NETNS \"%s\"",
				      env->netns);
	if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		return cni_fail(error, CNI_BAD_NETNS, "CNI_NETNS \"%s\" is no network namespace",
				env->netns);
	if (stat(OWN_NETNS, &own) < 0 || fstat(fd, &given) < 0)
		return cni_fail_errno(error, CNI_BAD_NETNS, -errno, "cannot compare namespaces");
	if (own.st_dev == given.st_dev && own.st_ino == given.st_ino)
		return cni_fail(error, CNI_BAD_NETNS,
				"CNI_NETNS \"%s\" is the plugin's own network namespace",
				env->netns);
	*ret = take_fd(&fd);
	return 0;
}
