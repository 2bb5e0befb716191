// SPDX-License-Identifier: Apache-2.0
#include "source/manifest_merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* One an object that the store has, or shall have. */
struct merge_claim {
	struct pool_link link;
	uint64_t owner; /* id of the file whose object is in the store, 0: none is */
	uint64_t hash; /* of that object */
	struct manifest_label *label;
};

struct say {
	struct manifest_file *file;
	struct manifest_object *item;
};

/* What the files say about a claim. */
struct hearing {
	struct say winner; /* the first that says it */
	struct say held; /* what the owner says now */
};

struct merge_run {
	struct manifest_merge *merge;
	struct manifest_file *const *files;
	size_t count;
	struct hearing *hearings; /* by number of the claim */
	bool again;
};

static uint32_t hash_label(const char *label)
{
	return pool_hash(0, label, strlen(label));
}

static uint32_t hash_claim(const void *item)
{
	return hash_label(((const struct merge_claim *)item)->label->text);
}

void manifest_merge_init(struct manifest_merge *merge, struct store *store)
{
	merge->store = store;
	pool_init(&merge->claims, sizeof(struct merge_claim), hash_claim);
}

static struct merge_claim *claim_at(const struct manifest_merge *merge, uint32_t number)
{
	return pool_at(&merge->claims, number);
}

/* 0: there is none. */
static uint32_t claim_find(const struct manifest_merge *merge, const char *label)
{
	const struct pool *claims = &merge->claims;

	for (uint32_t i = pool_first(claims, hash_label(label)); i; i = pool_next(claims, i))
		if (!strcmp(claim_at(merge, i)->label->text, label))
			return i;
	return 0;
}

/* Finds or makes; from then on both share a label. 0: out of memory. */
static uint32_t claim_get(struct manifest_merge *merge, struct manifest_object *item)
{
	uint32_t number = claim_find(merge, item->label->text);
	struct merge_claim claim = { .label = item->label };

	if (!number) {
		number = pool_add(&merge->claims, &claim);
		if (number)
			label_hold(claim.label);
		return number;
	}
	label_release(item->label);
	item->label = label_hold(claim_at(merge, number)->label);
	return number;
}

static int hear_file(struct merge_run *run, struct manifest_file *file)
{
	problem_list_done(&file->clashes);
	for (size_t i = 0; i < file->content.count; i++) {
		struct say say = { file, &file->content.objects[i] };
		uint32_t number = claim_get(run->merge, say.item);
		struct hearing *hearing = &run->hearings[number];

		say.item->wanted = false;
		if (!number)
			return -ENOMEM;
		if (!hearing->winner.item)
			hearing->winner = say;
		if (claim_at(run->merge, number)->owner == file->id && !hearing->held.item)
			hearing->held = say;
	}
	return 0;
}

static int hear_files(struct merge_run *run)
{
	size_t most = run->merge->claims.last + 1;
	int r = 0;

	for (size_t i = 0; i < run->count; i++)
		most += run->files[i]->content.count;
	run->hearings = calloc(most, sizeof(*run->hearings));
	if (!run->hearings)
		return -ENOMEM;
	for (size_t i = 0; i < run->count && r >= 0; i++)
		r = hear_file(run, run->files[i]);
	return r;
}

/* The owner is about to lose an object of which only the store has a copy. */
static bool loses_object(const struct hearing *hearing)
{
	const struct manifest_object *held = hearing->held.item, *winner = hearing->winner.item;

	return held && winner != held && winner->hash != held->hash && !held->object;
}

static int refill_losers(struct merge_run *run)
{
	const struct pool *claims = &run->merge->claims;
	int r = 0;

	for (uint32_t i = pool_walk(claims, 0); i; i = pool_walk(claims, i))
		if (loses_object(&run->hearings[i]))
			run->hearings[i].held.item->wanted = true;
	for (size_t i = 0; i < run->count && r >= 0; i++) {
		const struct manifest_content *content = &run->files[i]->content;
		bool wanted = false;

		for (size_t j = 0; j < content->count && !wanted; j++)
			wanted = content->objects[j].wanted;
		r = wanted ? manifest_file_refill(run->files[i]) : 0;
	}
	return r;
}

