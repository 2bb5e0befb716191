// SPDX-License-Identifier: Apache-2.0
#include "control/view.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "control/view_parts.h"

static const char *const dir_names[POLICY_DIR_MAX] = {
	[POLICY_INGRESS] = "ingress",
	[POLICY_EGRESS] = "egress",
};

static const char *const tier_names[TIER_MAX] = {
	[TIER_ADMIN] = "Admin",
	[TIER_NETWORK_POLICY] = "NetworkPolicy",
	[TIER_BASELINE] = "Baseline",
};

static const char *const action_names[] = { "allow", "deny", "pass" };

static int compare_binding(const void *key, const void *element)
{
	uint32_t a = *(const uint32_t *)key, b = ((const struct image_binding *)element)->ifindex;

	return (a > b) - (a < b);
}

static int compare_ruleset(const void *key, const void *element)
{
	uint32_t a = *(const uint32_t *)key, b = ((const struct image_ruleset *)element)->id;

	return (a > b) - (a < b);
}

const struct image_binding *view_find_binding(const struct image *image, uint32_t ifindex)
{
	if (!image || !image->binding_count)
		return NULL;
	return bsearch(&ifindex, image->bindings, image->binding_count, sizeof(*image->bindings),
		       compare_binding);
}

const struct image_ruleset *view_find_ruleset(const struct image *image, uint32_t ifindex,
					      enum policy_dir dir)
{
	const struct image_binding *binding = view_find_binding(image, ifindex);

	if (!binding || !binding->ruleset[dir] || !image->ruleset_count)
		return NULL;
	return bsearch(&binding->ruleset[dir], image->rulesets, image->ruleset_count,
		       sizeof(*image->rulesets), compare_ruleset);
}

/* Null where there is none. */
static json_t *view_priority(enum policy_tier tier, uint32_t priority)
{
	if (tier == TIER_NETWORK_POLICY || priority == POLICY_PRIORITY_LAST)
		return json_null();
	return json_integer(priority);
}

static json_t *view_selecting(const struct image_explanation *explanation)
{
	cleanup(json_decrefp) json_t *policies = json_array();

	for (size_t i = 0; i < explanation->policy_count; i++) {
		const struct image_policy *policy = &explanation->policies[i];
		json_t *value = json_pack("{s:s,s:s,s:o,s:s}", "policy", policy->name, "tier",
					  tier_names[policy->tier], "priority",
					  view_priority(policy->tier, policy->priority), "why",
					  policy->why);

		if (json_array_append_new(policies, value) < 0)
			return NULL;
	}
	return take_ptr(&policies);
}

static json_t *view_rules(const struct image_explanation *explanation)
{
	cleanup(json_decrefp) json_t *rules = json_array();

	for (size_t i = 0; i < explanation->rule_count; i++) {
		const struct image_rule *rule = &explanation->rules[i];
		const struct image_policy *policy = &explanation->policies[rule->policy];
		json_t *value = json_pack("{s:s,s:o,s:s,s:s,s:I,s:s,s:s}", "tier",
					  tier_names[policy->tier], "priority",
					  view_priority(policy->tier, policy->priority), "action",
					  action_names[rule->action], "policy", policy->name,
					  "rule", (json_int_t)rule->index, "name",
					  rule->name ?: "", "text", rule->text);

		if (json_array_append_new(rules, value) < 0)
			return NULL;
	}
	return take_ptr(&rules);
}

json_t *view_ruleset(const struct image_ruleset *ruleset)
{
	if (!ruleset)
		return json_null();
	return json_pack("{s:I,s:b,s:o,s:o}", "id", (json_int_t)ruleset->id, "isolated",
			 !!(ruleset->header.flags & RULESET_ISOLATED), "policies",
			 view_selecting(ruleset->explanation), "rules",
			 view_rules(ruleset->explanation));
}

json_t *view_pod_policies(const struct pod_endpoint *ep, const struct image *image)
{
	return json_pack("{s:s,s:s,s:o,s:o}", "namespace", ep->namespace, "pod", ep->pod, "ingress",
			 view_ruleset(view_find_ruleset(image, ep->ifindex, POLICY_INGRESS)),
			 "egress",
			 view_ruleset(view_find_ruleset(image, ep->ifindex, POLICY_EGRESS)));
}

/* @selected: an object a policy, whose keys are the endpoints. */
static int select_endpoint(json_t *selected, const char *policy, const char *endpoint)
{
	json_t *endpoints = json_object_get(selected, policy);

	if (!endpoints) {
		endpoints = json_object();
		if (json_object_set_new(selected, policy, endpoints) < 0)
			return -ENOMEM;
	}
	return json_object_set_new(endpoints, endpoint, json_true()) < 0 ? -ENOMEM : 0;
}

