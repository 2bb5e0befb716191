/* SPDX-License-Identifier: Apache-2.0 */
/* An IPAM plugin that the configuration delegates addresses to. */
#pragma once

#include "cni/call.h"

/*
 * Run the delegate with the plugin's environment, @verb in it, and the complete
 * configuration. *@ret is a result as result_parse() leaves it, the caller's;
 * @ret is NULL for verbs without one. 0 or the negative code of the delegate's
 * own error. Nothing to do (0, *@ret NULL) without `ipam.type`.
 */
int ipam_run(json_t **ret, const struct cni_call *call, const char *verb, struct cni_error *error);
