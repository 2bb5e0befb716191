/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world of the packet fuzzers, and what is true in it by definition: who is
 * there, whose policy is what. Changes are written into the maps in the order in
 * which the agent writes them.
 */
#pragma once

#include "fuzz/record.h"
#include "hostsim/frame_read.h"

/* Who opens towards whom; the pods at the ends as far as known, NOBODY where there is none. */
struct opening {
	struct tuple tuple;
	enum who from, to;
	bool exempt; /* of a socket of this node */
};

enum world_event {
	EVENT_POLICY, /* of one pod */
	EVENT_POLICIES, /* of all */
	EVENT_TIME,
	EVENT_ALL_EXPIRE,
	EVENT_POD_COMES_OR_GOES,
	EVENT_READY_OR_NOT,
	EVENT_AWAY_COMES_OR_GOES,
	EVENT_TABLES_SHRINK,
	EVENT_HELPER_FAILS,
	EVENT_SETTLE,
	EVENT_MAX,
};

/* Everybody is there, nothing is restricted. @generation: where to begin; 0 means 1. */
void world_begin(uint32_t generation);

void world_event(const struct record *record);

/* Of the policy in force. */
uint32_t world_generation(void);

bool pod_is_ready(enum who pod);
/* Nothing restricts the pod in this direction. */
bool pod_is_open(enum who pod, enum policy_dir dir);

enum who pod_at(const struct ip_addr *addr);
enum who pod_behind(uint32_t ifindex);

/* Whether policy allows the connection at both ends. */
bool world_allows(const struct opening *opening);