static void drop_copy(struct manifest_object *item)
{
	object_free(item->object);
	item->object = NULL;
}

static int put_winner(struct merge_run *run, struct merge_claim *claim, const struct say *winner)
{
	int r;

	if (!winner->item->object) {
		/* An earlier run lost it for want of memory: read the file again. */
		winner->file->judged = winner->file->settled = false;
		run->again = true;
		return 0;
	}
	r = store_put(run->merge->store, take_ptr(&winner->item->object));
	if (r < 0)
		return r;
	claim->owner = winner->file->id;
	claim->hash = winner->item->hash;
	return 0;
}

static int settle_claim(struct merge_run *run, struct merge_claim *claim, struct hearing *hearing)
{
	struct manifest_object *held = hearing->held.item, *winner;

	if (loses_object(hearing)) {
		hearing->winner = hearing->held;
		run->again = true;
	}
	winner = hearing->winner.item;
	if (!claim->owner || claim->hash != winner->hash)
		return put_winner(run, claim, &hearing->winner);
	/* The store has an equal object: the copies change hands instead. */
	if (held && held != winner && !held->object)
		held->object = take_ptr(&winner->object);
	drop_copy(winner);
	claim->owner = hearing->winner.file->id;
	return 0;
}

/*
 * The label is taken apart: "Pod shop/front", or "Node one" without a namespace. Nobody
 * else holds it, as no file says it.
 */
static void delete_object(struct manifest_merge *merge, struct manifest_label *label)
{
	char *namespace = strchr(label->text, ' ') + 1;
	char *slash = strchr(namespace, '/');

	if (slash)
		*slash = '\0';
	store_delete(merge->store, label_kind(label), slash ? namespace : "",
		     slash ? slash + 1 : namespace);
}

static void end_claim(struct manifest_merge *merge, uint32_t number)
{
	struct merge_claim claim = *claim_at(merge, number);

	pool_remove(&merge->claims, number);
	if (claim.owner)
		delete_object(merge, claim.label);
	label_release(claim.label);
}

static int settle_all(struct merge_run *run)
{
	struct manifest_merge *merge = run->merge;
	int r = 0;

	for (uint32_t i = pool_walk(&merge->claims, 0); i && r >= 0;
	     i = pool_walk(&merge->claims, i)) {
		if (run->hearings[i].winner.item)
			r = settle_claim(run, claim_at(merge, i), &run->hearings[i]);
		else
			end_claim(merge, i);
	}
	return r;
}

static int report_clash(struct manifest_file *file, const struct manifest_object *item,
			const struct manifest_file *winner)
{
	return problem_add(&file->clashes, file->path, item->label->text,
			   winner == file ? "is twice in the file; the first is in force" :
					    "is in %s too; that one is in force", winner->path);
}

static int report_clashes(const struct merge_run *run, struct manifest_file *file)
{
	const struct manifest_object *item;
	const struct say *winner;
	size_t untold = 0;
	int r;

	for (size_t i = 0; i < file->content.count; i++) {
		item = &file->content.objects[i];
		winner = &run->hearings[claim_find(run->merge, item->label->text)].winner;
		if (winner->item == item)
			continue;
		if (file->clashes.count == PROBLEMS_MAX) {
			untold++;
			continue;
		}
		r = report_clash(file, item, winner->file);
		if (r < 0)
			return r;
	}
	return untold ? problem_add(&file->clashes, file->path, "", "%zu more of its objects are "
				    "elsewhere too", untold) : 0;
}

int manifest_merge_run(struct manifest_merge *merge, struct manifest_file *const *files,
		       size_t count, bool *again)
{
	struct merge_run run = { .merge = merge, .files = files, .count = count };
	int r = hear_files(&run);

	r = r ?: refill_losers(&run);
	r = r ?: settle_all(&run);
	for (size_t i = 0; i < count && r >= 0; i++)
		r = report_clashes(&run, files[i]);
	free(run.hearings);
	*again |= run.again;
	return r;
}

void manifest_merge_done(struct manifest_merge *merge)
{
	const struct pool *claims = &merge->claims;

	for (uint32_t i = pool_walk(claims, 0); i; i = pool_walk(claims, i))
		label_release(claim_at(merge, i)->label);
	pool_done(&merge->claims);
}
