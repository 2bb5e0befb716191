// SPDX-License-Identifier: Apache-2.0
#include "agent.h"

#include <errno.h>
#include <linux/bpf.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/code_pages.h"
#include "base/file.h"
#include "base/heap.h"
#include "base/lock.h"
#include "base/log.h"
#include "cidrs.h"
#include "cniconf.h"
#include "control/control.h"
#include "endpoint/adopt.h"
#include "endpoint/lifecycle.h"
#include "endpoint/ports.h"
#include "endpoint/statefile.h"
#include "masquerade.h"
#include "net/nat.h"
#include "patrol.h"
#include "policy.h"
#include "reports.h"
#include "services.h"
#include "sockets.h"
#include "sources.h"
#include "uplink.h"

#define HOUSEKEEPING_S 2

static int make_directories(const struct config *config)
{
	int r;

	r = statefile_prepare(config->state_dir);
	if (r < 0)
		return log_error_errno(r, "%s cannot be made", config->state_dir);
	r = file_make_dirs(config->run_dir, 0755);
	if (r < 0)
		return log_error_errno(r, "%s cannot be made", config->run_dir);
	r = datapath_mount(config->bpffs);
	return r < 0 ? log_error_errno(r, "%s: no BPF file system can be mounted there",
				       config->bpffs) : 0;
}

/* Maps outlive the agent: they keep the size that they were made with. */
static void warn_of_sizes(const struct agent *agent)
{
	const uint32_t *wanted = agent->config.table_sizes;
	uint32_t size;

	for (int map = 0; map < DATAPATH_MAP_MAX; map++) {
		size = datapath_map_entries_max(agent->dp, (enum datapath_map)map);
		if (wanted[map] && size && wanted[map] != size)
			log_warn("table %s keeps its size of %u: another one needs a reboot or "
				 "--cleanup", datapath_map_name((enum datapath_map)map), size);
	}
}

static int open_datapath(struct agent *agent)
{
	struct datapath_config config = {
		.bpffs = agent->config.bpffs,
		.sockets = agent->config.socket_services != SOCKET_SERVICES_OFF,
		.sockets_everyone = agent->config.socket_services == SOCKET_SERVICES_ALL,
		.direct = agent->config.direct,
		.xdp = agent->config.xdp != XDP_WANTED_OFF,
		.source_port = agent->config.source_port_first,
		.source_ports = (uint16_t)(agent->config.source_port_last -
					   agent->config.source_port_first + 1),
		.tunnel = routing_has_tunnel(agent->config.routing_mode),
		.tunnel_id = agent->config.vxlan_id,
	};
	char error[DATAPATH_ERROR_MAX];
	int r;

	if (agent->config.vxlan_checksum != VXLAN_CHECKSUM_YES)
		config.tunnel_flags4 = BPF_F_ZERO_CSUM_TX;
	if (agent->config.vxlan_checksum == VXLAN_CHECKSUM_NO)
		config.tunnel_flags6 = BPF_F_ZERO_CSUM_TX;
	memcpy(config.sizes, agent->config.table_sizes, sizeof(config.sizes));
	memcpy(config.masquerade_ports, agent->config.masquerade_ports,
	       sizeof(config.masquerade_ports));
	r = datapath_open(&agent->dp, &config, error);
	if (r < 0) {
		log_error("%s; what is attached stays as it is", error);
		return r;
	}
	warn_of_sizes(agent);
	r = reconcile_new(&agent->rec, agent->dp);
	r = r ?: expiry_new(&agent->expiry, agent->base, agent->rec, endpoint_on_purged, agent);
	r = r ?: linkwork_new(&agent->linkwork, agent->dp);
	return r < 0 ? log_error_errno(r, "what the kernel holds cannot be read back") : 0;
}

static void on_signal(evutil_socket_t signal, short what, void *arg)
{
	struct agent *agent = arg;

	log_info("ends on signal %d; the datapath goes on enforcing", signal);
	event_base_loopbreak(agent->base);
}

static void on_housekeeping(evutil_socket_t fd, short what, void *arg)
{
	adopt_deleted(arg);
	endpoint_housekeeping(arg);
	cidrs_housekeeping(arg);
	sockets_housekeeping(arg);
	cniconf_write(arg);
	heap_trim();
}

static int open_events(struct agent *agent)
{
	static const int signals[] = { SIGTERM, SIGINT };
	struct timeval every = { .tv_sec = HOUSEKEEPING_S };

	agent->base = event_base_new();
	if (!agent->base)
		return -ENOMEM;
	/* A plugin that is killed does not wait for its answer. */
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < 2; i++) {
		agent->signals[i] = evsignal_new(agent->base, signals[i], on_signal, agent);
		if (!agent->signals[i] || evsignal_add(agent->signals[i], NULL) < 0)
			return -ENOMEM;
	}
	agent->refresh = evtimer_new(agent->base, policy_on_refresh, agent);
	agent->settle = evtimer_new(agent->base, policy_on_settle, agent);
	agent->housekeeping = event_new(agent->base, -1, EV_PERSIST, on_housekeeping, agent);
	if (!agent->refresh || !agent->settle || !agent->housekeeping)
		return -ENOMEM;
	return event_add(agent->housekeeping, &every) < 0 ? -ENOMEM : 0;
}

