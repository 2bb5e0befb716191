// SPDX-License-Identifier: Apache-2.0
/* From rule groups to a rule set. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/image_groups.h"
#include "weir/maps.h"

#define WORD_BITS 64
#define GROUPS_MAX (POLICY_CHUNKS_MAX * POLICY_CHUNK_WORDS * WORD_BITS)

void image_ruleset_done(struct image_ruleset *set)
{
	explanation_leave(set->explanation);
	free(set->identity);
	free(set->classes);
	free(set->ports);
	free(set->cidrs);
}

static void draft_done(struct ruleset_draft *draft)
{
	bit_pool_done(&draft->pool);
	free(draft->words);
}

void draft_clear(struct ruleset_draft *draft)
{
	memset(draft->words, 0, draft->pool.words * sizeof(*draft->words));
}

void draft_set(struct ruleset_draft *draft, size_t group)
{
	draft->words[group / WORD_BITS] |= 1ULL << (group % WORD_BITS);
}

static bool is_any(const struct rule_group *group)
{
	return group->any_peer;
}

static bool is_allow(const struct rule_group *group)
{
	return group->action == ACTION_ALLOW;
}

static bool is_pass(const struct rule_group *group)
{
	return group->action == ACTION_PASS;
}

static int groups_where(uint32_t *ret, struct ruleset_draft *draft,
			bool (*holds)(const struct rule_group *group))
{
	draft_clear(draft);
	for (size_t i = 0; i < draft->groups->count; i++)
		if (holds(&draft->groups->items[i]))
			draft_set(draft, i);
	return bit_pool_add(ret, &draft->pool, draft->words);
}

static int fill_header(struct ruleset_draft *draft)
{
	struct ruleset *header = &draft->set->header;
	uint32_t any, allow, pass;

	if (groups_where(&any, draft, is_any) < 0 || groups_where(&allow, draft, is_allow) < 0 ||
	    groups_where(&pass, draft, is_pass) < 0)
		return -ENOMEM;
	header->any_peer = any;
	header->allow = allow;
	header->pass = pass;
	header->words = (uint32_t)draft->pool.words;
	header->flags = draft->groups->isolated ? RULESET_ISOLATED : 0;
	for (size_t i = 0; i < draft->groups->count; i++)
		for (int tier = (int)draft->groups->items[i].tier; tier < TIER_MAX; tier++)
			header->tier_end[tier]++;
	return 0;
}

static int fill(struct image_build *build, struct image_ruleset *set,
		const struct rule_groups *groups, const struct image_ruleset *kept)
{
	cleanup(draft_done) struct ruleset_draft draft = {
		.build = build,
		.groups = groups,
		.set = set,
	};
	int r = bit_pool_init(&draft.pool, &build->arena, groups->count);

	if (r < 0)
		return r;
	draft.words = calloc(draft.pool.words, sizeof(*draft.words));
	if (!draft.words || fill_header(&draft) < 0 || draft_classes(&draft) < 0 ||
	    draft_ports(&draft) < 0 || draft_cidrs(&draft) < 0 ||
	    ruleset_explain(set, build, groups) < 0)
		return -ENOMEM;
	return draft_resolve(&draft, kept);
}

/* The number of the identity in build->key, and of the previous rule set that has it. */
static int find_identity(uint32_t *ret, const struct image_ruleset **kept,
			 struct image_build *build)
{
	const struct buf *buf = &build->key;
	uint32_t before;

	if (buf->failed)
		return -ENOMEM;
	before = intern_find(&build->previous_identities, buf->data, buf->length);
	*kept = before == INTERN_NONE ? NULL : &build->previous->rulesets[before];
	return intern_add(ret, &build->identities, &build->arena, buf->data, buf->length);
}

int ruleset_compile(uint32_t *ret, struct image_build *build, const struct rule_groups *groups)
{
	const struct image_ruleset *kept;
	struct image_ruleset *set;
	uint32_t index;
	int r;

	if (groups->count > GROUPS_MAX)
		return -ENOSPC;
	buf_reset(&build->key);
	groups_identity(&build->key, groups, build);
	r = find_identity(&index, &kept, build);
	if (r < 0)
		return r;
	if (!r) {
		*ret = build->identity_rulesets.items[index];
		return 0;
	}
	set = array_add(build->image->rulesets, build->image->ruleset_count);
	if (!set)
		return -ENOMEM;
	set->id = kept ? kept->id : number_take(&build->rulesets);
	if (set->id >= RULESETS_MAX)
		return -ENOSPC;
	set->dir = groups->dir;
	set->identity = buf_take(&build->key);
	*ret = set->id;
	if (!set->identity || id_list_add(&build->identity_rulesets, set->id) < 0)
		return -ENOMEM;
	return fill(build, set, groups, kept);
}
