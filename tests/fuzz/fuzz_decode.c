// SPDX-License-Identifier: Apache-2.0
/*
 * Any text through the decoder. Beyond memory errors, the promises that others
 * build on are checked: objects are complete and their lists are in order, a
 * problem is valid text, and no rule became "any" by losing what it listed.
 */
#include <netinet/in.h>
#include <string.h>

#include "fuzz.h"
#include "source/decode.h"
#include "source/fingerprint.h"
#include "source/names.h"

static void check_labels(const struct labels *labels)
{
	for (size_t i = 0; i < labels->count; i++) {
		PROMISE(name_is_label_key(labels->items[i].key));
		PROMISE(name_is_label_value(labels->items[i].value));
		PROMISE(!i || strcmp(labels->items[i - 1].key, labels->items[i].key) < 0);
	}
}

static void check_requirement(const struct requirement *req)
{
	bool has_values = req->op == SELECTOR_IN || req->op == SELECTOR_NOT_IN;

	PROMISE(name_is_label_key(req->key));
	PROMISE(has_values == !!req->value_count);
	for (size_t i = 1; i < req->value_count; i++)
		PROMISE(strcmp(req->values[i - 1], req->values[i]) < 0);
}

static void check_selector(const struct selector *selector)
{
	char *text = selector_text(selector);

	PROMISE(text);
	free(text);
	for (size_t i = 0; i < selector->count; i++)
		check_requirement(&selector->items[i]);
}

static void check_peer(const struct policy_peer *peer)
{
	PROMISE(!peer->is_cidr || !peer->is_nodes);
	if (peer->is_nodes) {
		check_selector(&peer->nodes);
		return;
	}
	if (!peer->is_cidr) {
		check_selector(&peer->namespaces);
		check_selector(&peer->pods);
		PROMISE(!peer->own_namespace || !peer->namespaces.count);
		return;
	}
	PROMISE(peer->cidr.bits <= prefix_width(&peer->cidr));
	for (size_t i = 0; i < peer->except_count; i++) {
		PROMISE(prefix_covers(&peer->cidr, &peer->except[i]));
		PROMISE(peer->except[i].bits > peer->cidr.bits);
	}
}

static void check_port(const struct policy_port *port)
{
	bool all = !port->first && port->last == UINT16_MAX;

	PROMISE(port->proto == IPPROTO_TCP || port->proto == IPPROTO_UDP ||
		port->proto == IPPROTO_SCTP);
	if (port->name)
		PROMISE(name_is_port(port->name));
	else
		PROMISE(all || (port->first && port->first <= port->last));
}

static void check_rule(const struct policy_rule *rule)
{
	for (size_t i = 0; i < rule->peer_count; i++)
		check_peer(&rule->peers[i]);
	for (size_t i = 0; i < rule->port_count; i++)
		check_port(&rule->ports[i]);
	/* A list was allocated, so something was listed. */
	PROMISE(!rule->peers || rule->peer_count || rule->matches_nothing);
	PROMISE(!rule->ports || rule->port_count || rule->matches_nothing);
}

static void check_policy(const struct network_policy *policy)
{
	check_selector(&policy->pods);
	PROMISE(policy->isolates[POLICY_INGRESS] || policy->isolates[POLICY_EGRESS]);
	for (int dir = 0; dir < POLICY_DIR_MAX; dir++) {
		for (size_t i = 0; i < policy->rule_count[dir]; i++)
			check_rule(&policy->rules[dir][i]);
	}
}

/* Who cannot be read in full only denies, and never under a condition that was lost. */
static void check_ordered_policy(const struct network_policy *policy)
{
	PROMISE(policy->tier == TIER_ADMIN || policy->tier == TIER_BASELINE);
	PROMISE(policy->priority <= POLICY_PRIORITY_LAST);
	check_selector(&policy->namespaces);
	check_selector(&policy->pods);
	for (int dir = 0; dir < POLICY_DIR_MAX; dir++) {
		PROMISE(!policy->isolates[dir]);
		for (size_t i = 0; i < policy->rule_count[dir]; i++) {
			const struct policy_rule *rule = &policy->rules[dir][i];

			check_rule(rule);
			PROMISE(rule->peer_count || rule->matches_nothing ||
				rule->action == ACTION_DENY);
		}
	}
}

static void check_pod(const struct pod *pod)
{
	PROMISE(pod->node && pod->uid);
	check_labels(&pod->labels);
	for (size_t i = 0; i < pod->port_count; i++) {
		PROMISE(name_is_port(pod->ports[i].name));
		PROMISE(pod->ports[i].port);
	}
}

static void take_object(void *arg, struct object *obj)
{
	PROMISE(obj->name && *obj->name && obj->namespace);
	switch (obj->kind) {
	case OBJECT_POD:
		check_pod(&obj->pod);
		break;
	case OBJECT_NAMESPACE:
		check_labels(&obj->ns.labels);
		PROMISE(!strcmp(labels_get(&obj->ns.labels, "kubernetes.io/metadata.name") ?: "",
				obj->name));
		break;
	case OBJECT_NODE:
		check_labels(&obj->node.labels);
		break;
	case OBJECT_NETWORK_POLICY:
		check_policy(&obj->policy);
		break;
	case OBJECT_CLUSTER_NETWORK_POLICY:
	case OBJECT_ADMIN_NETWORK_POLICY:
	case OBJECT_BASELINE_ADMIN_NETWORK_POLICY:
		check_ordered_policy(&obj->policy);
		break;
	default:
		PROMISE(obj->kind < OBJECT_KIND_MAX);
	}
	object_free(obj);
}

static void check_text(const char *text)
{
	json_t *value = json_string(text);

	PROMISE(value); /* UTF-8 */
	json_decref(value);
}

static void take_problem(void *arg, const struct decode_problem *problem)
{
	check_text(problem->object);
	check_text(problem->field);
	check_text(problem->text);
	PROMISE(*problem->text);
}

static void compare_object(void *arg, struct object *obj)
{
	uint64_t *expected = arg;

	PROMISE(fingerprint_object(obj) == *expected);
	*expected = 0;
	object_free(obj);
}

/* It makes the same object once more, alone. */
static void take_source(void *arg, const struct object *obj, const json_t *value)
{
	uint64_t expected = fingerprint_object(obj);
	const struct decode_sink sink = { &expected, compare_object, take_problem };

	PROMISE(expected);
	PROMISE(decode_json(&sink, value, 1, 1) == 0);
	PROMISE(!expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct decode_sink sink = { NULL, take_object, take_problem, take_source };

	PROMISE(decode_text(&sink, (const char *)data, size) == 0);
	return 0;
}