static int open_net(struct agent *agent)
{
	int r = net_new(&agent->net);

	return r < 0 ? log_error_errno(r, "netlink") : nodes_open(agent);
}

static int put_in_force(struct agent *agent)
{
	int r;

	r = adopt_endpoints(agent);
	if (r < 0)
		return log_error_errno(r, "%s cannot be read", agent->config.state_dir);
	adopt_deleted(agent);
	/*
	 * What does not fit is tried again, and so is what no API server has told yet; the
	 * former policy stays meanwhile.
	 */
	r = policy_apply(agent);
	if (r < 0 && r != -ENOSPC && r != -EAGAIN)
		return r;
	agent->waiting = r < 0;
	agent_services_apply(agent);
	r = adopt_finish(agent);
	if (r < 0)
		return log_error_errno(r, "what a former agent left cannot be taken over");
	cidrs_retire(agent);
	nodes_update(agent);
	/* After the pods: its program must not find them unready. */
	r = uplink_attach(agent);
	if (r < 0)
		return r;
	/* In this order: each packet is translated by what was there before, or by what comes. */
	r = masquerade_start(agent);
	if (r < 0)
		return log_error_errno(r, "masquerade");
	r = ports_apply(agent);
	if (r < 0)
		return log_error_errno(r, "nftables");
	sockets_attach(agent);
	r = datapath_remove_former(agent->config.bpffs);
	if (r < 0)
		log_warn_errno(r, "%s: maps of another version of weir stay", agent->config.bpffs);
	return 0;
}

int agent_new(struct agent **ret, struct config *config)
{
	cleanup(agent_freep) struct agent *agent = calloc(1, sizeof(*agent));
	uint32_t seed = 0;
	int r;

	if (!agent)
		return -ENOMEM;
	agent->config = *config;
	*config = (struct config){};
	agent->claim = (struct claim)CLAIM_NONE;
	agent->started_ms = clock_ms();
	if (getrandom(&seed, sizeof(seed), 0) < 0)
		return -errno;
	endpoints_init(&agent->endpoints, seed);

	r = make_directories(&agent->config);
	r = r ?: claim_take(&agent->claim, &agent->config, LOCK_WAIT_MS);
	r = r ?: open_events(agent);
	r = r ?: open_net(agent);
	r = r ?: open_datapath(agent);
	r = r ?: sources_open(agent);
	code_pages_drop();
	r = r ?: cidrs_open(agent);
	r = r ?: uplink_watch(agent);
	if (!r)
		overlay_open(agent);
	r = r ?: put_in_force(agent);
	r = r ?: patrol_open(agent);
	r = r ?: control_new(&agent->control, agent);
	r = r ?: reports_open(agent);
	if (r < 0)
		return r;
	cniconf_write(agent);
	*ret = take_ptr(&agent);
	return 0;
}

int agent_run(struct agent *agent)
{
	log_info("node %s is ready: %zu pods, socket %s/weir.sock", agent->config.node_name,
		 agent->endpoints.count, agent->config.run_dir);
	heap_trim();
	return event_base_dispatch(agent->base) < 0 ? -EIO : 0;
}

static void free_event(struct event *event)
{
	if (event)
		event_free(event);
}

void agent_free(struct agent *agent)
{
	if (!agent)
		return;
	control_free(agent->control);
	patrol_close(agent);
	manifest_free(agent->manifest);
	reports_close(agent);
	api_source_free(agent->api);
	problem_log_done(&agent->problem_log);
	agent_services_close(agent);
	expiry_free(agent->expiry);
	linkwork_free(agent->linkwork);
	if (agent->rec)
		reconcile_settle(agent->rec);
	reconcile_free(agent->rec);
	datapath_free(agent->dp);
	nodes_close(agent);
	net_free(agent->net);
	store_free(agent->store);
	endpoints_done(&agent->endpoints);
	for (int family = 0; family < FAMILY_MAX; family++)
		ipam_pool_free(agent->pools[family]);
	for (int i = 0; i < 2; i++)
		free_event(agent->signals[i]);
	free_event(agent->refresh);
	free_event(agent->settle);
	free_event(agent->housekeeping);
	if (agent->base)
		event_base_free(agent->base);
	free(agent->host_ips);
	free(agent->kept_cidrs);
	free(agent->node_port_ips);
	claim_release(&agent->claim);
	config_done(&agent->config);
	free(agent);
}

void agent_freep(struct agent **agent)
{
	agent_free(*agent);
}
