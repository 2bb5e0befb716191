// SPDX-License-Identifier: Apache-2.0
/*
 * Rule sets for people: which policies select the pod and why, and all their
 * rules in the order of evaluation, each as it was written.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/image_groups.h"

#define PROTOCOLS 3 /* that ports have */

void image_policy_done(struct image_policy *policy)
{
	free(policy->name);
	free(policy->why);
}

void image_rule_done(struct image_rule *rule)
{
	free(rule->name);
	free(rule->text);
}

/* "selects pods app=web in namespace shop" */
static void put_why(struct buf *buf, const struct object *obj)
{
	buf_str(buf, "selects pods ");
	selector_text(buf, &obj->policy.pods);
	if (obj->policy.tier == TIER_NETWORK_POLICY) {
		buf_printf(buf, " in namespace %s", obj->namespace);
		return;
	}
	buf_str(buf, " in namespaces ");
	selector_text(buf, &obj->policy.namespaces);
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
				   proto_name(ports[i].proto));
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
		buf_printf(buf, "%s%s", i ? "," : "/", proto_name(ports[i].proto));
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
			const struct rule_groups *groups, const struct policy_rule *rule)
{
	struct buf *buf = &build->scratch;

	buf_reset(buf);
	if (rule->matches_nothing) {
		buf_str(buf, "nothing: the rule could not be read");
	} else {
		buf_str(buf, groups->dir == POLICY_INGRESS ? "from " : "to ");
		put_peers(buf, build, rule);
		buf_str(buf, "; ");
		put_ports(buf, build, groups, rule);
	}
	ret->action = rule->action;
	ret->text = buf_take(buf);
	if (rule->name)
		ret->name = strdup(rule->name);
	return ret->text && (ret->name || !rule->name) ? 0 : -ENOMEM;
}

static int explain_policy(struct image_ruleset *set, struct image_build *build,
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
		if (explain_rule(rule, build, groups, &policy->rules[groups->dir][i]) < 0)
			return -ENOMEM;
	}
	return 0;
}

int ruleset_explain(struct image_ruleset *set, struct image_build *build,
		    const struct rule_groups *groups)
{
	int r = 0;

	for (size_t i = 0; i < groups->policies.count && r >= 0; i++)
		r = explain_policy(set, build, groups, groups->policies.items[i]);
	return r;
}
