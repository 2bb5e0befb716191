/* SPDX-License-Identifier: Apache-2.0 */
/* One invocation of the plugin, and the verbs. */
#pragma once

#include <jansson.h>

#include "cni/env.h"
#include "cni/error.h"
#include "cni/netconf.h"

struct cni_call {
	struct cni_env env;
	struct netconf conf;
};

/*
 * Each verb leaves nothing behind when it fails. *@ret, the caller's, is what goes
 * to stdout; a verb without output leaves it alone.
 */
int cni_add(json_t **ret, const struct cni_call *call, struct cni_error *error);
int cni_del(json_t **ret, const struct cni_call *call, struct cni_error *error);
int cni_check(json_t **ret, const struct cni_call *call, struct cni_error *error);
int cni_status(json_t **ret, const struct cni_call *call, struct cni_error *error);
int cni_gc(json_t **ret, const struct cni_call *call, struct cni_error *error);
