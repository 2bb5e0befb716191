/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kinds of the Admin and Baseline tiers call the same things. Private to
 * decode_tier*.c.
 */
#pragma once

#include "source/decode_parts.h"

struct tier_dialect {
	const char *const *actions; /* in the order of enum policy_action, NULL at the end */
	const char *const *rule_fields[POLICY_DIR_MAX];
	const char *ports; /* name of the list of ports */
	size_t list_max; /* rules a direction; peers and ports a rule */
	bool namespaces_required; /* namespaceSelector beside podSelector */
	bool no_ports_is_any; /* an empty list of ports, which the other dialect refuses */
	/* One element of the list of ports; adds what it means to @ret. 0, -ENOMEM, -EINVAL. */
	int (*decode_port)(struct policy_rule *ret, const struct field *field);
};

/* Ports that one element may stand for: a name, with each protocol. */
#define TIER_PORTS_MAX 3

int decode_tier_protocol(struct policy_rule *ret, const struct field *field); /* v1alpha2 */
int decode_tier_port(struct policy_rule *ret, const struct field *field); /* v1alpha1 */

/*
 * One rule; 0 or -ENOMEM. A rule that cannot be read as it stands is replaced:
 * who allows matches nothing then, any other denies everything.
 */
int decode_tier_rule(struct policy_rule *ret, const struct field *field, enum policy_dir dir,
		     const struct tier_dialect *dialect);

/* `namespaces` or `pods`, as subject and as peer. */
int decode_tier_pods(struct selector *namespaces, struct selector *pods, const struct field *field,
		     const struct tier_dialect *dialect);

/* Exactly one of the fields, all of @known; @ret is which. */
int decode_one_of(unsigned int *ret, const struct field *field, const char *const *known);

/* Warns about what an API server would refuse although its meaning is clear. */
void warn_of_length(const struct field *list, size_t max);
