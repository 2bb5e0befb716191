// SPDX-License-Identifier: Apache-2.0
/*
 * Rule sets for people: which policies select the pod and why, and all their
 * rules in the order of evaluation, each as it was written. That is a lot of text,
 * and seldom read: it is made once for as long as it stays the same.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/image_groups.h"

#define PROTOCOLS 3 /* that ports have */

void explanation_leave(struct image_explanation *explanation)
{
	if (!explanation || --explanation->images)
		return;
	for (size_t i = 0; i < explanation->policy_count; i++) {
		free(explanation->policies[i].name);
		free(explanation->policies[i].why);
	}
	for (size_t i = 0; i < explanation->rule_count; i++) {
		free(explanation->rules[i].name);
		free(explanation->rules[i].text);
	}
	free(explanation->policies);
	free(explanation->rules);
	free(explanation->source);
	free(explanation);
}

static void explanation_leavep(struct image_explanation **explanation)
{
	explanation_leave(*explanation);
}

/* "selects pods app=web in namespace shop" */
static void put_why(struct buf *buf, const struct object *obj)
{
	buf_str(buf, "selects pods ");
	selector_text(buf, &obj->policy.pods);
	if (obj->policy.tier == TIER_NETWORK_POLICY) {
		buf_str(buf, " in namespace ");
		buf_str(buf, obj->namespace);
	} else {
		buf_str(buf, " in namespaces ");
		selector_text(buf, &obj->policy.namespaces);
	}
	if (obj->policy.closed)
		buf_str(buf, "; allows nothing, because not all of it could be read");
}

static void put_block(struct buf *buf, const struct policy_peer *peer)
{
	char text[PREFIX_TEXT_MAX];

	buf_str(buf, prefix_text(text, &peer->cidr));
	for (size_t i = 0; i < peer->except_count; i++) {
		buf_str(buf, i ? " and " : " except ");
		buf_str(buf, prefix_text(text, &peer->except[i]));
	}
}

static void put_peers(struct buf *buf, const struct image_build *build,
		      const struct policy_rule *rule)
{
	if (!rule->peer_count)
		buf_str(buf, "anywhere");
	for (size_t i = 0; i < rule->peer_count; i++) {
		const struct policy_peer *peer = &rule->peers[i];

		if (i)
			buf_str(buf, ", ");
		if (peer->is_cidr) {
			put_block(buf, peer);
		} else if (peer->is_nodes) {
			buf_str(buf, "nodes ");
			selector_text(buf, &peer->nodes);
		} else {
			uint32_t term = terms_of_peer(&build->terms, peer);

			buf_str(buf, build->terms.items[term].text);
		}
	}
}

/* How many ports from @first on have the same name: one for each protocol it goes with. */
static size_t same_name(const struct policy_rule *rule, size_t first)
{
	size_t end = first + 1;

	while (end < rule->port_count && rule->ports[end].name &&
	       !strcmp(rule->ports[end].name, rule->ports[first].name))
		end++;
	return end - first;
}

/* What the subject means by the name, after '='. */
static void put_meaning(struct buf *buf, struct image_build *build,
			const struct image_shape *shape, const struct policy_port *ports,
			size_t count)
{
	const char *before = "=";

	for (size_t i = 0; i < count; i++) {
		uint32_t name = terms_port_name(&build->terms, &build->key, ports[i].proto,
						ports[i].name);

		for (size_t k = 0; k < shape->port_count; k++) {
			if (shape->ports[k].name != name)
				continue;
			buf_printf(buf, "%s%u/%s", before, shape->ports[k].port,
				   ip_proto_name(ports[i].proto));
			before = ",";
		}
	}
	if (*before == '=')
		buf_str(buf, "=none");
}

static void put_named(struct buf *buf, struct image_build *build,
		      const struct rule_groups *groups, const struct policy_port *ports,
		      size_t count)
{
	buf_str(buf, ports[0].name);
	if (groups->dir == POLICY_INGRESS) {
		put_meaning(buf, build, groups->shape, ports, count);
		return;
	}
	for (size_t i = 0; i < count && count < PROTOCOLS; i++)
		buf_printf(buf, "%s%s", i ? "," : "/", ip_proto_name(ports[i].proto));
}

static void put_ports(struct buf *buf, struct image_build *build,
		      const struct rule_groups *groups, const struct policy_rule *rule)
{
	size_t count;

	if (!rule->port_count)
		buf_str(buf, "all ports and protocols");
	for (size_t i = 0; i < rule->port_count; i += count) {
		buf_str(buf, i ? ", " : "ports ");
		count = 1;
		if (!rule->ports[i].name) {
			port_range_text(buf, rule->ports[i].proto, rule->ports[i].first,
					rule->ports[i].last);
			continue;
		}
		count = same_name(rule, i);
		put_named(buf, build, groups, &rule->ports[i], count);
	}
}

