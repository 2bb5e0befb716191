// SPDX-License-Identifier: Apache-2.0
/* STATUS: would an ADD succeed? */
#include "cni/agent_call.h"
#include "cni/ipam.h"

int cni_status(json_t **ret, const struct cni_call *call, struct cni_error *error)
{
	int r;

	r = agent_status(call, error);
	if (r < 0)
		return r;
	r = ipam_run(NULL, call, "STATUS", error);
	/* A delegate from before the verb does not know it; nothing is wrong with it. */
	return r == -CNI_BAD_ENVIRONMENT ? 0 : r;
}
