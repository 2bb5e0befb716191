/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kubernetes objects, reduced to the fields that decide about packets.
 *
 * Every object owns all it points to; object_free() releases it. Strings are
 * NUL-terminated and never NULL unless the comment says so. The decoder
 * (agent/source/decode.h) normalises: defaults of semantics are applied, so a
 * missing podSelector arrives as a selector that matches everything.
 *
 * Source: Kubernetes API core/v1 Pod, Namespace, Node and Service,
 * discovery.k8s.io/v1 EndpointSlice, networking.k8s.io/v1,
 * policy.networking.k8s.io/v1alpha1, v1alpha2 and v1beta1.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "weir/policy.h"
#include "weir/types.h"

struct label {
	char *key;
	char *value;
};

/* Sorted by key, keys are unique. */
struct labels {
	struct label *items;
	size_t count;
};

enum selector_op {
	SELECTOR_IN,
	SELECTOR_NOT_IN,
	SELECTOR_EXISTS,
	SELECTOR_NOT_EXISTS,
};

/* matchLabels arrive as SELECTOR_IN with one value. */
struct requirement {
	char *key;
	enum selector_op op;
	char **values; /* sorted, unique */
	size_t value_count;
};

/* All requirements must hold; none: matches everything. */
struct selector {
	struct requirement *items;
	size_t count;
};

enum object_kind {
	OBJECT_POD,
	OBJECT_NAMESPACE,
	OBJECT_NETWORK_POLICY,
	OBJECT_SERVICE,
	OBJECT_ENDPOINT_SLICE,
	OBJECT_NODE,
	OBJECT_CLUSTER_NETWORK_POLICY,
	OBJECT_ADMIN_NETWORK_POLICY,
	OBJECT_BASELINE_ADMIN_NETWORK_POLICY,
	OBJECT_SERVICE_CIDR,
	OBJECT_KIND_MAX,
};

struct container_port {
	char *name;
	uint8_t proto; /* IPPROTO_* */
	uint16_t port;
};

struct pod {
	char *node; /* spec.nodeName, "" if unknown */
	char *uid; /* "" if unknown */
	struct labels labels;
	bool host_network;
	bool finished; /* phase Succeeded or Failed: neither subject nor peer */
	struct ip_addr *ips; /* status.podIPs */
	size_t ip_count;
	struct container_port *ports; /* named containerPorts only, init containers included */
	size_t port_count;
	struct workload *workload; /* owns labels and ports (workload.h); NULL: they are the pod's own */
};

/* Carries kubernetes.io/metadata.name always. */
struct namespace {
	struct labels labels;
};

struct node {
	struct labels labels;
	struct ip_addr *ips; /* status.addresses: InternalIP first, then ExternalIP */
	struct prefix *cidrs; /* spec.podCIDRs, at most one of each family */
	size_t ip_count;
	uint32_t internal_count; /* how many of @ips are InternalIP */
	uint32_t cidr_count;
	bool deleting; /* metadata.deletionTimestamp is set */
	bool network_ready; /* condition NetworkUnavailable is False */
	char **taints; /* keys of spec.taints, in their order */
	size_t taint_count;
};

enum service_type {
	SERVICE_CLUSTER_IP, /* also: absent */
	SERVICE_NODE_PORT,
	SERVICE_LOAD_BALANCER,
	SERVICE_EXTERNAL_NAME,
};

struct service_spec_port {
	char *name; /* "" when the service's only port has none */
	uint8_t proto; /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP */
	uint16_t port;
	uint16_t node_port; /* 0: none */
};

/*
 * A Service. Addresses that cannot be meant are left out and reported by the decoder:
 * loopback, link-local, multicast, unspecified, broadcast. In each list an address is once; all but
 * @cluster_ips, of which there is at most one of each family, are in order.
 */
struct service {
	struct ip_addr *cluster_ips;
	struct ip_addr *external_ips;
	struct ip_addr *balancer_ips; /* status.loadBalancer.ingress[].ip whose ipMode is VIP or unset */
	struct prefix *ranges; /* loadBalancerSourceRanges */
	struct service_spec_port *ports;
	uint32_t cluster_ip_count;
	uint32_t external_ip_count;
	uint32_t balancer_ip_count;
	uint32_t range_count;
	uint32_t port_count;
	uint32_t affinity_s; /* sessionAffinity ClientIP: timeout in seconds; 0: None */
	enum service_type type;
	uint16_t health_port; /* healthCheckNodePort, 0: none */
	bool has_ranges; /* there are some; without one that can be read: nobody may */
	bool headless; /* clusterIP "None", or the label service.kubernetes.io/headless */
	bool foreign; /* another proxy's: the label service.kubernetes.io/service-proxy-name */
	bool internal_local; /* internalTrafficPolicy Local */
	bool external_local; /* externalTrafficPolicy Local */
};

/* A ServiceCIDR: of each family at most one. */
struct service_cidr_spec {
	struct prefix cidrs[2];
	uint32_t count;
};

enum slice_condition {
	SLICE_READY = 1 << 0,
	SLICE_SERVING = 1 << 1, /* defaults are applied: nil follows ready */
	SLICE_TERMINATING = 1 << 2,
};

/* There may be hundreds of thousands: of names only the place in @names of the slice. */
struct slice_endpoint {
	struct ip_addr addr; /* the first one, of the slice's family */
	uint16_t node; /* from 1; 0: unknown */
	uint16_t hints; /* the first one in @hints of the slice: zones, behind them nodes */
	uint8_t zone_count; /* hints.forZones */
	uint8_t node_count; /* hints.forNodes */
	uint8_t conditions; /* enum slice_condition */
};

