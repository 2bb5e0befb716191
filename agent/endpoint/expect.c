// SPDX-License-Identifier: Apache-2.0
#include "endpoint/expect.h"

#include <string.h>

/* One of the same name may be its predecessor. */
static bool is_known(const struct agent *agent, const struct endpoint_request *request)
{
	const struct object *obj;

	obj = store_get(agent->store, OBJECT_POD, request->namespace, request->pod);
	return obj && (!request->uid[0] || !obj->pod.uid[0] ||
		       !strcmp(request->uid, obj->pod.uid));
}

int endpoint_expect(const struct agent *agent, const struct endpoint_request *request,
		    struct fault *fault)
{
	if (!agent->api)
		return 0;
	if (!api_source_is_ready(agent->api, API_NEED_POLICY))
		return fault_set(fault, FAULT_TRY_LATER, "policies are not known yet",
				 "the API server %s has not told of all of them",
				 api_source_server(agent->api));
	/* A container that is no pod of the cluster. */
	if (!request->pod[0])
		return 0;
	if (!is_known(agent, request))
		return fault_set(fault, FAULT_TRY_LATER, "the pod is not known yet",
				 "%s/%s: the API server %s has not told of it", request->namespace,
				 request->pod, api_source_server(agent->api));
	return 0;
}
