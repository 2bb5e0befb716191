/* SPDX-License-Identifier: Apache-2.0 */
/* A walk over one connection table, a batch of entries a step. */
#pragma once

#include "datapath/datapath.h"
#include "weir/conntrack.h"

#define WALK_BATCH 2048

struct walk {
	enum ct_table table;
	bool begun;
	uint64_t cursor; /* the kernel's, opaque: 4 bytes for a hash, a key at most */
	uint32_t count; /* entries of this step */
	uint8_t keys[WALK_BATCH * sizeof(struct ct6_key)];
	/* Of the table's family, one after the other. */
	_Alignas(uint64_t) uint8_t values[WALK_BATCH * sizeof(struct ct6_value)];
};

void walk_begin(struct walk *walk, enum ct_table table);

/* 1: there is more, 0: that was the last step, or a negative errno. */
int walk_step(struct walk *walk, struct datapath *dp);

const void *walk_key(const struct walk *walk, uint32_t index);
const struct ct_entry *walk_entry(const struct walk *walk, uint32_t index);
/* What it is translated to or from, with v4-mapped addresses in either family. */
struct ct6_nat walk_nat(const struct walk *walk, uint32_t index);
enum datapath_map walk_map(enum ct_table table);
uint32_t walk_key_size(enum ct_table table);
