// SPDX-License-Identifier: Apache-2.0
#include "cluster.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "figure.h"
#include "objects_make.h"

#define PODS_PER_NAMESPACE 100
#define REPLICAS 10
#define TEAMS 10
#define TEXT 256

static uint32_t namespace_of(uint32_t pod)
{
	return pod / PODS_PER_NAMESPACE;
}

static uint32_t workload_of(uint32_t pod)
{
	return pod % PODS_PER_NAMESPACE / REPLICAS;
}

bool cluster_is_local(const struct cluster *cluster, uint32_t pod)
{
	uint32_t every = cluster->size.local ? cluster->size.pods / cluster->size.local : 0;

	/* One of each stretch, and not always of the same workload. */
	return every && pod / every < cluster->size.local &&
	       pod % every == pod / every * 13 % every;
}

static void put(struct cluster *cluster, struct object *obj)
{
	int r = store_put(cluster->store, obj);

	if (r < 0)
		die("store_put", r);
}

static void pod_name(char *text, uint32_t pod)
{
	snprintf(text, TEXT, "w%u-%05u", workload_of(pod), pod);
}

static void namespace_name(char *text, uint32_t namespace)
{
	snprintf(text, TEXT, "ns-%04u", namespace);
}

static void pod_ips(char *text, uint32_t pod)
{
	snprintf(text, TEXT, "10.%u.%u.%u fd00:77::%x", 64 + (pod >> 16), pod >> 8 & 255,
		 pod & 255, pod + 1);
}

void cluster_put_pod(struct cluster *cluster, uint32_t pod, uint32_t turn)
{
	char name[TEXT], namespace[TEXT], node[TEXT], labels[TEXT], ips[TEXT], own[TEXT] = "";
	uint32_t workload = workload_of(pod);

	pod_name(name, pod);
	namespace_name(namespace, namespace_of(pod));
	pod_ips(ips, pod);
	snprintf(node, sizeof(node), "node-%u",
		 cluster_is_local(cluster, pod) ? 0 : 1 + pod % (cluster->size.nodes - 1));
	if (workload == CLUSTER_WORKLOADS - 1)
		snprintf(own, sizeof(own), " statefulset.kubernetes.io/pod-name=%.64s", name);
	/* Another turn is another workload's label: what happens when people relabel a pod. */
	snprintf(labels, sizeof(labels), "app=w%u tier=t%u pod-template-hash=%08x%.100s",
		 (workload + turn) % CLUSTER_WORKLOADS, workload % 3,
		 namespace_of(pod) * 31 + workload, own);
	put(cluster, make_pod(namespace, name, node, labels, ips, "http/tcp=8080 dns/udp=53"));
}

void cluster_delete_pod(struct cluster *cluster, uint32_t pod)
{
	char name[TEXT], namespace[TEXT];

	pod_name(name, pod);
	namespace_name(namespace, namespace_of(pod));
	store_delete(cluster->store, OBJECT_POD, namespace, name);
}

void cluster_put_namespace(struct cluster *cluster, uint32_t namespace, uint32_t turn)
{
	char name[TEXT], labels[TEXT];

	namespace_name(name, namespace);
	snprintf(labels, sizeof(labels), "team=t%u env=%s", (namespace + turn) % TEAMS,
		 namespace % 2 ? "prod" : "test");
	put(cluster, make_namespace(name, labels));
}

/* What differs: a port with @port_turn, the workload that may come in with @peer_turn. */
static void put_policy(struct cluster *cluster, uint32_t policy, uint32_t port_turn,
		       uint32_t peer_turn)
{
	uint32_t namespace = policy % cluster->namespaces, nth = policy / cluster->namespaces;
	char name[TEXT], ns[TEXT], pods[TEXT], text[TEXT];
	struct policy_rule *rule;
	struct object *obj;

	snprintf(name, sizeof(name), "policy-%u", nth);
	namespace_name(ns, namespace);
	snprintf(pods, sizeof(pods), "app=w%u", nth % CLUSTER_WORKLOADS);
	obj = make_policy(ns, name, pods, "ie");

	rule = add_rule(obj, POLICY_INGRESS);
	snprintf(text, sizeof(text), "app=w%u", (nth + 1 + peer_turn) % CLUSTER_WORKLOADS);
	add_pods(rule, NULL, text);
	snprintf(text, sizeof(text), "team=t%u", policy % TEAMS);
	add_pods(rule, text, "tier=t0");
	add_named_port(rule, IPPROTO_TCP, "http");
	add_ports(rule, IPPROTO_TCP, (uint16_t)(1000 + nth % 1000), (uint16_t)(1000 + nth % 1000));
	add_ports(rule, IPPROTO_TCP, (uint16_t)(9000 + port_turn), (uint16_t)(9000 + port_turn));

	rule = add_rule(obj, POLICY_EGRESS);
	add_pods(rule, NULL, "");
	add_pods(rule, "env=prod", "tier=t2");
	rule = add_rule(obj, POLICY_EGRESS);
	add_cidr(rule, "0.0.0.0/0", "10.0.0.0/8 169.254.0.0/16");
	add_ports(rule, IPPROTO_TCP, 443, 443);
	rule = add_rule(obj, POLICY_EGRESS);
	add_pods(rule, "kubernetes.io/metadata.name=kube-system", "");
	add_ports(rule, IPPROTO_UDP, 53, 53);
	put(cluster, obj);
}

