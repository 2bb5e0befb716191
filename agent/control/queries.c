// SPDX-License-Identifier: Apache-2.0
#include "control/queries.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "control/view.h"

/* A view that is NULL is out of memory. */
static int answer(json_t **ret, json_t *value, struct fault *fault)
{
	if (!value)
		return fault_errno(fault, FAULT_KERNEL, -ENOMEM, "answer cannot be made", "%s", "view");
	*ret = value;
	return 0;
}

static int query_endpoints(json_t **ret, struct agent *agent, const json_t *body, const char *tail,
			   struct fault *fault)
{
	return answer(ret, view_endpoints(&agent->endpoints, reconcile_image(agent->rec)), fault);
}

static bool is_pod(const struct pod_endpoint *ep, const char *name)
{
	size_t length = strlen(ep->namespace);

	return !strncmp(ep->namespace, name, length) && name[length] == '/' &&
	       !strcmp(ep->pod, name + length + 1);
}

/* By number, namespace/pod, or the beginning of the container ID, in this order. */
static struct pod_endpoint *find_endpoint(struct agent *agent, const char *name)
{
	struct pod_endpoint *ep;
	uint64_t id;

	if (!parse_u64(&id, name, ENDPOINT_SLOTS - 1)) {
		ep = agent->endpoints.slots[id].endpoint;
		if (ep)
			return ep;
	}
	for (uint32_t pos = 0; (ep = endpoints_next(&agent->endpoints, &pos));)
		if (is_pod(ep, name))
			return ep;
	for (uint32_t pos = 0; (ep = endpoints_next(&agent->endpoints, &pos));)
		if (!strncmp(ep->container_id, name, strlen(name)))
			return ep;
	return NULL;
}

static int query_endpoint(json_t **ret, struct agent *agent, const json_t *body, const char *tail,
			  struct fault *fault)
{
	struct pod_endpoint *ep = find_endpoint(agent, tail);

	if (!ep)
		return fault_set(fault, FAULT_NOT_FOUND, "no such endpoint", "%s", tail);
	return answer(ret, view_endpoint_detail(ep, reconcile_image(agent->rec)), fault);
}

static int query_policies(json_t **ret, struct agent *agent, const json_t *body, const char *tail,
			  struct fault *fault)
{
	return answer(ret, view_policies(agent->store, &agent->endpoints,
					 reconcile_image(agent->rec)), fault);
}

static int query_pod_policies(json_t **ret, struct agent *agent, const json_t *body,
			      const char *tail, struct fault *fault)
{
	struct pod_endpoint *ep = find_endpoint(agent, tail);

	if (!ep)
		return fault_set(fault, FAULT_NOT_FOUND, "no such pod on this node", "%s", tail);
	return answer(ret, view_pod_policies(ep, reconcile_image(agent->rec)), fault);
}

static int query_identities(json_t **ret, struct agent *agent, const json_t *body, const char *tail,
			    struct fault *fault)
{
	return answer(ret, view_identities(reconcile_image(agent->rec)), fault);
}

#define FLOWS_SHOWN_MAX 10000 /* one takes some kilobytes here */

struct flow_list {
	json_t *flows;
	json_int_t more; /* that are not shown */
	struct view_clock clock;
};

static int add_flow(enum ct_table table, const void *key, const struct ct_entry *entry,
		    const struct ct6_nat *nat, void *arg)
{
	bool v4 = table == CT_TABLE_4 || table == CT_TABLE_4_NEW;
	struct ct6_key wide = v4 ? view_flow_key(key) : *(const struct ct6_key *)key;
	struct flow_list *list = arg;

	/* Expired and not swept yet: it counts no more. */
	if ((int32_t)(list->clock.now - entry->expires) > 0)
		return 0;
	if (json_array_size(list->flows) == FLOWS_SHOWN_MAX) {
		list->more++;
		return 0;
	}
	return json_array_append_new(list->flows, view_flow(&wide, entry, nat, &list->clock)) < 0 ?
		       -ENOMEM : 0;
}

static int query_flows(json_t **ret, struct agent *agent, const json_t *body, const char *tail,
		       struct fault *fault)
{
	struct flow_list list = { .flows = json_array(), .clock.hz = datapath_hz(agent->dp) };
	int r;

	r = datapath_clock(&list.clock.now, agent->dp);
	r = r ?: expiry_each_flow(agent->dp, add_flow, &list);
	if (r < 0) {
		json_decref(list.flows);
		return fault_errno(fault, FAULT_KERNEL, r, "flows cannot be read", "%s", "conntrack");
	}
	return answer(ret, json_pack("{s:o,s:I}", "flows", list.flows, "more", list.more), fault);
}

static int flush_flows(json_t **ret, struct agent *agent, const json_t *body, const char *tail,
		       struct fault *fault)
{
	int r = expiry_flush(agent->dp);

	if (r < 0)
		return fault_errno(fault, FAULT_KERNEL, r, "flows cannot be forgotten", "%s",
				   "conntrack");
	return answer(ret, json_pack("{s:i}", "removed", r), fault);
}

const struct control_row control_query_rows[] = {
	{ "GET", "/v1/status", false, query_status },
	{ "GET", "/v1/endpoints", false, query_endpoints },
	{ "GET", "/v1/endpoints", true, query_endpoint },
	{ "GET", "/v1/policies", false, query_policies },
	{ "GET", "/v1/policies", true, query_pod_policies },
	{ "GET", "/v1/identities", false, query_identities },
	{ "GET", "/v1/services", false, query_services },
	{ "GET", "/v1/services", true, query_service },
	{ "GET", "/v1/conntrack", false, query_flows },
	{ "DELETE", "/v1/conntrack", false, flush_flows },
	{},
};
