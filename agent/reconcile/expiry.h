/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of connections: a walk over the four tables in bounded steps on the
 * event loop, again and again. Expired flows go through the program `sweep`,
 * which looks again before it deletes. Flows of interfaces that are no endpoint's
 * (any more) go in any case, so that the next owner of an address inherits none.
 */
#pragma once

#include <event2/event.h>

#include "datapath/datapath.h"
#include "reconcile/reconcile.h"
#include "weir/conntrack.h"

struct expiry;

/* Says which interfaces no flow refers to any more. */
typedef void (*expiry_purged_fn)(const uint32_t *ifindexes, size_t count, void *arg);

/* @rec is borrowed. 0 or -ENOMEM. */
int expiry_new(struct expiry **ret, struct event_base *base, struct reconcile *rec,
	       expiry_purged_fn purged, void *arg);
void expiry_free(struct expiry *expiry);
void expiry_freep(struct expiry **expiry);

/* A whole walk at once, for the start of the agent. 0 or a negative errno. */
int expiry_run(struct expiry *expiry);

/*
 * Forget all flows of endpoint @ifindex, which was closed, soon; @purged tells when it has been
 * done. 0 or -ENOMEM.
 */
int expiry_purge(struct expiry *expiry, uint32_t ifindex);

/* How many flows the table had when it was last walked: some seconds ago at most. */
uint32_t expiry_count(const struct expiry *expiry, enum ct_table table);

/*
 * One flow, for a listing. @key is a struct ct4_key or ct6_key, by @table; addresses of
 * @nat are v4-mapped in either family.
 */
typedef int (*expiry_fn)(enum ct_table table, const void *key, const struct ct_entry *entry,
			 const struct ct6_nat *nat, void *arg);

/* Calls @fn for the flows of all tables until it returns non-zero, and returns that. */
int expiry_each_flow(struct datapath *dp, expiry_fn fn, void *arg);

/* Delete all flows; returns how many. */
int expiry_flush(struct datapath *dp);
