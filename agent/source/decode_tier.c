// SPDX-License-Identifier: Apache-2.0
/*
 * The kinds of the Admin and Baseline tiers: ClusterNetworkPolicy, and the two
 * that it came from. When it is in doubt where such a policy stands or for whom
 * it is, it stands first and is for all: but then it may only deny.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "source/decode_tier.h"

#define PRIORITY_MAX (POLICY_PRIORITY_LAST - 1)
#define BASELINE_NAME "default"

static const char *const tiers[] = { "Admin", "Baseline", NULL };
static const char *const root_fields[] = { "apiVersion", "kind", "metadata", "spec", "status",
					   NULL };
static const char *const cluster_fields[] = { "tier", "priority", "subject", "ingress", "egress",
					      NULL };
static const char *const admin_fields[] = { "priority", "subject", "ingress", "egress", NULL };
static const char *const baseline_fields[] = { "subject", "ingress", "egress", NULL };
static const char *const rules_names[POLICY_DIR_MAX] = { "ingress", "egress" };

static const char *const cluster_actions[] = { "Accept", "Deny", "Pass", NULL };
static const char *const admin_actions[] = { "Allow", "Deny", "Pass", NULL };
static const char *const baseline_actions[] = { "Allow", "Deny", NULL };

static const char *const cluster_ingress[] = { "action", "from", "name", "protocols", NULL };
static const char *const cluster_egress[] = { "action", "name", "protocols", "to", NULL };
static const char *const admin_ingress[] = { "action", "from", "name", "ports", NULL };
static const char *const admin_egress[] = { "action", "name", "ports", "to", NULL };

static const struct tier_dialect cluster_dialect = {
	cluster_actions, { cluster_ingress, cluster_egress }, "protocols", 25, false, false,
	decode_tier_protocol,
};
static const struct tier_dialect admin_dialect = {
	admin_actions, { admin_ingress, admin_egress }, "ports", 100, true, true, decode_tier_port,
};
static const struct tier_dialect baseline_dialect = {
	baseline_actions, { admin_ingress, admin_egress }, "ports", 100, true, true,
	decode_tier_port,
};

static int decode_rules(struct network_policy *policy, enum policy_dir dir,
			const struct field *field, const struct tier_dialect *dialect)
{
	bool is_list = !field_list(field);
	size_t count = is_list ? field_count(field) : 1;
	int r = 0;

	if (!count)
		return 0;
	policy->rules[dir] = calloc(count, sizeof(*policy->rules[dir]));
	if (!policy->rules[dir])
		return -ENOMEM;
	/* Anything but a list was meant to be rules, and there may be a deny among them. */
	policy->rule_count[dir] = count;
	if (!is_list) {
		policy->rules[dir][0].action = ACTION_DENY;
		policy_rule_close(&policy->rules[dir][0]);
		return 0;
	}
	warn_of_length(field, dialect->list_max);
	for (size_t i = 0; i < count && r >= 0; i++) {
		struct field element = field_at(field, i);

		r = decode_tier_rule(&policy->rules[dir][i], &element, dir, dialect);
	}
	return r;
}

/* -EINVAL: the policy is for all pods now. */
static int decode_subject(struct network_policy *policy, const struct field *field,
			  const struct tier_dialect *dialect)
{
	int r = field_require(field) ?:
		decode_tier_pods(&policy->namespaces, &policy->pods, field, dialect);

	if (r == -EINVAL) {
		selector_done(&policy->namespaces);
		selector_done(&policy->pods);
	}
	return r;
}

static int decode_priority(uint32_t *ret, const struct field *field)
{
	int64_t priority = 0;
	int r = field_require(field) ?: field_int(&priority, field, 0, PRIORITY_MAX);

	*ret = (uint32_t)priority;
	return r;
}

static int decode_tier_name(enum policy_tier *ret, const struct field *field)
{
	unsigned int index = 0;
	int r = field_require(field) ?: field_enum(&index, field, tiers);

	*ret = index ? TIER_BASELINE : TIER_ADMIN;
	return r;
}

/*
 * Everything but tier and priority, which are in @policy already. @sure: they are
 * what was written.
 */
static int decode_common(struct network_policy *policy, const struct field *root,
			 const struct field *spec, const char *const *fields, bool sure,
			 const struct tier_dialect *dialect)
{
	struct field subject = field_get(spec, "subject");
	int r;

	field_only(root, root_fields, true);
	if (field_only(spec, fields, false) < 0)
		sure = false;
	for (int dir = 0; dir < POLICY_DIR_MAX; dir++) {
		struct field rules = field_get(spec, rules_names[dir]);

		r = decode_rules(policy, (enum policy_dir)dir, &rules, dialect);
		if (r < 0)
			return r;
	}
	r = decode_subject(policy, &subject, dialect);
	if (r == -ENOMEM)
		return r;
	if (r < 0 || !sure)
		policy_close(policy);
	return 0;
}

/* A policy without a readable spec has no rules. */
static bool has_spec(const struct field *spec)
{
	return !field_require(spec) && !field_object(spec);
}

int decode_cluster_policy(struct object *obj, const struct field *root)
{
	struct network_policy *policy = &obj->policy;
	struct field spec = field_get(root, "spec");
	struct field tier = field_get(&spec, "tier");
	struct field priority = field_get(&spec, "priority");
	bool sure;

	policy->tier = TIER_ADMIN;
	if (!has_spec(&spec))
		return 0;
	sure = !decode_tier_name(&policy->tier, &tier);
	sure &= !decode_priority(&policy->priority, &priority);
	return decode_common(policy, root, &spec, cluster_fields, sure, &cluster_dialect);
}

int decode_admin_policy(struct object *obj, const struct field *root)
{
	struct network_policy *policy = &obj->policy;
	struct field spec = field_get(root, "spec");
	struct field priority = field_get(&spec, "priority");
	bool sure;

	policy->tier = TIER_ADMIN;
	if (!has_spec(&spec))
		return 0;
	sure = !decode_priority(&policy->priority, &priority);
	return decode_common(policy, root, &spec, admin_fields, sure, &admin_dialect);
}

int decode_baseline_policy(struct object *obj, const struct field *root)
{
	struct network_policy *policy = &obj->policy;
	struct field metadata = field_get(root, "metadata");
	struct field name = field_get(&metadata, "name");
	struct field spec = field_get(root, "spec");

	policy->tier = TIER_BASELINE;
	policy->priority = POLICY_PRIORITY_LAST;
	if (strcmp(obj->name, BASELINE_NAME))
		field_warning(&name, "the API knows only one, \"" BASELINE_NAME "\"");
	if (!has_spec(&spec))
		return 0;
	return decode_common(policy, root, &spec, baseline_fields, true, &baseline_dialect);
}
