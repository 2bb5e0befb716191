// SPDX-License-Identifier: Apache-2.0
#include "services.h"

#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "node_health.h"
#include "nodeaddr.h"
#include "service_cidrs.h"
#include "sockets.h"
#include "sources.h"

#define RETRY_MS 1000

static void on_health_retried(void *arg)
{
	service_problems_update(arg);
}

bool agent_services_stale(const struct agent *agent)
{
	return !reconcile_in_force(agent->rec) ||
	       staleness_is_stale(&agent->staleness, clock_ms());
}

static bool is_proxy_healthy(const void *arg)
{
	return !agent_services_stale(arg);
}

int agent_services_open(struct agent *agent)
{
	const struct health_asker asker = {
		.arg = agent,
		.retried = on_health_retried,
		.is_proxy_healthy = is_proxy_healthy,
	};
	struct service_maps maps;
	int r;

	r = services_new(&agent->services, agent->store);
	r = r ?: service_maps_open(&maps, agent->dp, agent->config.maglev_size);
	r = r ?: service_writer_new(&agent->service_writer, &maps);
	r = r ?: health_new(&agent->health, agent->base, &asker);
	r = r ?: node_health_open(agent);
	agent->service_settle = evtimer_new(agent->base, agent_services_on_settle, agent);
	if (!r && !agent->service_settle)
		r = -ENOMEM;
	return r < 0 ? log_error_errno(r, "services that the kernel holds cannot be read back") : 0;
}

void agent_services_close(struct agent *agent)
{
	node_health_close(agent);
	health_free(agent->health);
	service_writer_free(agent->service_writer);
	services_free(agent->services);
	if (agent->service_settle)
		event_free(agent->service_settle);
	service_problems_done(&agent->service_problems);
}

/* What is to be known of this node; its links or its Node object may have changed. */
static int set_node(struct agent *agent)
{
	struct service_node node = { .name = agent->config.node_name };
	bool changed;
	int r;

	r = node_addresses_update(agent, &changed);
	if (r < 0)
		return r;
	node.ips = agent->node_port_ips;
	node.ip_count = agent->node_port_ip_count;
	health_set_addresses(agent->health, node.ips, node.ip_count);
	return services_set_node(agent->services, &node);
}

/* How a turn went. */
struct turn {
	struct agent *agent;
	bool again; /* there may be room soon */
	bool failed; /* for another reason than a full table */
};

static bool is_failure(int r)
{
	return r < 0 && r != -EAGAIN && r != -ENOSPC;
}

static int apply_one(const struct service_images *images, void *arg)
{
	struct turn *turn = arg;
	int r;

	health_set(turn->agent->health, images);
	r = service_writer_apply(turn->agent->service_writer, images, clock_ms());
	turn->again |= r == -EAGAIN;
	turn->failed |= is_failure(r);
	return r;
}

/* When to look again: what rests, or what was refused. */
static void plan_next(struct agent *agent, const struct turn *turn)
{
	int64_t ms = service_writer_settle(agent->service_writer, clock_ms());
	struct timeval tv;

	/* Something rests, so perhaps backends have ended. */
	if (ms >= 0)
		sockets_end_orphans(agent);
	agent->services_waiting = turn->again || turn->failed;
	if (ms < 0 && agent->services_waiting)
		ms = turn->failed ? RETRY_MS : 0;
	if (ms < 0)
		return;
	/* One more, because the clock is cut off. */
	ms++;
	tv = (struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
	evtimer_add(agent->service_settle, &tv);
}

void agent_services_apply(struct agent *agent)
{
	struct turn turn = { .agent = agent };
	int64_t start = clock_us();
	bool judge;
	int r;

	/* Before, a Service may miss endpoints that it has. */
	if (!agent->services || !sources_are_ready(agent, API_NEED_SERVICES))
		return;
	r = set_node(agent);
	r = r ?: services_each_change(agent->services, apply_one, &turn);
	turn.failed |= is_failure(r);
	if (!turn.failed && sources_are_synced(agent, API_NEED_SERVICES))
		service_writer_synced(agent->service_writer, clock_ms());
	judge = service_writer_commit(agent->service_writer);
	judge |= service_cidrs_apply(agent);
	if (judge)
		reconcile_judge_again(agent->rec);
	health_apply(agent->health);
	staleness_applied(&agent->staleness, turn.failed, clock_ms());
	node_health_applied(agent, turn.failed);
	service_problems_update(agent);
	agent->services_us = clock_us() - start;
	plan_next(agent, &turn);
}

void agent_services_on_settle(evutil_socket_t fd, short what, void *arg)
{
	struct turn none = { .agent = arg };
	struct agent *agent = arg;

	if (agent->services_waiting)
		agent_services_apply(agent);
	else
		plan_next(agent, &none);
}
