// SPDX-License-Identifier: Apache-2.0
/*
 * FNV-1a, 64 bits: who could craft a collision could as well leave the object as
 * it is. Counts precede lists and texts include their end, so that neighbours
 * cannot trade bytes.
 */
#include "source/fingerprint.h"

#include <string.h>

#define HASH_START 0xcbf29ce484222325u
#define HASH_PRIME 0x100000001b3u

/* A field that is missing here would keep what was in force before: stop who adds one. */
#define NAIL(type, size) \
	_Static_assert(sizeof(void *) != 8 || sizeof(type) == (size), "hash the new field of " #type)
NAIL(struct pod, 80); /* workload: the store's */
NAIL(struct namespace, 16);
NAIL(struct node, 72);
NAIL(struct container_port, 16);
NAIL(struct policy_peer, 104);
NAIL(struct policy_port, 24);
NAIL(struct policy_rule, 56);
NAIL(struct network_policy, 80);
NAIL(struct requirement, 32);
NAIL(struct prefix, 24);
NAIL(struct service, 80);
NAIL(struct service_spec_port, 16);
NAIL(struct endpoint_slice, 56);
NAIL(struct slice_endpoint, 24);
NAIL(struct slice_port, 16);
NAIL(struct object, 112); /* stamp: the store's */

static void add_bytes(uint64_t *hash, const void *data, size_t length)
{
	const uint8_t *bytes = data;
	uint64_t h = *hash;

	for (size_t i = 0; i < length; i++)
		h = (h ^ bytes[i]) * HASH_PRIME;
	*hash = h;
}

static void add_number(uint64_t *hash, uint64_t number)
{
	add_bytes(hash, &number, sizeof(number));
}

static void add_text(uint64_t *hash, const char *text)
{
	add_number(hash, !!text);
	if (text)
		add_bytes(hash, text, strlen(text) + 1);
}

static void add_ips(uint64_t *hash, const struct ip_addr *ips, size_t count)
{
	add_number(hash, count);
	add_bytes(hash, ips, count * sizeof(*ips));
}

static void add_prefix(uint64_t *hash, const struct prefix *prefix)
{
	add_bytes(hash, &prefix->addr, sizeof(prefix->addr));
	add_number(hash, prefix->bits);
}

static void add_labels(uint64_t *hash, const struct labels *labels)
{
	add_number(hash, labels->count);
	for (size_t i = 0; i < labels->count; i++) {
		add_text(hash, labels->items[i].key);
		add_text(hash, labels->items[i].value);
	}
}

static void add_selector(uint64_t *hash, const struct selector *selector)
{
	const struct requirement *item;

	add_number(hash, selector->count);
	for (size_t i = 0; i < selector->count; i++) {
		item = &selector->items[i];
		add_text(hash, item->key);
		add_number(hash, item->op);
		add_number(hash, item->value_count);
		for (size_t j = 0; j < item->value_count; j++)
			add_text(hash, item->values[j]);
	}
}

static void add_pod(uint64_t *hash, const struct pod *pod)
{
	add_text(hash, pod->node);
	add_text(hash, pod->uid);
	add_labels(hash, &pod->labels);
	add_number(hash, pod->host_network);
	add_number(hash, pod->finished);
	add_ips(hash, pod->ips, pod->ip_count);
	add_number(hash, pod->port_count);
	for (size_t i = 0; i < pod->port_count; i++) {
		add_text(hash, pod->ports[i].name);
		add_number(hash, pod->ports[i].proto);
		add_number(hash, pod->ports[i].port);
	}
}

static void add_peer(uint64_t *hash, const struct policy_peer *peer)
{
	add_number(hash, peer->is_nodes);
	add_selector(hash, &peer->nodes);
	add_number(hash, peer->is_cidr);
	if (peer->is_cidr) {
		add_prefix(hash, &peer->cidr);
		add_number(hash, peer->except_count);
		for (size_t i = 0; i < peer->except_count; i++)
			add_prefix(hash, &peer->except[i]);
		return;
	}
	add_number(hash, peer->own_namespace);
	add_selector(hash, &peer->namespaces);
	add_selector(hash, &peer->pods);
}

static void add_rule(uint64_t *hash, const struct policy_rule *rule)
{
	const struct policy_port *port;

	add_number(hash, rule->action);
	add_text(hash, rule->name);
	add_number(hash, rule->matches_nothing);
	add_number(hash, rule->closed);
	add_number(hash, rule->peer_count);
	for (size_t i = 0; i < rule->peer_count; i++)
		add_peer(hash, &rule->peers[i]);
	add_number(hash, rule->port_count);
	for (size_t i = 0; i < rule->port_count; i++) {
		port = &rule->ports[i];
		add_number(hash, port->proto);
		add_text(hash, port->name);
		add_number(hash, port->first);
		add_number(hash, port->last);
	}
}

static void add_policy(uint64_t *hash, const struct network_policy *policy)
{
	add_number(hash, policy->tier);
	add_number(hash, policy->priority);
	add_selector(hash, &policy->namespaces);
	add_selector(hash, &policy->pods);
	add_number(hash, policy->closed);
	for (int dir = 0; dir < POLICY_DIR_MAX; dir++) {
		add_number(hash, policy->isolates[dir]);
		add_number(hash, policy->rule_count[dir]);
		for (size_t i = 0; i < policy->rule_count[dir]; i++)
			add_rule(hash, &policy->rules[dir][i]);
	}
}

static void add_service(uint64_t *hash, const struct service *service)
{
	add_number(hash, service->type);
	add_number(hash, service->headless);
	add_number(hash, service->foreign);
	add_number(hash, service->internal_local);
	add_number(hash, service->external_local);
	add_number(hash, service->affinity_s);
	add_number(hash, service->health_port);
	add_ips(hash, service->cluster_ips, service->cluster_ip_count);
	add_ips(hash, service->external_ips, service->external_ip_count);
	add_ips(hash, service->balancer_ips, service->balancer_ip_count);
	add_number(hash, service->has_ranges);
	add_number(hash, service->range_count);
	for (size_t i = 0; i < service->range_count; i++)
		add_prefix(hash, &service->ranges[i]);
	add_number(hash, service->port_count);
	for (size_t i = 0; i < service->port_count; i++) {
		add_text(hash, service->ports[i].name);
		add_number(hash, service->ports[i].proto);
		add_number(hash, service->ports[i].port);
		add_number(hash, service->ports[i].node_port);
	}
}

static void add_endpoint(uint64_t *hash, const struct endpoint_slice *slice,
			 const struct slice_endpoint *endpoint)
{
	size_t hints = (size_t)endpoint->zone_count + endpoint->node_count;

	add_bytes(hash, &endpoint->addr, sizeof(endpoint->addr));
	add_text(hash, slice_node(slice, endpoint));
	add_number(hash, endpoint->conditions);
	add_number(hash, endpoint->zone_count);
	add_number(hash, endpoint->node_count);
	for (size_t i = 0; i < hints; i++)
		add_text(hash, slice_hint(slice, endpoint, i));
}

static void add_slice(uint64_t *hash, const struct endpoint_slice *slice)
{
	add_text(hash, slice->service);
	add_number(hash, slice->is_v4);
	add_number(hash, slice->endpoint_count);
	for (size_t i = 0; i < slice->endpoint_count; i++)
		add_endpoint(hash, slice, &slice->endpoints[i]);
	add_number(hash, slice->port_count);
	for (size_t i = 0; i < slice->port_count; i++) {
		add_text(hash, slice->ports[i].name);
		add_number(hash, slice->ports[i].proto);
		add_number(hash, slice->ports[i].port);
	}
}

static void add_node(uint64_t *hash, const struct node *node)
{
	add_labels(hash, &node->labels);
	add_ips(hash, node->ips, node->ip_count);
	add_number(hash, node->internal_count);
	add_number(hash, node->cidr_count);
	for (size_t i = 0; i < node->cidr_count; i++)
		add_prefix(hash, &node->cidrs[i]);
	add_number(hash, node->deleting);
	add_number(hash, node->network_ready);
	add_number(hash, node->taint_count);
	for (size_t i = 0; i < node->taint_count; i++)
		add_text(hash, node->taints[i]);
}

uint64_t fingerprint_object(const struct object *obj)
{
	uint64_t hash = HASH_START;

	add_number(&hash, obj->kind);
	add_text(&hash, obj->namespace);
	add_text(&hash, obj->name);
	switch (obj->kind) {
	case OBJECT_POD:
		add_pod(&hash, &obj->pod);
		break;
	case OBJECT_NAMESPACE:
		add_labels(&hash, &obj->ns.labels);
		break;
	case OBJECT_NETWORK_POLICY:
	case OBJECT_CLUSTER_NETWORK_POLICY:
	case OBJECT_ADMIN_NETWORK_POLICY:
	case OBJECT_BASELINE_ADMIN_NETWORK_POLICY:
		add_policy(&hash, &obj->policy);
		break;
	case OBJECT_NODE:
		add_node(&hash, &obj->node);
		break;
	case OBJECT_SERVICE:
		add_service(&hash, obj->service);
		break;
	case OBJECT_ENDPOINT_SLICE:
		add_slice(&hash, obj->slice);
		break;
	case OBJECT_SERVICE_CIDR:
		add_number(&hash, obj->service_cidr.count);
		for (size_t i = 0; i < obj->service_cidr.count; i++)
			add_prefix(&hash, &obj->service_cidr.cidrs[i]);
		break;
	case OBJECT_KIND_MAX:
		break;
	}
	return hash;
}

uint64_t fingerprint_text(const char *text, size_t length)
{
	uint64_t hash = HASH_START;

	add_bytes(&hash, text, length);
	return hash;
}
