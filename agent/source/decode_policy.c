// SPDX-License-Identifier: Apache-2.0
/*
 * NetworkPolicy. It is decoded even when parts of it make no sense, because a
 * policy that is not there leaves its pods open. What cannot be read is read as
 * the narrowest meaning: all pods of the namespace, both directions, no rules.
 */
#include <errno.h>
#include <stdlib.h>

#include "source/decode_parts.h"

#define POLICY_TYPES_MAX 2

static const char *const root_fields[] = { "apiVersion", "kind", "metadata", "spec", "status",
					   NULL };
static const char *const spec_fields[] = { "egress", "ingress", "podSelector", "policyTypes",
					   NULL };

/* Indexed by enum policy_dir. */
static const char *const policy_types[] = { "Ingress", "Egress", NULL };
static const char *const rule_fields[] = { "ingress", "egress" };
static const char *const peer_fields[] = { "from", "to" };

/* Nobody knows whether the rules were written for this direction, or are dead text. */
static void silence_rules(struct network_policy *policy, enum policy_dir dir)
{
	for (size_t i = 0; i < policy->rule_count[dir]; i++)
		policy->rules[dir][i].matches_nothing = true;
}

/* Marks the directions that are listed. */
static int read_types(bool listed[static POLICY_DIR_MAX], const struct field *types)
{
	int r = field_list(types);

	if (r < 0)
		return r;
	if (field_count(types) > POLICY_TYPES_MAX)
		r = field_error(types, "must not have more than %d entries", POLICY_TYPES_MAX);
	for (size_t i = 0; i < field_count(types); i++) {
		struct field element = field_at(types, i);
		unsigned int dir = 0;

		if (field_enum(&dir, &element, policy_types) < 0)
			r = -EINVAL;
		else
			listed[dir] = true;
	}
	return r;
}

/* What policyTypes are when there are none. */
static void default_types(bool listed[static POLICY_DIR_MAX], const struct field *spec)
{
	struct field egress = field_get(spec, "egress");

	listed[POLICY_INGRESS] = true;
	/* Anything but a list is malformed: it was meant to be rules. */
	listed[POLICY_EGRESS] = field_count(&egress) ||
				(!field_is_absent(&egress) && !json_is_array(egress.value));
}

/*
 * Comes after the rules. @trusted: every field of the policy is known. Otherwise the
 * default of policyTypes does not hold: it or `egress` may have been mistyped. Rules of
 * a direction that the policy was not written for are dead text, and must not come alive
 * because nobody can tell any more.
 */
static void decode_types(struct network_policy *policy, const struct field *spec, bool trusted)
{
	struct field types = field_get(spec, "policyTypes");
	bool listed[POLICY_DIR_MAX] = {};
	bool doubtful = read_types(listed, &types) < 0;

	if (!doubtful && !field_count(&types)) {
		doubtful = !trusted;
		if (trusted)
			default_types(listed, spec);
	}
	for (int dir = 0; dir < POLICY_DIR_MAX; dir++) {
		policy->isolates[dir] = listed[dir] || doubtful;
		if (!listed[dir] && doubtful)
			silence_rules(policy, (enum policy_dir)dir);
	}
}

static int decode_rules(struct network_policy *policy, enum policy_dir dir,
			const struct field *field)
{
	int r = field_list(field);

	if (r < 0 || !field_count(field))
		return r;
	policy->rules[dir] = calloc(field_count(field), sizeof(*policy->rules[dir]));
	if (!policy->rules[dir])
		return -ENOMEM;
	for (size_t i = 0; i < field_count(field); i++) {
		struct field element = field_at(field, i);
		struct policy_rule *rule = &policy->rules[dir][policy->rule_count[dir]++];

		r = decode_rule(rule, &element, peer_fields[dir]);
		if (r == -ENOMEM)
			return r;
		if (r == -EINVAL)
			policy->rule_count[dir]--;
	}
	return 0;
}

static int decode_all_rules(struct network_policy *policy, const struct field *spec)
{
	int r;

	for (int dir = 0; dir < POLICY_DIR_MAX; dir++) {
		struct field rules = field_get(spec, rule_fields[dir]);

		r = decode_rules(policy, (enum policy_dir)dir, &rules);
		if (r == -ENOMEM)
			return r;
	}
	return 0;
}

/*
 * @trusted: every field of the policy is known. Otherwise an absent podSelector
 * may have been mistyped and does not stand for "all".
 */
static int decode_subject(struct network_policy *policy, const struct field *spec, bool trusted)
{
	struct field pods = field_get(spec, "podSelector");
	int r = decode_selector(&policy->pods, &pods);

	if (r == -ENOMEM)
		return r;
	if (r == -EINVAL)
		selector_done(&policy->pods);
	if (r == -EINVAL || (field_is_absent(&pods) && !trusted))
		policy_close(policy); /* the rules were written for some pods, but for which? */
	return 0;
}

void decode_policy_close(struct network_policy *policy)
{
	for (int dir = 0; dir < POLICY_DIR_MAX; dir++)
		policy->isolates[dir] = true;
	policy_close(policy);
}

int decode_policy(struct object *obj, const struct field *root)
{
	struct field spec = field_get(root, "spec");
	bool trusted = field_only(root, root_fields, !field_is_absent(&spec)) == 0;
	int r;

	obj->policy.tier = TIER_NETWORK_POLICY;
	/* Beside a spec, what is unknown cannot be a mistyped spec. */
	trusted = trusted || !field_is_absent(&spec);
	if (field_object(&spec) < 0 || field_only(&spec, spec_fields, false) < 0)
		trusted = false;
	r = decode_all_rules(&obj->policy, &spec);
	decode_types(&obj->policy, &spec, trusted);
	return r ?: decode_subject(&obj->policy, &spec, trusted);
}
