// SPDX-License-Identifier: Apache-2.0
#include "reconcile/expiry.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "reconcile/private.h"
#include "reconcile/walk.h"

/* From the end of a walk to the start of the next. */
#define REST_MS 10000
/* The same when endpoints have left. */
#define REST_PURGE_MS 50
/* Between the steps of a walk: other events come first. */
#define STEP_MS 1

struct expiry {
	struct reconcile *rec;
	struct datapath *dp; /* of rec */
	struct event *timer;
	expiry_purged_fn purged;
	void *arg;
	struct walk *walk; /* NULL: resting */
	uint32_t *wanted; /* interfaces that left since the walk began */
	size_t wanted_count, wanted_room;
	uint32_t *purging; /* interfaces that had left when this walk began */
	size_t purging_count;
	uint32_t counting; /* flows of the table that is walked */
	uint32_t counts[CT_TABLE_MAX]; /* of the last walk over each */
};

void expiry_free(struct expiry *expiry)
{
	if (!expiry)
		return;
	if (expiry->timer)
		event_free(expiry->timer);
	free(expiry->walk);
	free(expiry->wanted);
	free(expiry->purging);
	free(expiry);
}

void expiry_freep(struct expiry **expiry)
{
	expiry_free(*expiry);
}

static void schedule(struct expiry *expiry, int ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	evtimer_add(expiry->timer, &tv);
}

/* One of its ends was a pod whose interface is no endpoint's any more. */
static bool is_orphan(const struct expiry *expiry, const struct ct_entry *entry)
{
	for (int end = 0; end < CT_END_MAX; end++)
		if (entry->ifindex[end] && !reconcile_endpoint(expiry->rec, entry->ifindex[end]))
			return true;
	return false;
}

/* Expired flows are gathered for the program; those of a pod that left go at once. */
static void judge_step(struct expiry *expiry, uint32_t now)
{
	struct walk *walk = expiry->walk;
	uint32_t size = walk_key_size(walk->table), dead = 0, gone = 0;
	int fd = datapath_map_fd(expiry->dp, walk_map(walk->table)), r;

	for (uint32_t i = 0; i < walk->count; i++) {
		const struct ct_entry *entry = walk_entry(walk, i);

		if (is_orphan(expiry, entry))
			gone += !bpf_map_delete_elem(fd, walk_key(walk, i));
		else if ((int32_t)(now - entry->expires) > 0)
			memmove(walk->keys + (size_t)dead++ * size, walk_key(walk, i), size);
	}
	/* A test run takes 64 KiB at most. */
	for (uint32_t done = 0; done < dead; done += 1024) {
		r = datapath_sweep(expiry->dp, walk->table, walk->keys + (size_t)done * size,
				   dead - done < 1024 ? dead - done : 1024);
		gone += r > 0 ? (uint32_t)r : 0;
	}
	expiry->counting += walk->count - gone;
}

static int start_walk(struct expiry *expiry)
{
	expiry->walk = malloc(sizeof(*expiry->walk));
	if (!expiry->walk)
		return -ENOMEM;
	walk_begin(expiry->walk, (enum ct_table)0);
	expiry->purging = take_ptr(&expiry->wanted);
	expiry->purging_count = expiry->wanted_count;
	expiry->wanted_count = expiry->wanted_room = 0;
	return 0;
}

static void end_walk(struct expiry *expiry)
{
	cleanup(freep) uint32_t *purged = take_ptr(&expiry->purging);
	size_t count = expiry->purging_count;

	free(take_ptr(&expiry->walk));
	expiry->purging_count = 0;
	if (count)
		expiry->purged(purged, count, expiry->arg);
}

/* 1: there is more, 0: the walk has ended, or a negative errno before it began. */
static int step(struct expiry *expiry)
{
	uint32_t now;
	int r;

	r = datapath_clock(&now, expiry->dp);
	if (!r && !expiry->walk)
		r = start_walk(expiry);
	if (r < 0)
		return r;
	r = walk_step(expiry->walk, expiry->dp);
	judge_step(expiry, now);
	if (r > 0)
		return 1;
	expiry->counts[expiry->walk->table] = expiry->counting;
	expiry->counting = 0;
	if (expiry->walk->table + 1 < CT_TABLE_MAX) {
		walk_begin(expiry->walk, (enum ct_table)(expiry->walk->table + 1));
		return 1;
	}
	end_walk(expiry);
	return 0;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct expiry *expiry = arg;
	int r = step(expiry);

	if (r > 0)
		schedule(expiry, STEP_MS);
	else
		schedule(expiry, !r && expiry->wanted_count ? REST_PURGE_MS : REST_MS);
}

int expiry_run(struct expiry *expiry)
{
	int r;

	do {
		r = step(expiry);
	} while (r > 0);
	return r;
}

int expiry_new(struct expiry **ret, struct event_base *base, struct reconcile *rec,
	       expiry_purged_fn purged, void *arg)
{
	cleanup(expiry_freep) struct expiry *expiry = calloc(1, sizeof(*expiry));

	if (!expiry)
		return -ENOMEM;
	expiry->rec = rec;
	expiry->dp = rec->dp;
	expiry->purged = purged;
	expiry->arg = arg;
	expiry->timer = evtimer_new(base, on_timer, expiry);
	if (!expiry->timer)
		return -ENOMEM;
	schedule(expiry, REST_MS);
	*ret = take_ptr(&expiry);
	return 0;
}

int expiry_purge(struct expiry *expiry, uint32_t ifindex)
{
	uint32_t *wanted;

	if (expiry->wanted_count == expiry->wanted_room) {
		expiry->wanted_room = expiry->wanted_room ? expiry->wanted_room * 2 : 16;
		wanted = realloc(expiry->wanted, expiry->wanted_room * sizeof(*wanted));
		if (!wanted)
			return -ENOMEM;
		expiry->wanted = wanted;
	}
	expiry->wanted[expiry->wanted_count++] = ifindex;
	if (!expiry->walk)
		schedule(expiry, REST_PURGE_MS);
	return 0;
}

uint32_t expiry_count(const struct expiry *expiry, enum ct_table table)
{
	return expiry->counts[table];
}

static int show_flow(const struct walk *walk, uint32_t index, expiry_fn fn, void *arg)
{
	struct ct6_nat nat = walk_nat(walk, index);

	return fn(walk->table, walk_key(walk, index), walk_entry(walk, index), &nat, arg);
}

int expiry_each_flow(struct datapath *dp, expiry_fn fn, void *arg)
{
	cleanup(freep) struct walk *walk = malloc(sizeof(*walk));
	int r = 0, more;

	if (!walk)
		return -ENOMEM;
	for (int table = 0; !r && table < CT_TABLE_MAX; table++) {
		walk_begin(walk, (enum ct_table)table);
		do {
			more = walk_step(walk, dp);
			for (uint32_t i = 0; !r && i < walk->count; i++)
				r = show_flow(walk, i, fn, arg);
		} while (!r && more > 0);
		r = r ?: (more < 0 ? more : 0);
	}
	return r;
}

struct flush {
	struct datapath *dp;
	int removed;
};

static int flush_one(enum ct_table table, const void *key, const struct ct_entry *entry,
		     const struct ct6_nat *nat, void *arg)
{
	struct flush *flush = arg;

	if (!bpf_map_delete_elem(datapath_map_fd(flush->dp, walk_map(table)), key))
		flush->removed++;
	return 0;
}

int expiry_flush(struct datapath *dp)
{
	struct flush flush = { .dp = dp };
	int r = expiry_each_flow(dp, flush_one, &flush);

	return r < 0 ? r : flush.removed;
}
