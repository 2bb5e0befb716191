// SPDX-License-Identifier: Apache-2.0
/*
 * GC: remove what belongs to no valid attachment of this network. A list that is
 * absent is not an empty one: nothing is removed then.
 */
#include "base/cleanup.h"
#include "cni/agent_call.h"
#include "cni/ipam.h"

static int read_valid(json_t **ret, const json_t *attachments, struct cni_error *error)
{
	cleanup(json_decrefp) json_t *valid = json_array();
	json_t *attachment;
	size_t i;

	if (!json_is_array(attachments))
		return cni_fail(error, CNI_BAD_CONFIG, "GC needs `cni.dev/valid-attachments`");
	json_array_foreach(attachments, i, attachment) {
		json_t *id = json_object_get(attachment, "containerID");
		json_t *ifname = json_object_get(attachment, "ifname");

		if (!json_is_string(id) || !json_is_string(ifname))
			return cni_fail(error, CNI_BAD_CONFIG,
					"`cni.dev/valid-attachments`: an entry has no name");
		json_array_append_new(valid,
				      json_pack("{s:O, s:O}", "containerID", id, "ifname", ifname));
	}
	*ret = take_ptr(&valid);
	return 0;
}

int cni_gc(json_t **ret, const struct cni_call *call, struct cni_error *error)
{
	cleanup(json_decrefp) json_t *valid = NULL;
	struct cni_error second;
	int r, ipam;

	r = read_valid(&valid, call->conf.valid_attachments, error);
	if (r < 0)
		return r;
	/* The delegate has its turn whatever the agent says; the first error is told. */
	r = agent_gc(call, valid, error);
	ipam = ipam_run(NULL, call, "GC", r < 0 ? &second : error);
	if (ipam == -CNI_BAD_ENVIRONMENT)
		ipam = 0; /* from before the verb */
	return r ?: ipam;
}
