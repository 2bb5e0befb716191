// SPDX-License-Identifier: Apache-2.0
#include "model/objects.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "model/workload.h"

static void pod_done(struct pod *pod)
{
	free(pod->node);
	free(pod->uid);
	if (pod->workload)
		workload_leave(pod);
	labels_done(&pod->labels);
	free(pod->ips);
	for (size_t i = 0; i < pod->port_count; i++)
		free(pod->ports[i].name);
	free(pod->ports);
}

static void peer_done(struct policy_peer *peer)
{
	free(peer->except);
	selector_done(&peer->nodes);
	selector_done(&peer->namespaces);
	selector_done(&peer->pods);
}

static void rule_empty(struct policy_rule *rule)
{
	for (size_t i = 0; i < rule->peer_count; i++)
		peer_done(&rule->peers[i]);
	free(rule->peers);
	for (size_t i = 0; i < rule->port_count; i++)
		free(rule->ports[i].name);
	free(rule->ports);
	rule->peers = NULL;
	rule->ports = NULL;
	rule->peer_count = 0;
	rule->port_count = 0;
}

static void rule_done(struct policy_rule *rule)
{
	rule_empty(rule);
	free(rule->name);
}

/* An allow might be for others, and a pass might go past a deny. */
static void rule_only_denies(struct policy_rule *rule)
{
	if (rule->action == ACTION_ALLOW)
		rule->matches_nothing = true;
	else
		rule->action = ACTION_DENY;
}

void policy_rule_close(struct policy_rule *rule)
{
	rule_empty(rule);
	rule_only_denies(rule);
	rule->closed = true;
}

void policy_close(struct network_policy *policy)
{
	for (int dir = 0; dir < POLICY_DIR_MAX; dir++)
		for (size_t i = 0; i < policy->rule_count[dir]; i++)
			rule_only_denies(&policy->rules[dir][i]);
	policy->closed = true;
}

static void policy_done(struct network_policy *policy)
{
	selector_done(&policy->namespaces);
	selector_done(&policy->pods);
	for (int dir = 0; dir < POLICY_DIR_MAX; dir++) {
		for (size_t i = 0; i < policy->rule_count[dir]; i++)
			rule_done(&policy->rules[dir][i]);
		free(policy->rules[dir]);
	}
}

static void service_free(struct service *service)
{
	if (!service)
		return;
	free(service->cluster_ips);
	free(service->external_ips);
	free(service->balancer_ips);
	free(service->ranges);
	for (size_t i = 0; i < service->port_count; i++)
		free(service->ports[i].name);
	free(service->ports);
	free(service);
}

static void slice_free(struct endpoint_slice *slice)
{
	if (!slice)
		return;
	free(slice->service);
	free(slice->endpoints);
	for (size_t i = 0; i < slice->port_count; i++)
		free(slice->ports[i].name);
	free(slice->ports);
	free(slice->names);
	free(slice->hints);
	free(slice);
}

static void node_done(struct node *node)
{
	labels_done(&node->labels);
	free(node->ips);
	free(node->cidrs);
	for (size_t i = 0; i < node->taint_count; i++)
		free(node->taints[i]);
	free(node->taints);
}

static void content_done(struct object *obj)
{
	switch (obj->kind) {
	case OBJECT_POD:
		pod_done(&obj->pod);
		break;
	case OBJECT_NAMESPACE:
		labels_done(&obj->ns.labels);
		break;
	case OBJECT_NETWORK_POLICY:
	case OBJECT_CLUSTER_NETWORK_POLICY:
	case OBJECT_ADMIN_NETWORK_POLICY:
	case OBJECT_BASELINE_ADMIN_NETWORK_POLICY:
		policy_done(&obj->policy);
		break;
	case OBJECT_NODE:
		node_done(&obj->node);
		break;
	case OBJECT_SERVICE:
		service_free(obj->service);
		break;
	case OBJECT_ENDPOINT_SLICE:
		slice_free(obj->slice);
		break;
	case OBJECT_SERVICE_CIDR:
	case OBJECT_KIND_MAX:
		break;
	}
}

void object_free(struct object *obj)
{
	if (!obj)
		return;
	if (!obj->packed) {
		content_done(obj);
		free(obj->namespace);
		free(obj->name);
	}
	free(obj);
}

void object_freep(struct object **obj)
{
	object_free(*obj);
}

const char *object_kind_name(enum object_kind kind)
{
	switch (kind) {
	case OBJECT_POD:
		return "Pod";
	case OBJECT_NAMESPACE:
		return "Namespace";
	case OBJECT_NETWORK_POLICY:
		return "NetworkPolicy";
	case OBJECT_SERVICE:
		return "Service";
	case OBJECT_ENDPOINT_SLICE:
		return "EndpointSlice";
	case OBJECT_NODE:
		return "Node";
	case OBJECT_CLUSTER_NETWORK_POLICY:
		return "ClusterNetworkPolicy";
	case OBJECT_ADMIN_NETWORK_POLICY:
		return "AdminNetworkPolicy";
	case OBJECT_BASELINE_ADMIN_NETWORK_POLICY:
		return "BaselineAdminNetworkPolicy";
	case OBJECT_SERVICE_CIDR:
		return "ServiceCIDR";
	case OBJECT_KIND_MAX:
		break;
	}
	return "unknown";
}

const char *ip_proto_name(uint8_t proto)
{
	return proto == IPPROTO_TCP ? "tcp" : proto == IPPROTO_UDP ? "udp" : "sctp";
}