static int select_policies(json_t *selected, const struct pod_endpoint *ep,
			   const struct image *image)
{
	const struct image_ruleset *ruleset;
	cleanup(freep) char *name = NULL;
	int r = 0;

	if (asprintf(&name, "%s/%s", ep->namespace, ep->pod) < 0) {
		name = NULL;
		return -ENOMEM;
	}
	for (enum policy_dir dir = 0; dir < POLICY_DIR_MAX; dir++) {
		ruleset = view_find_ruleset(image, ep->ifindex, dir);
		for (size_t i = 0; ruleset && i < ruleset->explanation->policy_count && r >= 0; i++)
			r = select_endpoint(selected, ruleset->explanation->policies[i].name, name);
	}
	return r;
}

static json_t *selected_by_policy(const struct endpoint_table *table, const struct image *image)
{
	cleanup(json_decrefp) json_t *selected = json_object();
	const struct pod_endpoint *ep;

	if (!selected)
		return NULL;
	for (uint32_t pos = 0; (ep = endpoints_next(table, &pos));)
		if (select_policies(selected, ep, image) < 0)
			return NULL;
	return take_ptr(&selected);
}

static json_t *view_directions(const struct network_policy *policy)
{
	cleanup(json_decrefp) json_t *directions = json_array();

	for (enum policy_dir dir = 0; dir < POLICY_DIR_MAX; dir++)
		if (policy_applies(policy, dir) &&
		    json_array_append_new(directions, json_string(dir_names[dir])) < 0)
			return NULL;
	return take_ptr(&directions);
}

/* The keys of @endpoints, which may be NULL. */
static json_t *view_names(json_t *endpoints)
{
	cleanup(json_decrefp) json_t *names = json_array();
	const char *name;
	json_t *value;

	json_object_foreach(endpoints, name, value)
		if (json_array_append_new(names, json_string(name)) < 0)
			return NULL;
	return take_ptr(&names);
}

struct policy_list {
	json_t *policies;
	const json_t *selected;
};

static int add_policy(const struct object *obj, void *arg)
{
	struct policy_list *list = arg;
	cleanup(freep) char *label = NULL;
	json_t *value;

	if (asprintf(&label, "%s %s%s%s", object_kind_name(obj->kind), obj->namespace,
		     *obj->namespace ? "/" : "", obj->name) < 0) {
		label = NULL;
		return -ENOMEM;
	}
	value = json_pack("{s:s,s:s,s:s,s:s,s:o,s:o,s:o}", "kind", object_kind_name(obj->kind),
			  "namespace", obj->namespace, "name", obj->name, "tier",
			  tier_names[obj->policy.tier], "priority",
			  view_priority(obj->policy.tier, obj->policy.priority), "directions",
			  view_directions(&obj->policy), "endpoints",
			  view_names(json_object_get(list->selected, label)));
	return json_array_append_new(list->policies, value) < 0 ? -ENOMEM : 0;
}

json_t *view_policies(const struct store *store, const struct endpoint_table *table,
		      const struct image *image)
{
	cleanup(json_decrefp) json_t *selected = selected_by_policy(table, image);
	cleanup(json_decrefp) json_t *policies = json_array();
	static const enum object_kind kinds[] = {
		OBJECT_CLUSTER_NETWORK_POLICY,
		OBJECT_ADMIN_NETWORK_POLICY,
		OBJECT_NETWORK_POLICY,
		OBJECT_BASELINE_ADMIN_NETWORK_POLICY,
	};
	struct policy_list list = { .policies = policies, .selected = selected };

	if (!selected || !policies)
		return NULL;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (store_each(store, kinds[i], add_policy, &list) < 0)
			return NULL;
	return json_pack("{s:o}", "policies", take_ptr(&policies));
}

json_t *view_identities(const struct image *image)
{
	cleanup(json_decrefp) json_t *identities = json_array();
	const struct image_class *class;

	for (size_t i = 0; image && i < image->class_count; i++) {
		class = &image->classes[i];
		if (json_array_append_new(identities,
					  json_pack("{s:I,s:I,s:s}", "class", (json_int_t)class->id,
						    "members", (json_int_t)class->members, "text",
						    class->text)) < 0)
			return NULL;
	}
	return json_pack("{s:o}", "identities", take_ptr(&identities));
}
