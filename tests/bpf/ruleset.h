/* SPDX-License-Identifier: Apache-2.0 */
/* Rule sets from a list of rules, compiled naively: every prefix looks at every rule. */
#pragma once

#include "fixture.h"

enum rule_action {
	ALLOW,
	DENY,
	PASS,
};

struct rule {
	uint32_t group; /* number of its rule group */
	enum rule_action action;
	/* The peer: of @class, or of a CIDR, or (neither) anybody. */
	enum who class;
	const char *cidr4, *cidr6; /* "10.0.0.0/8" */
	const char *except4, *except6;
	uint8_t proto; /* 0: any, with any port */
	uint16_t port; /* 0: any */
	uint8_t port_bits; /* prefix length of @port; 0: 16 */
};

#define RULES_MAX 8

struct rules {
	uint32_t flags; /* RULESET_ISOLATED or 0; the others are found out */
	uint32_t tier_end[TIER_MAX];
	struct rule rules[RULES_MAX];
	uint32_t count;
};

/* The set needs more than 64 groups when the last tier ends beyond. */
void ruleset_write(uint32_t set, const struct rules *rules);
