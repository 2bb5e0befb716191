/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The tables of compiled policy, and the evaluation of rule sets with more than
 * 64 groups: their bit sets stand in rows of map policy_bits. Chunks in which the
 * peer and the port have nothing in common are passed over, so what a connection
 * costs depends on the rules that may concern it and not on how many there are.
 */
#pragma once

#include "lib/kernel.h"
#include "weir/maps.h"
#include "weir/policy.h"
#include "weir/verdict.h"

MAP(ruleset, ARRAY, __u32, struct ruleset, RULESETS_MAX, 0);
MAP(policy_class, HASH, struct policy_class_key, __u64, POLICY_CLASSES_MAX, BPF_F_NO_PREALLOC);
MAP(policy_port, LPM_TRIE, struct policy_port_key, __u64, POLICY_PORTS_MAX, BPF_F_NO_PREALLOC);
MAP(policy_cidr4, LPM_TRIE, struct policy_cidr4_key, __u64, POLICY_CIDRS_MAX, BPF_F_NO_PREALLOC);
MAP(policy_cidr6, LPM_TRIE, struct policy_cidr6_key, __u64, POLICY_CIDRS_MAX, BPF_F_NO_PREALLOC);
MAP(policy_bits, HASH, struct policy_bits_key, struct policy_bits, POLICY_ROWS_MAX,
    BPF_F_NO_PREALLOC);

/* What the look-ups for one connection found: bits, or references to rows when wide. */
struct policy_rows {
	__u64 class;
	__u64 cidr;
	__u64 ports;
};

/*
 * Verifier: one chunk of all bit sets is gathered here first. Walking the rows
 * themselves, each there or missing, would multiply the paths to verify by 64.
 */
struct policy_scratch {
	struct policy_rows rows;
	struct verdict_state state;
	__u32 set;
	__u32 verdict;
	__u32 chunks; /* those in which the peer and the port may have a group in common */
	__u32 pad;
	__u64 words; /* those of the chunk in which they have, and that are not judged yet */
	struct policy_bits hits;
};

MAP_PRIVATE(policy_scratch, PERCPU_ARRAY, __u32, struct policy_scratch, 1, 0);

static __always_inline const struct policy_bits *row_find(__u64 row, __u32 chunk)
{
	struct policy_bits_key key = { .row = policy_row_number(row), .chunk = chunk };

	return bpf_map_lookup_elem(&policy_bits, &key);
}

/* The bits of @row, which has the chunk, join @to. 0: they are missing. */
int row_join(struct policy_bits *to, __u64 row, __u32 chunk);

SUBPROGRAM int row_join(struct policy_bits *to, __u64 row, __u32 chunk)
{
	const struct policy_bits *from = row_find(row, chunk);
	__u32 i;

	if (!to || !from)
		return 0;
	UNROLL
	for (i = 0; i < POLICY_CHUNK_WORDS; i++)
		to->words[i] |= from->words[i];
	return 1;
}

/* Only what @row has as well stays a hit. 0: its bits are missing. */
int row_mask(struct policy_scratch *scratch, __u64 row, __u32 chunk);

SUBPROGRAM int row_mask(struct policy_scratch *scratch, __u64 row, __u32 chunk)
{
	const struct policy_bits *from = row_find(row, chunk);
	__u64 words = 0, hits;
	__u32 i;

	if (!scratch || !from)
		return 0;
	UNROLL
	for (i = 0; i < POLICY_CHUNK_WORDS; i++) {
		hits = scratch->hits.words[i] & from->words[i];
		scratch->hits.words[i] = hits;
		/* Verifier: a comparison would be a branch. */
		words |= (hits | -hits) >> 63 << i;
	}
	scratch->words = words;
	return 1;
}

static __always_inline _Bool row_join_if(struct policy_bits *to, __u64 row, __u32 chunk)
{
	return !policy_row_has(row, chunk) || row_join(to, row, chunk);
}

/* 0: the rule set is not whole. */
static __always_inline _Bool gather_hits(struct policy_scratch *scratch, __u64 any_peer,
					 __u32 chunk)
{
	__builtin_memset(&scratch->hits, 0, sizeof(scratch->hits));
	return row_join_if(&scratch->hits, any_peer, chunk) &&
	       row_join_if(&scratch->hits, scratch->rows.class, chunk) &&
	       row_join_if(&scratch->hits, scratch->rows.cidr, chunk) &&
	       row_mask(scratch, scratch->rows.ports, chunk);
}

