// SPDX-License-Identifier: Apache-2.0
#include "naive.h"

#include <string.h>

/* A pod as subject or as the other side. */
struct party {
	bool is_pod; /* that selectors may match */
	const char *namespace;
	const struct pod *pod; /* NULL: without labels and ports */
};

static const char *find_label(const struct labels *labels, const char *key)
{
	for (size_t i = 0; labels && i < labels->count; i++)
		if (!strcmp(labels->items[i].key, key))
			return labels->items[i].value;
	return NULL;
}

static bool requirement_met(const struct requirement *req, const char *value)
{
	bool listed = false;

	for (size_t i = 0; value && i < req->value_count; i++)
		listed |= !strcmp(req->values[i], value);
	switch (req->op) {
	case SELECTOR_IN:
		return listed;
	case SELECTOR_NOT_IN:
		return !listed;
	case SELECTOR_EXISTS:
		return value != NULL;
	case SELECTOR_NOT_EXISTS:
		return value == NULL;
	}
	return false;
}

static bool pod_selected(const struct selector *selector, const struct party *party)
{
	for (size_t i = 0; i < selector->count; i++) {
		const char *value = NULL;

		if (party->pod)
			value = find_label(&party->pod->labels, selector->items[i].key);
		if (!requirement_met(&selector->items[i], value))
			return false;
	}
	return true;
}

static bool namespace_selected(const struct image_input *input, const struct selector *selector,
			       const char *name)
{
	const struct object *obj = store_get(input->store, OBJECT_NAMESPACE, "", name);

	for (size_t i = 0; i < selector->count; i++) {
		const char *value = NULL;

		if (obj)
			value = find_label(&obj->ns.labels, selector->items[i].key);
		else if (!strcmp(selector->items[i].key, "kubernetes.io/metadata.name"))
			value = name;
		if (!requirement_met(&selector->items[i], value))
			return false;
	}
	return true;
}

struct search {
	const struct image_input *input;
	const struct ip_addr *addr;
	const struct object *found;
};

static bool has_addr(const struct ip_addr *ips, size_t count, const struct ip_addr *addr)
{
	for (size_t i = 0; i < count; i++)
		if (ip_addr_equal(&ips[i], addr))
			return true;
	return false;
}

static int node_has(const struct object *obj, void *arg)
{
	const struct search *search = arg;

	return strcmp(obj->name, search->input->node_name) &&
	       has_addr(obj->node.ips, obj->node.ip_count, search->addr);
}

static int remote_has(const struct object *obj, void *arg)
{
	struct search *search = arg;

	if (!*obj->pod.node || !strcmp(obj->pod.node, search->input->node_name) ||
	    obj->pod.host_network || obj->pod.finished ||
	    !has_addr(obj->pod.ips, obj->pod.ip_count, search->addr))
		return 0;
	search->found = obj;
	return 1;
}

static bool is_node_addr(const struct image_input *input, const struct ip_addr *addr)
{
	struct search search = { .input = input, .addr = addr };

	return has_addr(input->host_ips, input->host_ip_count, addr) ||
	       store_each(input->store, OBJECT_NODE, node_has, &search);
}

const struct image_endpoint *naive_endpoint(const struct image_input *input,
					    const struct ip_addr *addr)
{
	const struct image_endpoint *best = NULL;

	if (is_node_addr(input, addr))
		return NULL;
	for (size_t i = 0; i < input->endpoint_count; i++) {
		const struct image_endpoint *ep = &input->endpoints[i];

		if (has_addr(ep->ips, 2, addr) && (!best || ep->ifindex < best->ifindex))
			best = ep;
	}
	return best;
}

static struct party endpoint_party(const struct image_input *input, const struct image_endpoint *ep)
{
	const struct object *obj = store_get(input->store, OBJECT_POD, ep->namespace, ep->pod);
	struct party party = { .is_pod = true, .namespace = ep->namespace };

	if (obj) {
		party.pod = &obj->pod;
		party.is_pod = !obj->pod.finished && !obj->pod.host_network;
	}
	return party;
}

static struct party party_at(const struct image_input *input, const struct ip_addr *addr)
{
	const struct image_endpoint *ep = naive_endpoint(input, addr);
	struct search search = { .input = input, .addr = addr };
	struct party party = {};

	if (ep)
		return endpoint_party(input, ep);
	if (is_node_addr(input, addr))
		return party;
	if (store_each(input->store, OBJECT_POD, remote_has, &search))
		party = (struct party){ true, search.found->namespace, &search.found->pod };
	return party;
}

struct node_search {
	const struct selector *selector;
	const struct ip_addr *addr;
};

static int node_is_meant(const struct object *obj, void *arg)
{
	const struct node_search *search = arg;

	for (size_t i = 0; i < search->selector->count; i++) {
		const struct requirement *req = &search->selector->items[i];

		if (!requirement_met(req, find_label(&obj->node.labels, req->key)))
			return 0;
	}
	return has_addr(obj->node.ips, obj->node.ip_count, search->addr);
}

