/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of datapath.h: shared by load.c, attach.c and clock.c. */
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "datapath/datapath.h"
#include "weir/maps.h"
#include "weir/state.h"

struct datapath {
	char *bpffs;
	bool clsact;
	uint32_t hz;
	int maps[DATAPATH_MAP_MAX];
	uint32_t entries_max[DATAPATH_MAP_MAX];
	int programs[DATAPATH_PROGRAM_MAX];
	volatile struct node_state *state;
};

/* Finds out how many jiffies make a second. */
int datapath_measure_hz(struct datapath *dp);
