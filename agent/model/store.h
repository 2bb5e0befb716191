/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: all objects that the sources have delivered, by kind, namespace
 * and name. Sources put and delete, the policy compiler reads. No I/O.
 *
 * A source that reads the same object from two places puts the first and
 * reports the second; the store itself holds one object per key.
 */
#pragma once

#include <stdbool.h>

#include "model/objects.h"

struct store;

int store_new(struct store **ret);
void store_free(struct store *store);
void store_freep(struct store **store);

/* Takes ownership of @obj, replaces an object with the same key. 0 or -ENOMEM. */
int store_put(struct store *store, struct object *obj);

/* True if there was one. */
bool store_delete(struct store *store, enum object_kind kind, const char *namespace,
		  const char *name);

/* Borrowed until the next put or delete; NULL if absent. */
const struct object *store_get(const struct store *store, enum object_kind kind,
			       const char *namespace, const char *name);

/*
 * Calls @fn with each put and delete that changes something: what there was and what there
 * is now, NULL where there is none. Both are borrowed until @fn returns; the store is as it
 * is after the change, and @fn must not change it. There is one follower: another call takes
 * the place of the former, NULL ends it. The end of the store is not told.
 */
void store_follow(struct store *store,
		  void (*fn)(const struct object *old, const struct object *new, void *arg),
		  void *arg);

/*
 * For a source that is told all objects of a kind anew: it marks each that it hears of
 * with the number of the round, not 0, and sweeps. A put leaves the mark as it is. False:
 * there is no such object.
 */
bool store_mark(struct store *store, enum object_kind kind, const char *namespace,
		const char *name, uint32_t mark);

/* Deletes objects that do not have @mark; @fn is told of each before. The number of them. */
size_t store_sweep(struct store *store, enum object_kind kind, uint32_t mark,
		   void (*fn)(const struct object *obj, void *arg), void *arg);

size_t store_count(const struct store *store, enum object_kind kind);

/* Calls @fn for each object of @kind, by namespace and name; stops at non-zero and returns it. */
int store_each(const struct store *store, enum object_kind kind,
	       int (*fn)(const struct object *obj, void *arg), void *arg);

/* Raised by every put and delete that changed something; lets readers skip work. */
uint64_t store_version(const struct store *store);

/* The same of one kind. */
uint64_t store_kind_version(const struct store *store, enum object_kind kind);

/*
 * The same of the kinds that decide about policy, which Service and EndpointSlice do not:
 * endpoints come and go all the time, and policies need not be looked at for them.
 */
uint64_t store_policy_version(const struct store *store);
