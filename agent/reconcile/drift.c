// SPDX-License-Identifier: Apache-2.0
#include "reconcile/drift.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "reconcile/drift_private.h"
#include "reconcile/service_shadow.h"

#define SLOTS_STEP 256 /* endpoints a piece */
#define ELEMENTS_STEP 16384 /* elements of a mapped array a piece: 50 to 100 microseconds */
#define RESTARTS_MAX 8 /* of a table that changes again and again; then it is read at one go */

struct table {
	enum datapath_map map;
	enum drift_source source; /* SOURCE_MAX: compared with its shadow, which is always settled */
	/* A piece of it. 1: there is more, 0: no, or a negative errno: it cannot be read or healed. */
	int (*step)(struct drift *drift, const struct table *table);
};

static uint64_t epoch_of(const struct drift *drift, enum drift_source source)
{
	return source == SOURCE_POLICY ? drift->rec->epoch : service_epoch(drift->writer);
}

/* Nothing of @source waits for a grace period, or was refused by the kernel half-way. */
static bool is_settled(const struct drift *drift, enum drift_source source)
{
	const struct reconcile *rec = drift->rec;

	if (source == SOURCE_SERVICES)
		return drift->writer;
	return rec->in_force && !rec->pending && !rec->halves_differ;
}

static int list_entries(struct journal *journal, const struct drift *drift,
			enum drift_source source)
{
	return source == SOURCE_POLICY ? policy_entries(journal, drift->rec) :
					 service_entries(journal, drift->writer);
}

/* The list itself would be a second copy of all tables: it is made again where it is searched. */
static int sum_up(struct drift *drift, enum drift_source source)
{
	struct journal journal = {};
	int r;

	if (drift->wanted[source].known &&
	    drift->wanted[source].epoch == epoch_of(drift, source))
		return 0;
	r = list_entries(&journal, drift, source);
	for (int map = 0; map < DATAPATH_MAP_MAX; map++)
		if (journal_key_size((enum datapath_map)map))
			drift->wanted[source].sums[map] =
				drift_sum_of(&journal, (enum datapath_map)map);
	journal_done(&journal);
	drift->wanted[source].known = !r;
	drift->wanted[source].epoch = epoch_of(drift, source);
	return r;
}

static int repair_table(struct drift *drift, const struct table *table)
{
	struct journal wanted = {};
	int r;

	r = list_entries(&wanted, drift, table->source);
	r = r ?: drift_repair(drift, table->map, &wanted);
	journal_done(&wanted);
	return r;
}

static int begin_scan(struct drift *drift, const struct table *table)
{
	int r = sum_up(drift, table->source);

	drift_scan_begin(&drift->scan, table->map);
	drift->epoch = epoch_of(drift, table->source);
	drift->scanning = true;
	return r;
}

/* A hash or trie map. */
static int step_entries(struct drift *drift, const struct table *table)
{
	int r = 0;

	if (!drift->scanning || drift->epoch != epoch_of(drift, table->source)) {
		drift->restarts += drift->scanning;
		r = begin_scan(drift, table);
	}
	if (r < 0)
		return r;
	do {
		r = drift_scan_step(&drift->scan, drift->rec->dp);
		if (r > 0 && drift->restarts < RESTARTS_MAX)
			return 1;
	} while (r > 0);
	if (r < 0 || drift_sum_equal(&drift->scan.found,
				     &drift->wanted[table->source].sums[table->map]))
		return r;
	return repair_table(drift, table);
}

static void on_slot(void *arg, uint32_t slot, int r)
{
	struct drift *drift = arg;
	char text[DRIFT_TEXT_MAX];

	snprintf(text, sizeof(text), "endpoint of interface %u was altered",
		 drift->rec->slots[slot].ifindex);
	drift->listener.found(drift->listener.arg, MAP_ENDPOINT, text, r);
}

static int step_slots(struct drift *drift, const struct table *table)
{
	int r = slots_heal(drift->rec, drift->at, SLOTS_STEP, on_slot, drift);

	drift->at += SLOTS_STEP;
	return r < 0 ? r : drift->at < ENDPOINT_SLOTS;
}

