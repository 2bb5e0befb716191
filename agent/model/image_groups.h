/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rule groups of one direction of a pod, and what becomes of them: a rule set
 * with its tables. Private to image*.c.
 */
#pragma once

#include "model/image_private.h"

/* Destination ports of a rule group; normalised: sorted, ranges do not touch. */
struct port_range {
	uint8_t proto;
	uint16_t first; /* 0: every port, also none */
	uint16_t last;
};

struct port_set {
	bool any; /* any protocol */
	struct port_range *items;
	size_t count;
};

int port_set_add(struct port_set *set, uint8_t proto, uint16_t first, uint16_t last);
void port_set_normalise(struct port_set *set);
/* "80/tcp", "1-9/udp", @first 0: "all sctp". */
void port_range_text(struct buf *buf, uint8_t proto, uint16_t first, uint16_t last);
void port_set_text(struct buf *buf, const struct port_set *set);
void port_set_done(struct port_set *set);

/* An ipBlock. */
struct cidr_element {
	struct prefix cidr;
	const struct prefix *except; /* sorted, unique, within cidr */
	size_t except_count;
	const char *text;
};

/* 1, 0: @except leaves nothing of @cidr, or -ENOMEM. */
int cidr_element_make(struct cidr_element *ret, struct image_build *build,
		      const struct prefix *cidr, const struct prefix *except, size_t except_count);
/* The addresses of the nodes that @selector selects, as elements. 0 or -ENOMEM. */
int nodes_select(const struct cidr_element **ret, size_t *ret_count, struct image_build *build,
		 const struct selector *selector);
bool cidr_matches(const struct prefix *cidr, const struct prefix *except, size_t except_count,
		  const struct ip_addr *addr);

struct rule_group {
	enum policy_tier tier;
	/*
	 * Rules that follow each other and have one action are a run: which of them
	 * matches first is the same. Runs are numbered in the order of evaluation.
	 */
	uint32_t run;
	enum policy_action action;
	struct port_set ports;
	const char *ports_text;
	bool any_peer;
	struct id_list terms; /* by text, each once */
	struct cidr_element *cidrs; /* by text, each once */
	size_t cidr_count;
};

struct rule_groups {
	enum policy_dir dir;
	bool isolated;
	const struct image_shape *shape; /* the subject */
	struct id_list policies; /* that select the pod, in the order of evaluation */
	struct intern keys;
	struct rule_group *items; /* in the order of evaluation once built */
	size_t count;
};

/* What @policies, which select @groups->shape, say in direction @groups->dir. */
int groups_build(struct rule_groups *groups, struct image_build *build,
		 const struct id_list *policies);
/* Bring groups and their peers into normal form and order. */
void groups_order(struct rule_groups *groups, struct image_build *build);
/* Canonical source form, policies included: people ask where a rule comes from. */
void groups_identity(struct buf *buf, const struct rule_groups *groups,
		     const struct image_build *build);
void policy_text(struct buf *buf, const struct image_build *build, uint32_t policy);
void groups_done(struct rule_groups *groups);

/* The distinct bit sets of one rule set; number 0 is the empty one. */
struct bit_pool {
	struct arena *arena;
	struct intern sets;
	size_t words;
};

int bit_pool_init(struct bit_pool *pool, struct arena *arena, size_t groups);
int bit_pool_add(uint32_t *ret, struct bit_pool *pool, const uint64_t *words);
const uint64_t *bit_pool_words(const struct bit_pool *pool, uint32_t set);
void bit_pool_done(struct bit_pool *pool);

/* Group @group covers @prefix, except some within it. */
struct cover_element {
	struct prefix prefix;
	const struct prefix *except;
	size_t except_count;
	uint32_t group;
};

struct cover_value {
	struct prefix prefix;
	uint32_t set; /* of the pool */
};

/*
 * Values for a longest-prefix match: the answer for an address is the set of
 * groups of which an element covers it. By family (IPv4 first) and prefix; where
 * nothing changes there is no entry.
 */
int cover_compute(struct cover_value **ret, size_t *ret_count, struct bit_pool *pool,
		  const struct cover_element *elements, size_t count, size_t groups);

/* The ports of all groups, as prefixes of { protocol, 0, port } in the first bytes. */
int ports_elements(struct cover_element **ret, size_t *ret_count,
		   const struct rule_groups *groups);
struct policy_port_key ports_key(const struct prefix *prefix, uint32_t set);

/* The texts of the set, for people. 0 or -ENOMEM. */
int ruleset_explain(struct image_ruleset *set, struct image_build *build,
		    const struct rule_groups *groups);
/* One image less has it. */
void explanation_leave(struct image_explanation *explanation);

/* A rule set in the making; bits stand for sets of the pool until all are known. */
struct ruleset_draft {
	struct image_build *build;
	const struct rule_groups *groups;
	struct image_ruleset *set;
	struct bit_pool pool;
	uint64_t *words; /* scratch, pool.words */
};

void draft_clear(struct ruleset_draft *draft);
void draft_set(struct ruleset_draft *draft, size_t group);
/* The tables of the set. 0 or -ENOMEM. */
int draft_classes(struct ruleset_draft *draft);
int draft_ports(struct ruleset_draft *draft);
int draft_cidrs(struct ruleset_draft *draft);
/* Turn numbers of the pool into bits or rows; @kept, or NULL: the same set before. */
int draft_resolve(struct ruleset_draft *draft, const struct image_ruleset *kept);

/* Append the rule set to the image unless it is there; *@ret is its id. 0, -ENOMEM or -ENOSPC. */
int ruleset_compile(uint32_t *ret, struct image_build *build, const struct rule_groups *groups);