static int explain_rule(struct image_rule *ret, struct image_build *build,
			const struct rule_groups *groups, const struct policy_rule *rule,
			bool policy_closed)
{
	struct buf *buf = &build->scratch;

	buf_reset(buf);
	if (rule->matches_nothing) {
		buf_printf(buf, "nothing: the %s could not be read",
			   policy_closed && !rule->closed ? "policy" : "rule");
	} else {
		buf_str(buf, groups->dir == POLICY_INGRESS ? "from " : "to ");
		put_peers(buf, build, rule);
		buf_str(buf, "; ");
		put_ports(buf, build, groups, rule);
		if (rule->closed)
			buf_str(buf, "; the rule could not be read");
	}
	ret->action = rule->action;
	ret->text = buf_take(buf);
	if (rule->name)
		ret->name = strdup(rule->name);
	return ret->text && (ret->name || !rule->name) ? 0 : -ENOMEM;
}

static int explain_policy(struct image_explanation *set, struct image_build *build,
			  const struct rule_groups *groups, uint32_t index)
{
	const struct object *obj = build->policies[index];
	const struct network_policy *policy = &obj->policy;
	struct image_policy *item = array_add(set->policies, set->policy_count);

	if (!item)
		return -ENOMEM;
	item->tier = policy->tier;
	item->priority = policy->priority;
	buf_reset(&build->scratch);
	policy_text(&build->scratch, build, index);
	item->name = buf_take(&build->scratch);
	put_why(&build->scratch, obj);
	item->why = buf_take(&build->scratch);
	if (!item->name || !item->why)
		return -ENOMEM;
	for (size_t i = 0; i < policy->rule_count[groups->dir]; i++) {
		struct image_rule *rule = array_add(set->rules, set->rule_count);

		if (!rule)
			return -ENOMEM;
		rule->policy = (uint32_t)set->policy_count - 1;
		rule->index = (uint32_t)i;
		if (explain_rule(rule, build, groups, &policy->rules[groups->dir][i],
				 policy->closed) < 0)
			return -ENOMEM;
	}
	return 0;
}

/*
 * What decides about the texts, to build->key: the policies as they are now, and what
 * the subject means by the port names of ingress rules.
 */
static void explanation_source(struct image_build *build, const struct rule_groups *groups)
{
	const struct image_shape *shape = groups->shape;
	struct buf *buf = &build->key;

	buf_reset(buf);
	buf_put(buf, &groups->dir, sizeof(groups->dir));
	buf_put(buf, &groups->policies.count, sizeof(groups->policies.count));
	for (size_t i = 0; i < groups->policies.count; i++)
		buf_put(buf, &build->policies[groups->policies.items[i]]->stamp, sizeof(uint64_t));
	for (size_t i = 0; i < shape->port_count && groups->dir == POLICY_INGRESS; i++) {
		const struct intern_key *name = &build->terms.port_names.keys[shape->ports[i].name];

		buf_put(buf, &name->size, sizeof(name->size));
		buf_put(buf, name->data, name->size);
		buf_put(buf, &shape->ports[i].port, sizeof(shape->ports[i].port));
	}
}

/* The previous image's with this source, or NULL. */
static struct image_explanation *find_explanation(const struct image_build *build)
{
	uint32_t index = intern_find(&build->previous_explanations, build->key.data,
				     build->key.length);

	if (index == INTERN_NONE)
		return NULL;
	return build->previous->rulesets[build->explanation_sets.items[index]].explanation;
}

static struct image_explanation *new_explanation(struct image_build *build,
						 const struct rule_groups *groups)
{
	cleanup(explanation_leavep) struct image_explanation *made = calloc(1, sizeof(*made));
	int r = 0;

	if (!made)
		return NULL;
	made->images = 1;
	made->source_size = build->key.length;
	made->source = malloc(made->source_size);
	if (!made->source)
		return NULL;
	memcpy(made->source, build->key.data, made->source_size);
	for (size_t i = 0; i < groups->policies.count && r >= 0; i++)
		r = explain_policy(made, build, groups, groups->policies.items[i]);
	return r < 0 ? NULL : take_ptr(&made);
}

int ruleset_explain(struct image_ruleset *set, struct image_build *build,
		    const struct rule_groups *groups)
{
	explanation_source(build, groups);
	if (build->key.failed)
		return -ENOMEM;
	set->explanation = find_explanation(build);
	if (set->explanation)
		set->explanation->images++;
	else
		set->explanation = new_explanation(build, groups);
	return set->explanation ? 0 : -ENOMEM;
}
