// SPDX-License-Identifier: Apache-2.0
#include "source/manifest_merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/cleanup.h"

struct say {
	struct manifest_file *file;
	struct manifest_object *item;
};

/* One an object, so it is kept small. */
struct merge_claim {
	uint64_t owner; /* id of the file whose object is in the store, 0: none is */
	uint64_t hash; /* of that object */
	/* During a run: */
	struct say winner; /* the first that says it */
	struct say held; /* what the owner says now */
	UT_hash_handle hh;
	enum object_kind kind;
	char label[];
};

static int claim_new(struct merge_claim **ret, const struct manifest_object *item)
{
	struct merge_claim *claim = calloc(1, sizeof(*claim) + strlen(item->label) + 1);

	if (!claim)
		return -ENOMEM;
	claim->kind = item->kind;
	strcpy(claim->label, item->label);
	*ret = claim;
	return 0;
}

static struct merge_claim *claim_find(const struct manifest_merge *merge, const char *label)
{
	struct merge_claim *claim;

	HASH_FIND_STR(merge->claims, label, claim);
	return claim;
}

static int claim_get(struct merge_claim **ret, struct manifest_merge *merge,
		     const struct manifest_object *item)
{
	struct merge_claim *claim = claim_find(merge, item->label);
	int r;

	if (!claim) {
		r = claim_new(&claim, item);
		if (r < 0)
			return r;
		HASH_ADD_KEYPTR(hh, merge->claims, claim->label, strlen(claim->label), claim);
	}
	*ret = claim;
	return 0;
}

static int hear_file(struct manifest_merge *merge, struct manifest_file *file)
{
	struct merge_claim *claim;
	struct say say;
	int r;

	problem_list_done(&file->clashes);
	for (size_t i = 0; i < file->content.count; i++) {
		say = (struct say){ file, &file->content.objects[i] };
		say.item->wanted = false;
		r = claim_get(&claim, merge, say.item);
		if (r < 0)
			return r;
		if (!claim->winner.item)
			claim->winner = say;
		if (claim->owner == file->id && !claim->held.item)
			claim->held = say;
	}
	return 0;
}

static int hear_files(struct manifest_merge *merge, struct manifest_file *const *files,
		      size_t count)
{
	struct merge_claim *claim, *next;
	int r;

	HASH_ITER(hh, merge->claims, claim, next)
		claim->winner = claim->held = (struct say){};
	for (size_t i = 0; i < count; i++) {
		r = hear_file(merge, files[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The owner is about to lose an object of which only the store has a copy. */
static bool loses_object(const struct merge_claim *claim)
{
	return claim->held.item && claim->winner.item != claim->held.item &&
	       claim->winner.item->hash != claim->held.item->hash && !claim->held.item->object;
}

static int refill_losers(struct manifest_merge *merge, struct manifest_file *const *files,
			 size_t count)
{
	struct merge_claim *claim, *next;
	bool wanted;
	int r;

	HASH_ITER(hh, merge->claims, claim, next)
		if (loses_object(claim))
			claim->held.item->wanted = true;
	for (size_t i = 0; i < count; i++) {
		wanted = false;
		for (size_t j = 0; j < files[i]->content.count && !wanted; j++)
			wanted = files[i]->content.objects[j].wanted;
		r = wanted ? manifest_file_refill(files[i]) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static void drop_copy(struct manifest_object *item)
{
	object_free(item->object);
	item->object = NULL;
}

static int put_winner(struct manifest_merge *merge, struct merge_claim *claim, bool *again)
{
	struct manifest_object *item = claim->winner.item;
	int r;

	if (!item->object) {
		/* An earlier run lost it for want of memory: read the file again. */
		claim->winner.file->judged = claim->winner.file->settled = false;
		*again = true;
		return 0;
	}
	r = store_put(merge->store, take_ptr(&item->object));
	if (r < 0)
		return r;
	claim->owner = claim->winner.file->id;
	claim->hash = item->hash;
	return 0;
}

static int settle_claim(struct manifest_merge *merge, struct merge_claim *claim, bool *again)
{
	if (loses_object(claim)) {
		claim->winner = claim->held;
		*again = true;
	}
	if (!claim->owner || claim->hash != claim->winner.item->hash)
		return put_winner(merge, claim, again);
	/* The store has an equal object: the copies change hands instead. */
	if (claim->held.item && claim->held.item != claim->winner.item && !claim->held.item->object)
		claim->held.item->object = take_ptr(&claim->winner.item->object);
	drop_copy(claim->winner.item);
	claim->owner = claim->winner.file->id;
	return 0;
}

/* The label is taken apart: "Pod shop/front", or "Node one" without a namespace. */
static void delete_object(struct manifest_merge *merge, struct merge_claim *claim)
{
	char *namespace = strchr(claim->label, ' ') + 1;
	char *slash = strchr(namespace, '/');

	if (slash)
		*slash = '\0';
	store_delete(merge->store, claim->kind, slash ? namespace : "",
		     slash ? slash + 1 : namespace);
}

static void end_claim(struct manifest_merge *merge, struct merge_claim *claim)
{
	HASH_DEL(merge->claims, claim);
	if (claim->owner)
		delete_object(merge, claim);
	free(claim);
}

static int settle_all(struct manifest_merge *merge, bool *again)
{
	struct merge_claim *claim, *next;
	int r;

	HASH_ITER(hh, merge->claims, claim, next) {
		if (claim->winner.item) {
			r = settle_claim(merge, claim, again);
			if (r < 0)
				return r;
		} else {
			end_claim(merge, claim);
		}
	}
	return 0;
}

static int report_clashes(const struct manifest_merge *merge, struct manifest_file *file)
{
	const struct manifest_object *item;
	const struct merge_claim *claim;
	size_t untold = 0;
	int r;

	for (size_t i = 0; i < file->content.count; i++) {
		item = &file->content.objects[i];
		claim = claim_find(merge, item->label);
		if (claim->winner.item == item)
			continue;
		if (file->clashes.count == PROBLEMS_MAX) {
			untold++;
			continue;
		}
		r = problem_add(&file->clashes, file->path, item->label,
				claim->winner.file == file ?
					"is twice in the file; the first is in force" :
					"is in %s too; that one is in force",
				claim->winner.file->path);
		if (r < 0)
			return r;
	}
	return untold ? problem_add(&file->clashes, file->path, "", "%zu more of its objects are "
				    "elsewhere too", untold) : 0;
}

int manifest_merge_run(struct manifest_merge *merge, struct manifest_file *const *files,
		       size_t count, bool *again)
{
	int r;

	r = hear_files(merge, files, count);
	if (r >= 0)
		r = refill_losers(merge, files, count);
	if (r >= 0)
		r = settle_all(merge, again);
	for (size_t i = 0; i < count && r >= 0; i++)
		r = report_clashes(merge, files[i]);
	return r;
}

void manifest_merge_done(struct manifest_merge *merge)
{
	struct merge_claim *claim, *next;

	HASH_ITER(hh, merge->claims, claim, next) {
		HASH_DEL(merge->claims, claim);
		free(claim);
	}
}