static int step_state(struct drift *drift, const struct table *table)
{
	const struct drift_listener *listener = &drift->listener;
	volatile struct node_state *state = datapath_state(drift->rec->dp);

	if (state->generation != drift->rec->generation) {
		__atomic_store_n(&state->generation, drift->rec->generation, __ATOMIC_RELEASE);
		listener->found(listener->arg, MAP_STATE, "the policy generation was altered", 0);
	}
	if (drift->writer) {
		struct service_maps maps = *service_writer_maps(drift->writer);
		uint32_t count = service_maps_count(&maps);

		if (state->services == count)
			return 0;
		service_maps_set_count(&maps, count);
		listener->found(listener->arg, MAP_STATE, "the number of frontends was altered", 0);
	}
	return 0;
}

/* A mapped array. */
static int step_elements(struct drift *drift, const struct table *table)
{
	const struct service_maps *maps = service_writer_maps(drift->writer);
	uint32_t end = service_shadow_end(maps->shadow, table->map);
	uint32_t last = drift->at + ELEMENTS_STEP;
	char entry[DRIFT_TEXT_MAX], text[DRIFT_TEXT_MAX + 32];

	for (; drift->at < end && drift->at < last; drift->at++) {
		if (!service_shadow_heal(maps, table->map, drift->at))
			continue;
		drift_element_text(entry, drift->writer, table->map, drift->at);
		snprintf(text, sizeof(text), "%s was altered", entry);
		drift->listener.found(drift->listener.arg, table->map, text, 0);
	}
	return drift->at < end;
}

/* What is read on the way of every packet first. */
static const struct table tables[] = {
	{ MAP_STATE, SOURCE_MAX, step_state },
	{ MAP_ENDPOINT, SOURCE_MAX, step_slots },
	{ MAP_PEER4, SOURCE_POLICY, step_entries },
	{ MAP_PEER6, SOURCE_POLICY, step_entries },
	{ MAP_RULESET, SOURCE_POLICY, step_entries },
	{ MAP_POLICY_CLASS, SOURCE_POLICY, step_entries },
	{ MAP_POLICY_PORT, SOURCE_POLICY, step_entries },
	{ MAP_POLICY_CIDR4, SOURCE_POLICY, step_entries },
	{ MAP_POLICY_CIDR6, SOURCE_POLICY, step_entries },
	{ MAP_POLICY_BITS, SOURCE_POLICY, step_entries },
	{ MAP_FRONTEND4, SOURCE_SERVICES, step_entries },
	{ MAP_FRONTEND6, SOURCE_SERVICES, step_entries },
	{ MAP_SERVICE_RANGE4, SOURCE_SERVICES, step_entries },
	{ MAP_SERVICE_RANGE6, SOURCE_SERVICES, step_entries },
	{ MAP_SERVICE_PORT, SOURCE_SERVICES, step_elements },
	{ MAP_BACKEND, SOURCE_SERVICES, step_elements },
	{ MAP_BACKEND_SLOT, SOURCE_SERVICES, step_elements },
};
#define TABLES (sizeof(tables) / sizeof(tables[0]))

static void next_table(struct drift *drift)
{
	drift->table++;
	drift->at = drift->restarts = 0;
	drift->scanning = false;
}

bool drift_step(struct drift *drift)
{
	const struct table *table = &tables[drift->table];
	int r = 0;

	if (table->source == SOURCE_MAX || is_settled(drift, table->source))
		r = table->step(drift, table);
	else
		drift->skipping++;
	if (r > 0)
		return true;
	if (r < 0)
		drift->listener.found(drift->listener.arg, table->map, "it cannot be looked through",
				      r);
	next_table(drift);
	if (drift->table < TABLES)
		return true;
	drift->table = 0;
	drift->skipped = drift->skipping;
	drift->skipping = 0;
	return false;
}

unsigned int drift_skipped(const struct drift *drift)
{
	return drift->skipped;
}

int drift_new(struct drift **ret, struct reconcile *rec, struct service_writer *writer,
	      const struct drift_listener *listener)
{
	struct drift *drift = calloc(1, sizeof(*drift));

	if (!drift)
		return -ENOMEM;
	drift->rec = rec;
	drift->writer = writer;
	drift->listener = *listener;
	*ret = drift;
	return 0;
}

void drift_free(struct drift *drift)
{
	free(drift);
}
