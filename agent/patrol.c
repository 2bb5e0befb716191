// SPDX-License-Identifier: Apache-2.0
#include "patrol_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "nodeaddr.h"
#include "service_cidrs.h"
#include "uplink.h"

#define SLICE_US 300 /* of work, before others have their turn */
#define SHARE_PERCENT 2 /* of one processor, at most */
#define PAUSE_MIN_US 1000
#define LINES_MAX 20 /* of the log, a round */

/* Of this thread alone: on a machine that is busy the wall clock says nothing of our share. */
static int64_t cpu_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

static void found(struct patrol *patrol, size_t table, const char *text, int r)
{
	struct count *count = &patrol->counts[table];

	count->found++;
	count->failed += r < 0;
	patrol->found++;
	if (patrol->lines++ >= LINES_MAX)
		return;
	if (r < 0)
		log_error_errno(r, "drift in %s: %s; it cannot be healed", patrol_table_name(table), text);
	else
		log_warn("drift in %s: %s; it is as it shall be again", patrol_table_name(table), text);
}

static void on_found(void *arg, enum datapath_map map, const char *text, int r)
{
	found(arg, map, text, r);
}

/*
 * One program of a device, which was attached as *@seen says. 1: its packets are without it;
 * 0: they are not; what it has is less than it had: *@worse.
 */
static int look_at(struct patrol *patrol, uint32_t ifindex, enum datapath_program program,
		   uint8_t *seen, bool *worse)
{
	int guard = datapath_guard_of(patrol->agent->dp, ifindex, program);

	if (guard < 0)
		return 0;
	*worse |= guard < *seen;
	*seen = (uint8_t)guard;
	return guard == GUARD_NONE;
}

static void look_at_pod(struct patrol *patrol, struct pod_endpoint *ep)
{
	struct agent *agent = patrol->agent;
	bool had_links = ep->guards[0] == GUARD_TCX || ep->guards[1] == GUARD_TCX, worse = false;
	int bare, r = 0;
	char text[512];

	bare = look_at(patrol, ep->ifindex, PROGRAM_FROM_POD, &ep->guards[0], &worse);
	bare |= look_at(patrol, ep->ifindex, PROGRAM_TO_POD, &ep->guards[1], &worse);
	if (!bare && !worse)
		return;
	/* At once by filters; links wait for grace periods, which is for the other thread. */
	if (bare)
		r = datapath_attach_pod(agent->dp, ep->ifindex);
	if (!r && had_links)
		r = linkwork_repair(agent->linkwork, ep->ifindex);
	snprintf(text, sizeof(text), "a program of pod %s/%s was not attached to %s any more",
		 ep->namespace, ep->pod, ep->host_ifname);
	found(patrol, PATROL_LINKS, text, r);
}

static void look_at_uplink(struct patrol *patrol, size_t index)
{
	struct agent *agent = patrol->agent;
	uint32_t ifindex = agent->uplinks[index].ifindex;
	uint8_t *guards = patrol->uplinks[index].guards;
	bool worse = false;
	char text[128];
	int bare;

	if (!ifindex)
		return;
	if (patrol->uplinks[index].ifindex != ifindex)
		memset(guards, GUARD_NONE, sizeof(patrol->uplinks[index].guards));
	patrol->uplinks[index].ifindex = ifindex;
	bare = look_at(patrol, ifindex, PROGRAM_FROM_WIRE, &guards[0], &worse);
	bare |= look_at(patrol, ifindex, PROGRAM_TO_WIRE, &guards[1], &worse);
	if (!bare && !worse)
		return;
	snprintf(text, sizeof(text), "a program was not attached to the uplink %s any more",
		 agent->uplinks[index].name);
	found(patrol, PATROL_LINKS, text, uplink_attach(agent));
}

static void look_at_addresses(struct patrol *patrol)
{
	if (node_addresses_heal(patrol->agent))
		found(patrol, MAP_STATE, "the node's own address was altered", 0);
	if (service_cidrs_heal(patrol->agent))
		found(patrol, MAP_STATE, "a service CIDR was altered", 0);
}

/* True: there are more. */
static bool links_step(struct patrol *patrol)
{
	struct pod_endpoint *ep = endpoints_next(&patrol->agent->endpoints, &patrol->at);

	if (ep && ep->state == POD_READY)
		look_at_pod(patrol, ep);
	return ep;
}

/* True: the round goes on. */
static bool round_step(struct patrol *patrol)
{
	if (!patrol->tables_done) {
		patrol->tables_done = !drift_step(patrol->drift);
		return true;
	}
	if (links_step(patrol))
		return true;
	for (size_t i = 0; i < patrol->agent->uplink_count; i++)
		look_at_uplink(patrol, i);
	look_at_addresses(patrol);
	return false;
}

static void end_round(struct patrol *patrol, int64_t now_us)
{
	if (patrol->lines > LINES_MAX)
		log_warn("drift: and %u more", patrol->lines - LINES_MAX);
	patrol->rounds++;
	patrol->took_us = now_us - patrol->began_us;
	patrol->worked_us = patrol->work_us;
	patrol->ended_ms = now_us / 1000;
	patrol->last_found = patrol->found;
	patrol->last_skipped = drift_skipped(patrol->drift);
	patrol->tables_done = false;
	patrol->at = patrol->lines = patrol->found = 0;
	patrol->work_us = 0;
}

static void in_us(struct patrol *patrol, int64_t us)
{
	const struct timeval tv = { .tv_sec = us / 1000000, .tv_usec = us % 1000000 };

	evtimer_add(patrol->timer, &tv);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct patrol *patrol = arg;
	int64_t start = cpu_us(), interval = patrol->agent->config.drift_interval_s * 1000000LL;
	int64_t worked, pause, now;
	bool more = true;

	if (!patrol->work_us)
		patrol->began_us = clock_us();
	do {
		more = round_step(patrol);
		worked = cpu_us() - start;
	} while (more && worked < SLICE_US);
	/* The next one knows by it that the round has begun. */
	patrol->work_us += worked ?: 1;
	pause = worked * (100 - SHARE_PERCENT) / SHARE_PERCENT;
	if (!more) {
		now = clock_us();
		end_round(patrol, now);
		if (pause < patrol->began_us + interval - now)
			pause = patrol->began_us + interval - now;
	}
	in_us(patrol, pause < PAUSE_MIN_US ? PAUSE_MIN_US : pause);
}

int patrol_open(struct agent *agent)
{
	struct patrol *patrol;
	int r;

	if (!agent->config.drift_interval_s)
		return 0;
	patrol = agent->patrol = calloc(1, sizeof(*patrol));
	if (!patrol)
		return -ENOMEM;
	patrol->agent = agent;
	patrol->timer = evtimer_new(agent->base, on_timer, patrol);
	r = patrol->timer ? drift_new(&patrol->drift, agent->rec, agent->service_writer,
				      &(struct drift_listener){ .arg = patrol, .found = on_found }) :
			    -ENOMEM;
	if (!r)
		in_us(patrol, agent->config.drift_interval_s * 1000000LL);
	return r;
}

void patrol_close(struct agent *agent)
{
	struct patrol *patrol = agent->patrol;

	if (!patrol)
		return;
	if (patrol->timer)
		event_free(patrol->timer);
	drift_free(patrol->drift);
	free(patrol);
	agent->patrol = NULL;
}
