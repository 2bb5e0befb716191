/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of drift.h: how far it is, what the writers tell of what shall be, and how that is
 * called.
 */
#pragma once

#include "reconcile/drift.h"
#include "reconcile/drift_scan.h"
#include "reconcile/private.h"
#include "reconcile/service.h"

#define DRIFT_TEXT_MAX 512

/* Whose table it is. */
enum drift_source {
	SOURCE_POLICY,
	SOURCE_SERVICES,
	SOURCE_MAX,
};

struct drift {
	struct reconcile *rec;
	struct service_writer *writer;
	struct drift_listener listener;
	size_t table; /* index of the one whose turn it is */
	uint32_t at; /* in an array */
	unsigned int skipping, skipped;
	unsigned int restarts;
	bool scanning;
	uint64_t epoch; /* of the source when the scan began */
	struct {
		bool known;
		uint64_t epoch;
		struct drift_sum sums[DATAPATH_MAP_MAX];
	} wanted[SOURCE_MAX];
	struct drift_scan scan;
};

/* drift_repair.c; the scan of @map has shown that it is not @wanted. 0 or a negative errno. */
int drift_repair(struct drift *drift, enum datapath_map map, const struct journal *wanted);

/* service_entries.c; 0 or -ENOMEM. */
int service_entries(struct journal *journal, struct service_writer *writer);
uint64_t service_epoch(const struct service_writer *writer);
const struct service_maps *service_writer_maps(const struct service_writer *writer);
/* " of Service shop/web", or "". */
void service_frontend_owner(char *ret, size_t size, const struct service_writer *writer,
			    enum datapath_map map, const void *raw);
void service_number_owner(char *ret, size_t size, const struct service_writer *writer,
			  uint32_t number);

/* Everything that policy maps shall hold: the way from nothing to the image. 0 or -ENOMEM. */
int policy_entries(struct journal *journal, const struct reconcile *rec);

/* An entry of a hash or trie map, for people. @writer may be NULL. */
void drift_entry_text(char ret[static DRIFT_TEXT_MAX], const struct reconcile *rec,
		      const struct service_writer *writer, enum datapath_map map,
		      const void *key);
/* And an element of an array. */
void drift_element_text(char ret[static DRIFT_TEXT_MAX], const struct service_writer *writer,
			enum datapath_map map, uint32_t index);

/* Slots of endpoints from @first on: those that differ are written again; @fn hears of each. */
int slots_heal(struct reconcile *rec, uint32_t first, uint32_t count,
	       void (*fn)(void *arg, uint32_t slot, int r), void *arg);