void cluster_put_policy(struct cluster *cluster, uint32_t policy, uint32_t turn)
{
	put_policy(cluster, policy, turn, 0);
}

void cluster_put_policy_peer(struct cluster *cluster, uint32_t policy, uint32_t turn)
{
	put_policy(cluster, policy, 0, turn);
}

/* The policy of the pod's workload; there may be none. */
static uint32_t policy_of(const struct cluster *cluster, uint32_t pod)
{
	return workload_of(pod) * cluster->namespaces + namespace_of(pod);
}

uint32_t cluster_local_policy(const struct cluster *cluster, uint32_t at)
{
	uint32_t pods = cluster->size.pods, pod = at * 7919 % pods;

	/* Policies come workload by workload, so there is always a pod of this node with one. */
	while (!cluster_is_local(cluster, pod) || policy_of(cluster, pod) >= cluster->size.policies)
		pod = (pod + 1) % pods;
	return policy_of(cluster, pod);
}

static void add_endpoint(struct cluster *cluster, uint32_t pod)
{
	struct image_endpoint *ep = &cluster->endpoints[cluster->endpoint_count];
	char name[TEXT], namespace[TEXT], ips[TEXT];
	char *space;

	pod_name(name, pod);
	namespace_name(namespace, namespace_of(pod));
	pod_ips(ips, pod);
	space = strchr(ips, ' ');
	*space = '\0';
	ep->ifindex = 65536 + (uint32_t)cluster->endpoint_count++;
	ep->namespace = strdup(namespace);
	ep->pod = strdup(name);
	ep->ips[0] = make_addr(ips);
	ep->ips[1] = make_addr(space + 1);
}

static void put_node(struct cluster *cluster, uint32_t node)
{
	char name[TEXT], ips[TEXT];

	snprintf(name, sizeof(name), "node-%u", node);
	snprintf(ips, sizeof(ips), "172.16.%u.%u", node >> 8, node & 255);
	put(cluster, make_node(name, ips));
}

void cluster_make(struct cluster *cluster, const struct cluster_size *size)
{
	*cluster = (struct cluster){ .size = *size };
	cluster->namespaces = (size->pods + PODS_PER_NAMESPACE - 1) / PODS_PER_NAMESPACE;
	cluster->endpoints = calloc(size->local + 1, sizeof(*cluster->endpoints));
	if (!cluster->endpoints || store_new(&cluster->store) < 0)
		die("cluster", ENOMEM);
	put(cluster, make_namespace("kube-system", "team=none"));
	for (uint32_t i = 0; i < size->nodes; i++)
		put_node(cluster, i);
	for (uint32_t i = 0; i < cluster->namespaces; i++)
		cluster_put_namespace(cluster, i, 0);
	for (uint32_t i = 0; i < size->policies; i++)
		cluster_put_policy(cluster, i, 0);
	for (uint32_t i = 0; i < size->pods; i++) {
		cluster_put_pod(cluster, i, 0);
		if (cluster_is_local(cluster, i))
			add_endpoint(cluster, i);
	}
	cluster->input = (struct image_input){
		.store = cluster->store,
		.node_name = CLUSTER_NODE,
		.endpoints = cluster->endpoints,
		.endpoint_count = cluster->endpoint_count,
	};
}

void cluster_done(struct cluster *cluster)
{
	for (size_t i = 0; i < cluster->endpoint_count; i++) {
		free((char *)cluster->endpoints[i].namespace);
		free((char *)cluster->endpoints[i].pod);
	}
	free(cluster->endpoints);
	store_free(cluster->store);
}
