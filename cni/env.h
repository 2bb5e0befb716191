/* SPDX-License-Identifier: Apache-2.0 */
/* The environment of a CNI call, checked as the reference library does it. */
#pragma once

#include "cni/error.h"

#define CNI_IFNAME_MAX 15

enum cni_env_variable {
	CNI_ENV_CONTAINERID = 1 << 0,
	CNI_ENV_NETNS = 1 << 1,
	CNI_ENV_IFNAME = 1 << 2,
	CNI_ENV_PATH = 1 << 3,
};

/* Absent texts are "". */
struct cni_env {
	const char *container_id;
	const char *netns;
	const char *ifname;
	const char *path;
	/* out of CNI_ARGS, owned; NULL: absent, or not asked for */
	char *pod_namespace;
	char *pod_name;
	char *pod_uid;
	char *ip;
	char *mac;
};

/*
 * @required: the variables (enum cni_env_variable) without which the verb cannot
 * work. CNI_ARGS are read for verbs that require a namespace.
 */
int cni_env_read(struct cni_env *ret, unsigned int required, struct cni_error *error);
void cni_env_done(struct cni_env *env);

/* Whether the reference library takes @name as a container ID or network name / interface name. */
int cni_check_name(const char *name);
int cni_check_ifname(const char *name);

/* Open CNI_NETNS, refusing what is no network namespace or the caller's own. */
int cni_env_open_netns(int *ret, const struct cni_env *env, struct cni_error *error);
