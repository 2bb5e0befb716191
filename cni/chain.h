/* SPDX-License-Identifier: Apache-2.0 */
/* ADD after another plugin, whose link weir only guards. */
#pragma once

#include "cni/call.h"
#include "cni/netlink.h"

/* The result is that of the other plugin, unchanged, in the version asked for. */
int chain_add(json_t **ret, const struct cni_call *call, struct netlink *host, struct netlink *pod,
	      struct cni_error *error);