static bool peer_matches(const struct image_input *input, const struct policy_peer *peer,
			 const char *own, const struct party *other, const struct ip_addr *addr)
{
	if (peer->is_cidr) {
		for (size_t i = 0; i < peer->except_count; i++)
			if (prefix_contains(&peer->except[i], addr))
				return false;
		return prefix_contains(&peer->cidr, addr);
	}
	if (peer->is_nodes) {
		struct node_search search = { &peer->nodes, addr };

		return store_each(input->store, OBJECT_NODE, node_is_meant, &search);
	}
	if (!other->is_pod || !pod_selected(&peer->pods, other))
		return false;
	if (peer->own_namespace)
		return !strcmp(own, other->namespace);
	return namespace_selected(input, &peer->namespaces, other->namespace);
}

/* @target: the pod that the packet goes to. */
static bool port_matches(const struct policy_port *port, const struct naive_packet *packet,
			 const struct pod *target)
{
	if (port->proto != packet->proto)
		return false;
	if (!port->name)
		return (port->first == 0 && port->last == 65535) ||
		       (packet->port && packet->port >= port->first && packet->port <= port->last);
	for (size_t i = 0; target && i < target->port_count; i++)
		if (!strcmp(target->ports[i].name, port->name) &&
		    target->ports[i].proto == packet->proto && packet->port &&
		    target->ports[i].port == packet->port)
			return true;
	return false;
}

struct question {
	const struct image_input *input;
	enum policy_dir dir;
	struct party subject;
	struct party other;
	const struct ip_addr *other_addr;
	const struct pod *target;
	const struct naive_packet *packet;
	bool isolated;
	bool allowed;
	/* The best rule of the tier that is asked, so far. */
	enum policy_tier tier;
	const struct object *best;
	const struct policy_rule *best_rule;
};

static bool rule_matches(const struct question *q, const struct policy_rule *rule)
{
	bool peers = !rule->peer_count, ports = !rule->port_count;

	for (size_t i = 0; i < rule->peer_count; i++)
		peers |= peer_matches(q->input, &rule->peers[i], q->subject.namespace, &q->other,
				      q->other_addr);
	for (size_t i = 0; i < rule->port_count; i++)
		ports |= port_matches(&rule->ports[i], q->packet, q->target);
	return peers && ports && !rule->matches_nothing;
}

static int ask_policy(const struct object *obj, void *arg)
{
	struct question *q = arg;

	if (strcmp(obj->namespace, q->subject.namespace) || !obj->policy.isolates[q->dir] ||
	    !pod_selected(&obj->policy.pods, &q->subject))
		return 0;
	q->isolated = true;
	for (size_t i = 0; i < obj->policy.rule_count[q->dir]; i++)
		q->allowed |= rule_matches(q, &obj->policy.rules[q->dir][i]);
	return 0;
}

static bool comes_before(const struct object *a, const struct object *b)
{
	int names = strcmp(a->name, b->name);

	if (a->policy.priority != b->policy.priority)
		return a->policy.priority < b->policy.priority;
	return names ? names < 0 : a->kind < b->kind;
}

/* The first rule of @obj that matches, if it comes before the best one of others. */
static int ask_ordered(const struct object *obj, void *arg)
{
	struct question *q = arg;
	const struct network_policy *policy = &obj->policy;

	if (policy->tier != q->tier || !pod_selected(&policy->pods, &q->subject) ||
	    !namespace_selected(q->input, &policy->namespaces, q->subject.namespace) ||
	    (q->best && comes_before(q->best, obj)))
		return 0;
	for (size_t i = 0; i < policy->rule_count[q->dir]; i++) {
		if (!rule_matches(q, &policy->rules[q->dir][i]))
			continue;
		q->best = obj;
		q->best_rule = &policy->rules[q->dir][i];
		return 0;
	}
	return 0;
}

/* The tier decides; @ret is how. */
static bool tier_decides(bool *ret, struct question *q, enum policy_tier tier)
{
	q->tier = tier;
	q->best = NULL;
	q->best_rule = NULL;
	store_each(q->input->store, OBJECT_BASELINE_ADMIN_NETWORK_POLICY, ask_ordered, q);
	store_each(q->input->store, OBJECT_ADMIN_NETWORK_POLICY, ask_ordered, q);
	store_each(q->input->store, OBJECT_CLUSTER_NETWORK_POLICY, ask_ordered, q);
	if (!q->best_rule || q->best_rule->action == ACTION_PASS)
		return false;
	*ret = q->best_rule->action == ACTION_ALLOW;
	return true;
}

bool naive_allows(const struct image_input *input, enum policy_dir dir,
		  const struct image_endpoint *subject, const struct naive_packet *packet)
{
	struct question q = {
		.input = input,
		.dir = dir,
		.packet = packet,
		.other_addr = dir == POLICY_INGRESS ? &packet->src : &packet->dst,
		.subject = endpoint_party(input, subject),
	};

	q.other = party_at(input, q.other_addr);
	if (dir == POLICY_INGRESS)
		q.target = q.subject.pod;
	else if (q.other.is_pod)
		q.target = q.other.pod;
	if (tier_decides(&q.allowed, &q, TIER_ADMIN))
		return q.allowed;
	q.allowed = false;
	store_each(input->store, OBJECT_NETWORK_POLICY, ask_policy, &q);
	if (q.isolated)
		return q.allowed;
	return !tier_decides(&q.allowed, &q, TIER_BASELINE) || q.allowed;
}
