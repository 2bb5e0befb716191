/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon: owns all parts and runs the event loop. Start-up order is the
 * order of safety: state is read back, sources have synced and the first image
 * is in force before the control socket opens.
 */
#pragma once

#include <event2/event.h>

#include "claim.h"
#include "config/config.h"
#include "datapath/datapath.h"
#include "endpoint/linkwork.h"
#include "endpoint/table.h"
#include "health.h"
#include "model/ipam.h"
#include "model/service.h"
#include "model/service_cidr.h"
#include "model/store.h"
#include "net/net.h"
#include "nodes.h"
#include "overlay.h"
#include "problems.h"
#include "reconcile/expiry.h"
#include "reconcile/reconcile.h"
#include "reconcile/service.h"
#include "report/report.h"
#include "service_problems.h"
#include "source/api_source.h"
#include "source/manifest.h"
#include "staleness.h"

enum family {
	FAMILY_IP4,
	FAMILY_IP6,
	FAMILY_MAX,
};

#define AGENT_PROBLEM_MAX 512

struct control;
struct node_health;
struct patrol;

/* The fast path of one uplink. */
struct uplink_xdp {
	enum xdp_mode mode;
	char problem[DATAPATH_ERROR_MAX]; /* why that is not what was wanted, or "" */
};

struct agent {
	struct config config;
	struct event_base *base;
	struct event *signals[2];
	struct event *refresh; /* compute and apply, after the events of this moment */
	struct event *settle;
	struct event *housekeeping;
	struct claim claim; /* its directories */
	struct store *store;
	struct manifest *manifest; /* NULL: no directory is configured */
	struct api_source *api; /* NULL: objects do not come from API servers */
	struct report *report; /* NULL: there is no API server to report to */
	struct problem_log problem_log;
	struct net *net;
	struct datapath *dp;
	struct reconcile *rec;
	struct services *services;
	struct service_writer *service_writer;
	struct health *health; /* healthCheckNodePorts */
	struct node_health *node_health; /* NULL: no health-address is configured */
	struct staleness staleness; /* of services, for both */
	struct event *service_settle;
	struct service_problems service_problems;
	struct expiry *expiry;
	struct linkwork *linkwork;
	struct patrol *patrol; /* NULL: it is turned off */
	struct control *control;
	struct ipam_pool *pools[FAMILY_MAX]; /* NULL: no pod CIDR of that family (cidrs.h) */
	struct prefix *kept_cidrs; /* former pod CIDRs that still have pods */
	size_t kept_cidr_count;
	struct nodes nodes;
	struct overlay overlay;
	struct endpoint_table endpoints;
	struct net_link uplinks[CONFIG_UPLINKS_MAX]; /* ifindex 0: it is not there (uplink.h) */
	struct uplink_xdp uplink_xdp[CONFIG_UPLINKS_MAX]; /* of each of them */
	size_t uplink_count;
	struct ip_addr *host_ips;
	size_t host_ip_count;
	struct ip_addr node_ips[FAMILY_MAX]; /* these and the next: nodeaddr.h; :: none */
	bool node_ips_known; /* they were chosen, and told to the programs */
	struct ip_addr *node_port_ips;
	size_t node_port_ip_count;
	int64_t started_ms;
	int64_t applied_us; /* how long the last apply took */
	int64_t services_us; /* and that of services */
	bool services_waiting; /* some were refused, and shall be tried again in service_settle */
	bool policy_stale; /* what policy comes from has changed since it was applied */
	uint64_t applied_version; /* store_policy_version() whose policy is in force */
	bool waiting; /* the first policy did not fit: adopted pods may wait for one that does */
	char problem[AGENT_PROBLEM_MAX]; /* why the wanted policy is not in force, or "" */
	char socket_problem[DATAPATH_ERROR_MAX]; /* why services serve no socket of this node, or "" */
	int orphans_failed; /* the last error of sockets_end_orphans() */
	unsigned int socket_rounds; /* of sockets_housekeeping() */
	bool cni_conf_written; /* or found as it should be */
	int cni_conf_failed; /* the last error of writing it */
	struct service_cidrs service_cidrs; /* service_cidrs.h */
	bool service_cidrs_known; /* they were found, and told to the programs */
	size_t service_cidrs_left_out; /* of ServiceCIDR objects, for which there is no room */
	bool masquerading; /* masquerade_start() has been called */
	struct masquerade_source masquerade_sources[CONFIG_UPLINKS_MAX * FAMILY_MAX];
	size_t masquerade_source_count; /* of new connections, as masquerade.h says */
	bool services_seen; /* since the agent's start there was a service */
};

int agent_new(struct agent **ret, struct config *config);
void agent_free(struct agent *agent);
void agent_freep(struct agent **agent);

/* Until SIGTERM or SIGINT. The datapath goes on enforcing afterwards. */
int agent_run(struct agent *agent);

/* Take away everything that an agent of this configuration ever made. */
int agent_cleanup(const struct config *config);
