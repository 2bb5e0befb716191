/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of reconcile.h. */
#pragma once

#include "reconcile/journal.h"
#include "reconcile/reconcile.h"

/* The way from one image to the next. */
struct change {
	struct journal add; /* keys that are not there yet */
	struct journal turn; /* keys that are there: old half and new half */
	struct journal back; /* the same keys, as they were */
	struct journal settle; /* after the turn: both halves new */
	struct journal del; /* no longer referred to */
	bool must_turn; /* something that is in use changes */
};

struct reconcile {
	struct datapath *dp;
	struct image *image; /* in force */
	bool in_force; /* an image of this agent */
	bool halves_differ; /* the idle halves cannot be trusted */
	struct change *pending; /* what waits for the grace period */
	int64_t turned_ms;
	uint32_t generation; /* as it was set last */
	uint64_t epoch; /* moves on with whatever is written to the policy maps */
	struct endpoint slots[ENDPOINT_SLOTS]; /* what the kernel holds */
};

/*
 * Halves are those of @generation, the one that comes next; with @all the entries
 * of @from are written again even where nothing changed. 0 or -ENOMEM.
 */
int change_compute(struct change *change, const struct image *from, const struct image *to,
		   uint32_t generation, bool all);
void change_done(struct change *change);

/* What the kernel's maps hold, as an image without texts. */
int readback(struct reconcile *rec);
/* Its rule sets and rows, from all entries of the policy maps. 0 or -ENOMEM. */
int readback_rulesets(struct image *image, const struct journal *policy);
/* The rule set that the entry of a policy map, not of rows, belongs to. */
uint32_t readback_set_of(enum datapath_map map, const void *key);

/* Write the halves of all endpoints; with @turn only the half of @generation. */
int slots_bind(struct reconcile *rec, const struct image *image, uint32_t generation, bool turn);
int slots_read(struct reconcile *rec);
