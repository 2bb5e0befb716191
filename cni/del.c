// SPDX-License-Identifier: Apache-2.0
/*
 * DEL: any number of times, with or without a namespace, with or without an agent.
 * A runtime that is refused keeps its pod in Terminating and asks for ever.
 */
#include "cni/ipam.h"
#include "cni/release.h"

int cni_del(json_t **ret, const struct cni_call *call, struct cni_error *error)
{
	struct cni_error second;
	int r, ipam;

	/* The pod is cut off before its address can be anybody else's. */
	r = endpoint_release(call, error);
	ipam = ipam_run(NULL, call, "DEL", r < 0 ? &second : error);
	return r ?: ipam;
}
