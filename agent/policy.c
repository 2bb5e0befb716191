// SPDX-License-Identifier: Apache-2.0
#include "policy.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/heap.h"
#include "base/log.h"
#include "endpoint/adopt.h"
#include "nodes.h"
#include "services.h"
#include "sources.h"

#define SETTLE_MS 60
#define RETRY_MS 1000

static void in_ms(struct event *event, int ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	evtimer_add(event, &tv);
}

/* Endpoints whose interface exists; the array is the caller's. */
static int collect(struct image_endpoint **ret, size_t *count, struct agent *agent)
{
	struct image_endpoint *list = calloc(agent->endpoints.count + 1, sizeof(*list));
	struct pod_endpoint *ep;

	if (!list)
		return -ENOMEM;
	*count = 0;
	for (uint32_t pos = 0; (ep = endpoints_next(&agent->endpoints, &pos));) {
		if (ep->state != POD_ATTACHING && ep->state != POD_READY)
			continue;
		list[(*count)++] = (struct image_endpoint){
			.ifindex = ep->ifindex,
			.namespace = ep->namespace,
			.pod = ep->pod,
			.ips = { ep->ips[0], ep->ips[1] },
		};
	}
	*ret = list;
	return 0;
}

/* Whose address had no room. */
struct address {
	const struct ip_addr *addr;
	char owner[AGENT_PROBLEM_MAX / 4];
};

static int find_owner(const struct object *obj, void *arg)
{
	struct address *address = arg;
	bool is_pod = obj->kind == OBJECT_POD;
	const struct ip_addr *ips = is_pod ? obj->pod.ips : obj->node.ips;

	if (!ip_addr_is_among(address->addr, ips, is_pod ? obj->pod.ip_count : obj->node.ip_count))
		return 0;
	snprintf(address->owner, sizeof(address->owner), " of %s %s%s%s",
		 object_kind_name(obj->kind), obj->namespace, *obj->namespace ? "/" : "", obj->name);
	return 1;
}

static void describe_misfit(struct agent *agent, const struct misfit *misfit)
{
	struct address address = { .addr = &misfit->addr };
	char addr[ADDR_TEXT_MAX] = "";

	if (!ip_addr_is_none(&misfit->addr)) {
		addr_text(addr, &misfit->addr);
		if (!store_each(agent->store, OBJECT_POD, find_owner, &address))
			store_each(agent->store, OBJECT_NODE, find_owner, &address);
	}
	snprintf(agent->problem, sizeof(agent->problem),
		 "policy does not fit: table %s is full with its %u entries, there is no room for "
		 "%s%s%s; the former policy stays in force", misfit->table, misfit->size,
		 addr[0] ? "address " : "rules of ", addr[0] ? addr : misfit->policies,
		 address.owner);
}

/* Without all policies the image would allow what it must not. */
static int await_objects(struct agent *agent)
{
	if (sources_are_ready(agent, API_NEED_POLICY))
		return 0;
	snprintf(agent->problem, sizeof(agent->problem),
		 "policy is not known yet: not all objects have been heard of from the API server "
		 "%s, and no complete copy of a former agent is there",
		 api_source_server(agent->api));
	return -EAGAIN;
}

static int compute_and_apply(struct agent *agent)
{
	cleanup(freep) struct image_endpoint *endpoints = NULL;
	struct image_input input = {
		.store = agent->store,
		.node_name = agent->config.node_name,
		.host_ips = agent->host_ips,
		.host_ip_count = agent->host_ip_count,
	};
	struct misfit misfit;
	struct image *image;
	int r;

	r = await_objects(agent);
	if (r < 0)
		return r;
	r = collect(&endpoints, &input.endpoint_count, agent);
	input.endpoints = endpoints;
	r = r ?: reconcile_compile(&image, agent->rec, &input);
	if (r < 0) {
		snprintf(agent->problem, sizeof(agent->problem), "policy cannot be computed: %s",
			 r == -ENOSPC ? "too many rule sets or rules" : strerror(-r));
		return r;
	}
	r = reconcile_apply(agent->rec, image, &misfit);
	if (r == -ENOSPC && misfit.table)
		describe_misfit(agent, &misfit);
	else if (r < 0)
		snprintf(agent->problem, sizeof(agent->problem),
			 "policy cannot be written: %s; the former policy stays in force",
			 strerror(-r));
	return r;
}

int policy_apply(struct agent *agent)
{
	int64_t start = clock_us();
	char before[AGENT_PROBLEM_MAX];
	int r;

	memcpy(before, agent->problem, sizeof(before));
	agent->policy_stale = true;
	r = compute_and_apply(agent);
	agent->applied_us = clock_us() - start;
	if (r < 0) {
		/* It is tried again and again. */
		if (strcmp(before, agent->problem))
			log_line(r == -EAGAIN ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR, "%s",
				 agent->problem);
		in_ms(agent->refresh, RETRY_MS);
		return r;
	}
	agent->applied_version = store_policy_version(agent->store);
	agent->policy_stale = false;
	if (agent->problem[0])
		log_info("policy is in force again");
	agent->problem[0] = '\0';
	in_ms(agent->settle, SETTLE_MS);
	return 0;
}

void policy_apply_soon(struct agent *agent)
{
	agent->policy_stale = true;
	in_ms(agent->refresh, 0);
}

void policy_on_objects(struct agent *agent)
{
	agent->policy_stale |= store_policy_version(agent->store) != agent->applied_version;
	in_ms(agent->refresh, 0);
}

static void refresh(struct agent *agent)
{
	agent_services_apply(agent);
	nodes_update(agent);
	if (!agent->policy_stale || policy_apply(agent) < 0 || !agent->waiting)
		return;
	agent->waiting = false;
	adopt_waiting(agent);
}

void policy_on_refresh(evutil_socket_t fd, short what, void *arg)
{
	refresh(arg);
	heap_trim();
}

void policy_on_settle(evutil_socket_t fd, short what, void *arg)
{
	struct agent *agent = arg;

	reconcile_settle(agent->rec);
}
