/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The tables of compiled policy, and the evaluation of rule sets with more than
 * 64 groups: their bit sets stand in rows of map policy_bits and are walked a
 * chunk of 64 words at a time.
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

/* What the look-ups for one connection found: bits, or row numbers when wide. */
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
	struct policy_bits peers;
	struct policy_bits ports;
	struct policy_bits allow;
	struct policy_bits pass;
};

MAP_PRIVATE(policy_scratch, PERCPU_ARRAY, __u32, struct policy_scratch, 1, 0);

/* @to becomes the row's chunk, zero where the row has none. */
static __noinline void row_load(struct policy_bits *to, __u64 row, __u32 chunk)
{
	struct policy_bits_key key = { .row = (__u32)row, .chunk = chunk };
	const struct policy_bits *from = NULL;

	if (row)
		from = bpf_map_lookup_elem(&policy_bits, &key);
	if (from)
		__builtin_memcpy(to, from, sizeof(*to));
	else
		__builtin_memset(to, 0, sizeof(*to));
}

static __noinline void row_merge(struct policy_bits *to, __u64 row, __u32 chunk)
{
	struct policy_bits_key key = { .row = (__u32)row, .chunk = chunk };
	const struct policy_bits *from = NULL;
	__u32 i;

	if (row)
		from = bpf_map_lookup_elem(&policy_bits, &key);
	if (!from)
		return;
	for (i = 0; i < POLICY_CHUNK_WORDS; i++)
		to->words[i] |= from->words[i];
}

/* Callback for each word of the chunk that was gathered; 1 ends the walk. */
static long word_judge(__u32 word, void *ctx)
{
	struct policy_scratch *scratch;
	const struct ruleset *rules;
	__u32 zero = 0, i = word & (POLICY_CHUNK_WORDS - 1);

	scratch = bpf_map_lookup_elem(&policy_scratch, &zero);
	if (!scratch)
		return 1;
	rules = bpf_map_lookup_elem(&ruleset, &scratch->set);
	if (!rules)
		return 1;
	scratch->verdict = verdict_word(&scratch->state, rules, (*(const __u32 *)ctx + word) * 64,
					scratch->peers.words[i] & scratch->ports.words[i],
					scratch->allow.words[i], scratch->pass.words[i]);
	return scratch->verdict != VERDICT_NEXT;
}

/* Callback for each chunk; 1 ends the walk. */
static long chunk_judge(__u32 chunk, void *ctx)
{
	struct policy_scratch *scratch;
	const struct ruleset *rules;
	__u32 zero = 0, first = chunk * POLICY_CHUNK_WORDS, words;

	scratch = bpf_map_lookup_elem(&policy_scratch, &zero);
	if (!scratch)
		return 1;
	rules = bpf_map_lookup_elem(&ruleset, &scratch->set);
	if (!rules || rules->words <= first)
		return 1;

	row_load(&scratch->peers, rules->any_peer, chunk);
	row_merge(&scratch->peers, scratch->rows.class, chunk);
	row_merge(&scratch->peers, scratch->rows.cidr, chunk);
	row_load(&scratch->ports, scratch->rows.ports, chunk);
	row_load(&scratch->allow, rules->allow, chunk);
	row_load(&scratch->pass, rules->pass, chunk);
	words = rules->words - first;
	if (words > POLICY_CHUNK_WORDS)
		words = POLICY_CHUNK_WORDS;
	bpf_loop(words, word_judge, &first, 0);
	return scratch->verdict != VERDICT_NEXT;
}

/*
 * The verdict of a wide rule set from the rows that the look-ups found. VERDICT_NEXT:
 * the rule set is broken.
 */
int policy_wide(__u32 set, __u64 class_row, __u64 cidr_row, __u64 port_row);

SUBPROGRAM int policy_wide(__u32 set, __u64 class_row, __u64 cidr_row, __u64 port_row)
{
	struct policy_scratch *scratch;
	__u32 zero = 0;

	scratch = bpf_map_lookup_elem(&policy_scratch, &zero);
	if (!scratch)
		return VERDICT_NEXT;
	scratch->rows.class = class_row;
	scratch->rows.cidr = cidr_row;
	scratch->rows.ports = port_row;
	scratch->set = set;
	scratch->verdict = VERDICT_NEXT;
	__builtin_memset(&scratch->state, 0, sizeof(scratch->state));
	bpf_loop(POLICY_CHUNKS_MAX, chunk_judge, &zero, 0);
	return scratch->verdict;
}