struct slice_port {
	char *name; /* "" is a name; ports without name or number are left out */
	uint8_t proto; /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP */
	uint16_t port;
};

struct endpoint_slice {
	char *service; /* label kubernetes.io/service-name, "": belongs to none */
	struct slice_endpoint *endpoints;
	struct slice_port *ports;
	char **names; /* sorted, unique; one allocation: the texts stand behind the array */
	uint16_t *hints; /* of the endpoints, one after the other: places in @names */
	uint32_t endpoint_count;
	uint32_t port_count;
	uint32_t name_count;
	bool is_v4; /* addressType; slices of FQDN arrive without endpoints */
};

/* One element of from / to. */
struct policy_peer {
	bool is_cidr;
	bool is_nodes; /* the addresses of the nodes that @nodes selects */
	struct selector nodes;
	/* is_cidr: */
	struct prefix cidr;
	struct prefix *except;
	size_t except_count;
	/* otherwise: */
	bool own_namespace; /* namespaceSelector absent */
	struct selector namespaces; /* when !own_namespace */
	struct selector pods; /* absent podSelector: matches everything */
};

struct policy_port {
	uint8_t proto; /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP */
	char *name; /* NULL: numeric */
	uint16_t first; /* 0 with last 65535: every port of the protocol */
	uint16_t last;
};

enum policy_action {
	ACTION_ALLOW,
	ACTION_DENY,
	ACTION_PASS, /* on to the next tier */
};

/* Empty @peers: any address. Empty @ports: any protocol and port. */
struct policy_rule {
	enum policy_action action; /* of a NetworkPolicy: ACTION_ALLOW */
	char *name; /* NULL: it has none */
	struct policy_peer *peers;
	size_t peer_count;
	struct policy_port *ports;
	size_t port_count;
	/*
	 * Set when every peer (or every port) of a rule was refused as malformed: the
	 * rule then matches nothing, instead of "empty means any".
	 */
	bool matches_nothing;
	bool closed; /* for people: policy_rule_close() */
};

/* The priority of what comes after everything that has one. */
#define POLICY_PRIORITY_LAST 1001

/*
 * A policy of any kind. Those of TIER_NETWORK_POLICY are NetworkPolicies: they
 * select pods of their own namespace, isolate them, and their order does not
 * matter. Those of the other tiers select pods of @namespaces and isolate nobody.
 */
struct network_policy {
	enum policy_tier tier;
	uint32_t priority; /* within its tier, lower first */
	struct selector namespaces;
	struct selector pods;
	bool isolates[POLICY_DIR_MAX]; /* effective policyTypes */
	bool closed; /* for people: policy_close() */
	struct policy_rule *rules[POLICY_DIR_MAX];
	size_t rule_count[POLICY_DIR_MAX];
};

struct object {
	enum object_kind kind;
	bool packed; /* with all it owns in one allocation, see object_pack() */
	char *namespace; /* "" for cluster-scoped kinds */
	char *name;
	uint64_t stamp; /* of the store: no other object has, had or will have the same */
	union {
		struct pod pod;
		struct namespace ns;
		struct network_policy policy;
		struct node node;
		struct service_cidr_spec service_cidr;
		struct service *service; /* pointers: there are many more pods */
		struct endpoint_slice *slice;
	};
};

/* NULL is accepted. */
void object_free(struct object *obj);
void object_freep(struct object **obj);

/*
 * Moves a Service or EndpointSlice and all it owns into one allocation, and frees @*obj;
 * an object of another kind stays where it is. 0, or -ENOMEM: nothing has changed.
 */
int object_pack(struct object **obj);

/* Name of the kind as in manifests, for example "NetworkPolicy". */
const char *object_kind_name(enum object_kind kind);

/* "tcp", "udp" or "sctp". */
const char *ip_proto_name(uint8_t proto);

/* NULL: unknown. */
static inline const char *slice_node(const struct endpoint_slice *slice,
				     const struct slice_endpoint *endpoint)
{
	return endpoint->node ? slice->names[endpoint->node - 1] : NULL;
}

/* Hint @index of the endpoint: its zones, behind them its nodes. */
static inline const char *slice_hint(const struct endpoint_slice *slice,
				     const struct slice_endpoint *endpoint, size_t index)
{
	return slice->names[slice->hints[endpoint->hints + index]];
}

/* The policy has a say in direction @dir. */
static inline bool policy_applies(const struct network_policy *policy, enum policy_dir dir)
{
	if (policy->tier == TIER_NETWORK_POLICY)
		return policy->isolates[dir];
	return policy->rule_count[dir] > 0;
}

/* Value of @key, or NULL when the label is absent. */
const char *labels_get(const struct labels *labels, const char *key);

bool selector_matches(const struct selector *selector, const struct labels *labels);

/*
 * Append the canonical text of a selector: equal selectors have equal text, whatever
 * the order in which they were written.
 */
void selector_text(struct buf *buf, const struct selector *selector);

/*
 * A rule that could not be read in full: if it allows it matches nothing now,
 * otherwise it denies everything.
 */
void policy_rule_close(struct policy_rule *rule);

/*
 * A policy of which it is not known for whom it is, or where it stands: its rules
 * allow nothing now, and what they passed on they deny.
 */
void policy_close(struct network_policy *policy);

void labels_done(struct labels *labels);
void selector_done(struct selector *selector);