/* Actions that are missing are no actions: deny. */
static __always_inline __u64 row_word(__u64 row, __u32 chunk, __u32 word)
{
	const struct policy_bits *bits = NULL;

	if (policy_row_has(row, chunk))
		bits = row_find(row, chunk);
	return bits ? bits->words[word & (POLICY_CHUNK_WORDS - 1)] : 0;
}

/* Index of the lowest bit of @bits: how many there are below it. */
static __always_inline __u32 lowest_bit(__u64 bits)
{
	__u64 below = (bits & -bits) - 1;

	below -= below >> 1 & 0x5555555555555555ULL;
	below = (below & 0x3333333333333333ULL) + (below >> 2 & 0x3333333333333333ULL);
	below = (below + (below >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return (__u32)(below * 0x0101010101010101ULL >> 56);
}

/* Callback for each word of the chunk with hits, lowest first; 1 ends the walk. */
static long word_judge(__u32 nth, void *ctx)
{
	__u32 zero = 0, chunk = *(const __u32 *)ctx, word;
	struct policy_scratch *scratch;
	const struct ruleset *rules;

	scratch = bpf_map_lookup_elem(&policy_scratch, &zero);
	if (!scratch || !scratch->words)
		return 1;
	rules = bpf_map_lookup_elem(&ruleset, &scratch->set);
	if (!rules)
		return 1;
	word = lowest_bit(scratch->words) & (POLICY_CHUNK_WORDS - 1);
	scratch->words &= scratch->words - 1;
	scratch->verdict = verdict_word(&scratch->state, rules,
					(chunk * POLICY_CHUNK_WORDS + word) * 64,
					scratch->hits.words[word],
					row_word(rules->allow, chunk, word),
					row_word(rules->pass, chunk, word));
	return scratch->verdict != VERDICT_NEXT;
}

/* Callback for each chunk; 1 ends the walk. */
static long chunk_judge(__u32 chunk, void *ctx)
{
	struct policy_scratch *scratch;
	const struct ruleset *rules;
	__u32 zero = 0;

	scratch = bpf_map_lookup_elem(&policy_scratch, &zero);
	if (!scratch)
		return 1;
	if (!(scratch->chunks >> (chunk & (POLICY_CHUNKS_MAX - 1)) & 1))
		return 0;
	rules = bpf_map_lookup_elem(&ruleset, &scratch->set);
	if (!rules || !gather_hits(scratch, rules->any_peer, chunk)) {
		scratch->verdict = VERDICT_BROKEN;
		return 1;
	}
	bpf_loop(POLICY_CHUNK_WORDS, word_judge, &chunk, 0);
	return scratch->verdict != VERDICT_NEXT;
}

/* The verdict of a wide rule set from the rows that the look-ups found. */
int policy_wide(__u32 set, __u64 class_row, __u64 cidr_row, __u64 port_row, __u32 itself);

SUBPROGRAM int policy_wide(__u32 set, __u64 class_row, __u64 cidr_row, __u64 port_row,
			   __u32 itself)
{
	struct policy_scratch *scratch;
	const struct ruleset *rules;
	__u32 zero = 0;

	scratch = bpf_map_lookup_elem(&policy_scratch, &zero);
	rules = bpf_map_lookup_elem(&ruleset, &set);
	if (!scratch || !rules)
		return VERDICT_BROKEN;
	scratch->rows.class = class_row;
	scratch->rows.cidr = cidr_row;
	scratch->rows.ports = port_row;
	scratch->set = set;
	scratch->verdict = VERDICT_NEXT;
	scratch->chunks = policy_row_chunks(rules->any_peer | class_row | cidr_row) &
			  policy_row_chunks(port_row);
	__builtin_memset(&scratch->state, 0, sizeof(scratch->state));
	scratch->state.itself = itself;
	if (scratch->chunks)
		bpf_loop(POLICY_CHUNKS_MAX, chunk_judge, &zero, 0);
	if (scratch->verdict != VERDICT_NEXT)
		return scratch->verdict;
	/* No rule decided: what the tiers end with. */
	return verdict_word(&scratch->state, rules, (rules->words - 1) * 64, 0, 0, 0);
}
