// SPDX-License-Identifier: Apache-2.0
#include "reconcile/reconcile.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "reconcile/private.h"

#define GRACE_MS 50

static void change_free(struct change *change)
{
	if (!change)
		return;
	change_done(change);
	free(change);
}

static void change_freep(struct change **change)
{
	change_free(*change);
}

void reconcile_free(struct reconcile *rec)
{
	if (!rec)
		return;
	change_free(rec->pending);
	image_free(rec->image);
	free(rec);
}

void reconcile_freep(struct reconcile **rec)
{
	reconcile_free(*rec);
}

int reconcile_new(struct reconcile **ret, struct datapath *dp)
{
	cleanup(reconcile_freep) struct reconcile *rec = calloc(1, sizeof(*rec));
	int r;

	if (!rec)
		return -ENOMEM;
	rec->dp = dp;
	rec->halves_differ = true;
	rec->generation = datapath_state(dp)->generation;
	r = slots_read(rec);
	r = r ?: readback(rec);
	if (r < 0)
		return r;
	*ret = take_ptr(&rec);
	return 0;
}

const struct image *reconcile_image(const struct reconcile *rec)
{
	return rec->image;
}

bool reconcile_in_force(const struct reconcile *rec)
{
	return rec->in_force;
}

int reconcile_compile(struct image **ret, const struct reconcile *rec,
		      const struct image_input *input)
{
	cleanup(image_freep) struct image *image = NULL;
	int r;

	r = image_compile(&image, input, rec->in_force ? rec->image : NULL);
	if (!r && !rec->in_force)
		r = image_renumber(image, rec->image);
	if (r < 0)
		return r;
	*ret = take_ptr(&image);
	return 0;
}

static uint32_t generation_now(const struct reconcile *rec)
{
	return rec->generation;
}

/* 0 means "nothing may pass" and is left out; the parity must come out right. */
static uint32_t generation_after(uint32_t generation, uint32_t step)
{
	return generation + step ?: 2;
}

static void generation_set(struct reconcile *rec, uint32_t generation)
{
	rec->generation = generation;
	__atomic_store_n(&datapath_state(rec->dp)->generation, generation, __ATOMIC_RELEASE);
}

void reconcile_judge_again(struct reconcile *rec)
{
	/* Without any policy nothing passes, and that stays so. */
	if (generation_now(rec))
		generation_set(rec, generation_after(generation_now(rec), 2));
}

void reconcile_settle(struct reconcile *rec)
{
	cleanup(change_freep) struct change *change = take_ptr(&rec->pending);
	uint32_t written[DATAPATH_MAP_MAX];
	enum datapath_map failed;

	if (!change)
		return;
	rec->epoch++;
	/* Programs run under RCU: after its grace period none sees the former generation. */
	if (clock_ms() - rec->turned_ms < GRACE_MS)
		syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	/*
	 * Entries that are there are written in place. Should the kernel refuse all the
	 * same, their idle halves stay what they were: the next turn writes all again.
	 */
	if (journal_write(&change->settle, rec->dp, written, &failed) < 0 ||
	    slots_bind(rec, rec->image, generation_now(rec), false) < 0)
		rec->halves_differ = true;
	journal_delete(&change->del, rec->dp, NULL);
}

/* Nothing of @change is in force yet. */
static void take_back(struct reconcile *rec, struct change *change,
		      const uint32_t added[DATAPATH_MAP_MAX])
{
	uint32_t written[DATAPATH_MAP_MAX];
	enum datapath_map failed;

	journal_delete(&change->add, rec->dp, added);
	journal_write(&change->back, rec->dp, written, &failed);
	slots_bind(rec, rec->image, generation_now(rec), false);
}

/*
 * What is turned is there already and has its room; only what is added may not fit.
 * -ENOSPC: *@misfit says what.
 */
static int write_beside(struct reconcile *rec, struct change *change, const struct image *image,
			uint32_t next, struct misfit *misfit)
{
	uint32_t added[DATAPATH_MAP_MAX], turned[DATAPATH_MAP_MAX];
	enum datapath_map failed;
	int r;

	r = journal_write(&change->add, rec->dp, added, &failed);
	if (r == -ENOSPC) {
		misfit->size = datapath_map_entries_max(rec->dp, failed);
		misfit_describe(misfit, image, failed,
				journal_key(&change->add, failed, added[failed]));
	}
	r = r ?: journal_write(&change->turn, rec->dp, turned, &failed);
	r = r ?: slots_bind(rec, image, next, change->must_turn);
	if (r < 0)
		take_back(rec, change, added);
	return r;
}

static int apply(struct reconcile *rec, const struct image *image, struct misfit *misfit)
{
	cleanup(change_freep) struct change *change = calloc(1, sizeof(*change));
	uint32_t next = generation_after(generation_now(rec), 1);
	int r;

	if (!change)
		return -ENOMEM;
	r = change_compute(change, rec->image, image, next, rec->halves_differ);
	if (r < 0)
		return r;
	if (!change->must_turn)
		next = generation_after(generation_now(rec), 2);
	r = write_beside(rec, change, image, next, misfit);
	if (r < 0)
		return r;
	if (!change->must_turn) {
		journal_delete(&change->del, rec->dp, NULL);
		generation_set(rec, next);
		return 0;
	}
	generation_set(rec, next);
	rec->turned_ms = clock_ms();
	rec->halves_differ = false;
	rec->pending = take_ptr(&change);
	return 0;
}

int reconcile_apply(struct reconcile *rec, struct image *image, struct misfit *misfit)
{
	struct misfit unasked;
	int r;

	misfit = misfit ?: &unasked;
	*misfit = (struct misfit){};
	reconcile_settle(rec);
	rec->epoch++;
	r = apply(rec, image, misfit);
	if (r < 0) {
		image_free(image);
		return r;
	}
	image_free(rec->image);
	rec->image = image;
	rec->in_force = true;
	return 0;
}
