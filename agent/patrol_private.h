/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of patrol.h. */
#pragma once

#include "agent.h"
#include "patrol.h"
#include "reconcile/drift.h"

#define PATROL_LINKS DATAPATH_MAP_MAX /* counted beside the tables */

struct count {
	uint64_t found, failed;
};

struct patrol {
	struct agent *agent;
	struct event *timer;
	struct drift *drift;
	bool tables_done; /* of this round; then come links */
	uint32_t at; /* position among endpoints */
	struct {
		uint32_t ifindex; /* whose guards these are */
		uint8_t guards[2];
	} uplinks[CONFIG_UPLINKS_MAX];
	int64_t began_us, work_us; /* of this round */
	unsigned int lines, found;
	/* Of the last one: */
	uint64_t rounds;
	int64_t took_us, worked_us, ended_ms;
	unsigned int last_found, last_skipped;
	struct count counts[PATROL_LINKS + 1];
};

/* "peer4", or "links" */
const char *patrol_table_name(size_t table);
