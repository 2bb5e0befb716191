// SPDX-License-Identifier: Apache-2.0
#include "policy.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "endpoint/adopt.h"

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

static int compute_and_apply(struct agent *agent)
{
	cleanup(freep) struct image_endpoint *endpoints = NULL;
	struct image_input input = {
		.store = agent->store,
		.node_name = agent->config.node_name,
		.host_ips = agent->host_ips,
		.host_ip_count = agent->host_ip_count,
	};
	const char *full = NULL;
	struct image *image;
	int r;

	r = collect(&endpoints, &input.endpoint_count, agent);
	if (r < 0)
		return r;
	input.endpoints = endpoints;
	r = reconcile_compile(&image, agent->rec, &input);
	if (r < 0) {
		snprintf(agent->problem, sizeof(agent->problem), "policy cannot be computed: %s",
			 r == -ENOSPC ? "too many rule sets or rules" : strerror(-r));
		return r;
	}
	r = reconcile_apply(agent->rec, image, &full);
	if (r == -ENOSPC && full)
		snprintf(agent->problem, sizeof(agent->problem),
			 "policy does not fit: map %s is full; the former policy stays in force",
			 full);
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
	r = compute_and_apply(agent);
	agent->applied_us = clock_us() - start;
	if (r < 0) {
		/* It is tried again and again. */
		if (strcmp(before, agent->problem))
			log_error("%s", agent->problem);
		in_ms(agent->refresh, RETRY_MS);
		return r;
	}
	agent->applied_version = store_version(agent->store);
	if (agent->problem[0])
		log_info("policy is in force again");
	agent->problem[0] = '\0';
	in_ms(agent->settle, SETTLE_MS);
	return 0;
}

void policy_apply_soon(struct agent *agent)
{
	in_ms(agent->refresh, 0);
}

void policy_on_refresh(evutil_socket_t fd, short what, void *arg)
{
	struct agent *agent = arg;

	if (policy_apply(agent) < 0 || !agent->waiting)
		return;
	agent->waiting = false;
	adopt_waiting(agent);
}

void policy_on_settle(evutil_socket_t fd, short what, void *arg)
{
	struct agent *agent = arg;

	reconcile_settle(agent->rec);
}
