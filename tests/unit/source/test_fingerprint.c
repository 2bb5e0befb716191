// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include <string.h>

#include "base/cleanup.h"
#include "source/decode.h"
#include "source/fingerprint.h"

#define NODE(spec, address)                                                          \
	"{apiVersion: v1, kind: Node, metadata: {name: a}, spec: {" spec "}, "          \
	"status: {addresses: [{" address "}]}}"
#define POD(spec, status) \
	"{apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: p, uid: u, labels: {a: b}}, " \
	"spec: {" spec "}, status: {" status "}}"
#define POLICY(spec) \
	"{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, " \
	"metadata: {namespace: shop, name: front}, spec: {" spec "}}"
#define INGRESS(rule) POLICY("podSelector: {}, ingress: [{" rule "}]")
#define NAMED_PORT(name, port) \
	"containers: [{name: c, image: i, ports: [{name: " name ", containerPort: " port "}]}]"

static void take(void *arg, struct object *obj)
{
	uint64_t *hash = arg;

	*hash = fingerprint_object(obj);
	object_free(obj);
}

static void no_problem(void *arg, const struct decode_problem *problem)
{
	ck_assert_msg(problem->warning, "%s: %s", problem->field, problem->text);
}

static uint64_t hash_of(const char *text)
{
	uint64_t hash = 0;
	const struct decode_sink sink = { .arg = &hash, .object = take, .problem = no_problem };

	ck_assert_int_eq(decode_text(&sink, text, strlen(text)), 0);
	ck_assert_msg(hash, "no object: %s", text);
	return hash;
}

#define TIER(text)                                                                             \
	"{apiVersion: policy.networking.k8s.io/v1alpha2, kind: ClusterNetworkPolicy, metadata: " \
	"{name: c}, spec: {" text "}}"
#define TIER_RULE(text)                                                                        \
	TIER("tier: Admin, priority: 1, subject: {namespaces: {}}, egress: [{" text "}]")

#define SERVICE_OF(labels, spec, status)                                                       \
	"{apiVersion: v1, kind: Service, metadata: {name: s, labels: {" labels "}}, spec: {" spec \
	"}, status: {" status "}}"
#define SERVICE(spec) SERVICE_OF("", spec, "")
#define INGRESS_IP(ip) SERVICE_OF("", "", "loadBalancer: {ingress: [" ip "]}")
#define CLIENT_IP(seconds) \
	SERVICE("sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {" seconds "}}")
#define SLICE_OF(service, type, endpoints, ports)                                                  \
	"{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: s, labels: {"     \
	"kubernetes.io/service-name: " service "}}, addressType: " type ", endpoints: [" endpoints \
	"], ports: [" ports "]}"
#define ENDPOINT(more) SLICE_OF("web", "IPv4", "{addresses: [10.0.0.1], " more "}", "")
#define SLICE_PORT(port) SLICE_OF("web", "IPv4", "", "{" port "}")

struct pair {
	const char *one;
	const char *other;
};

static const struct pair different[] = {
	{ POD("", ""), "{apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: q, uid: u, "
		       "labels: {a: b}}, spec: {containers: []}}" },
	{ POD("", ""), "{apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: p, uid: v, "
		       "labels: {a: b}}, spec: {containers: []}}" },
	{ POD("", ""), "{apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: p, uid: u, "
		       "labels: {a: c}}, spec: {containers: []}}" },
	{ POD("", ""), POD("nodeName: node-1", "") },
	{ NODE("", ""), NODE("podCIDR: 10.1.0.0/24", "") },
	{ NODE("podCIDR: 10.2.0.0/24", ""), NODE("podCIDR: 10.1.0.0/24", "") },
	{ NODE("podCIDR: 10.1.0.0/25", ""), NODE("podCIDR: 10.1.0.0/24", "") },
	{ NODE("", "type: InternalIP, address: 192.0.2.1"),
	  NODE("", "type: ExternalIP, address: 192.0.2.1") },
	{ POD("", ""), POD("hostNetwork: true", "") },
	{ POD("", ""), POD("", "phase: Failed") },
	{ POD("", "podIPs: [{ip: 10.0.0.1}]"), POD("", "podIPs: [{ip: 10.0.0.2}]") },
	{ POD("", "podIPs: [{ip: 10.0.0.1}]"), POD("", "podIPs: [{ip: 10.0.0.1}, {ip: 'fd00::1'}]") },
	{ POD(NAMED_PORT("web", "80"), ""), POD(NAMED_PORT("web", "81"), "") },
	{ POD(NAMED_PORT("web", "80"), ""), POD(NAMED_PORT("wob", "80"), "") },
	{ POLICY("podSelector: {}"), POLICY("podSelector: {matchLabels: {a: b}}") },
	{ POLICY("podSelector: {matchLabels: {a: b}}"), POLICY("podSelector: {matchLabels: {a: c}}") },
	{ POLICY("podSelector: {}"), POLICY("podSelector: {}, policyTypes: [Egress]") },
	{ POLICY("podSelector: {}"), POLICY("podSelector: {}, policyTypes: [Ingress, Egress]") },
	{ POLICY("podSelector: {}"), INGRESS("") },
	{ INGRESS("ports: [{port: 80}]"), INGRESS("ports: [{port: 80, protocol: UDP}]") },
	{ INGRESS("ports: [{port: 80}]"), INGRESS("ports: [{port: 80, endPort: 81}]") },
	{ INGRESS("ports: [{port: 80}]"), INGRESS("ports: [{port: web}]") },
	{ INGRESS("from: [{podSelector: {}}]"), INGRESS("from: [{namespaceSelector: {}}]") },
	{ INGRESS("from: [{namespaceSelector: {}}]"),
	  INGRESS("from: [{namespaceSelector: {matchLabels: {a: b}}}]") },
	{ INGRESS("from: [{ipBlock: {cidr: 10.0.0.0/8}}]"),
	  INGRESS("from: [{ipBlock: {cidr: 10.0.0.0/9}}]") },
	{ INGRESS("from: [{ipBlock: {cidr: 10.0.0.0/8}}]"),
	  INGRESS("from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]") },
	{ TIER("tier: Admin, priority: 1, subject: {namespaces: {}}"),
	  TIER("tier: Baseline, priority: 1, subject: {namespaces: {}}") },
	{ TIER("tier: Admin, priority: 1, subject: {namespaces: {}}"),
	  TIER("tier: Admin, priority: 2, subject: {namespaces: {}}") },
	{ TIER("tier: Admin, priority: 1, subject: {namespaces: {}}"),
	  TIER("tier: Admin, priority: 1, subject: {namespaces: {matchLabels: {a: b}}}") },
	{ TIER_RULE("action: Deny, to: [{nodes: {}}]"), TIER_RULE("action: Pass, to: [{nodes: {}}]") },
	{ TIER_RULE("action: Deny, to: [{nodes: {}}]"),
	  TIER_RULE("action: Deny, to: [{namespaces: {}}]") },
	{ TIER_RULE("action: Deny, to: [{nodes: {}}]"),
	  TIER_RULE("action: Deny, to: [{nodes: {matchLabels: {a: b}}}]") },
	{ TIER_RULE("action: Deny, to: [{nodes: {}}]"),
	  TIER_RULE("action: Deny, to: [{nodes: {}}], name: said") },
	{ "{apiVersion: v1, kind: Namespace, metadata: {name: a}}",
	  "{apiVersion: v1, kind: Namespace, metadata: {name: a, labels: {a: b}}}" },
	{ "{apiVersion: v1, kind: Node, metadata: {name: a}}",
	  "{apiVersion: v1, kind: Node, metadata: {name: a, deletionTimestamp: x}}" },
	{ "{apiVersion: v1, kind: Node, metadata: {name: a}}",
	  "{apiVersion: v1, kind: Node, metadata: {name: a}, "
	  "status: {addresses: [{type: InternalIP, address: 192.0.2.1}]}}" },
	{ SERVICE(""), SERVICE("type: NodePort") },
	{ SERVICE(""), SERVICE("clusterIP: None") },
	{ SERVICE(""), SERVICE_OF("service.kubernetes.io/headless: ''", "", "") },
	{ SERVICE(""), SERVICE_OF("service.kubernetes.io/service-proxy-name: a", "", "") },
	{ SERVICE(""), SERVICE("internalTrafficPolicy: Local") },
	{ SERVICE(""), SERVICE("externalTrafficPolicy: Local") },
	{ SERVICE("internalTrafficPolicy: Local"), SERVICE("externalTrafficPolicy: Local") },
	{ SERVICE(""), SERVICE("sessionAffinity: ClientIP") },
	{ CLIENT_IP(""), CLIENT_IP("timeoutSeconds: 60") },
	{ SERVICE(""), SERVICE("healthCheckNodePort: 32000") },
	{ SERVICE("clusterIP: 10.96.0.1"), SERVICE("clusterIP: 10.96.0.2") },
	{ SERVICE("clusterIP: 10.96.0.1"), SERVICE("externalIPs: [10.96.0.1]") },
	{ SERVICE("externalIPs: [10.96.0.1]"), INGRESS_IP("{ip: 10.96.0.1}") },
	{ INGRESS_IP("{ip: 10.96.0.1}"), INGRESS_IP("{ip: 10.96.0.1, ipMode: Proxy}") },
	{ SERVICE(""), SERVICE("loadBalancerSourceRanges: [10.0.0.0/8]") },
	{ SERVICE("loadBalancerSourceRanges: [10.0.0.0/8]"),
	  SERVICE("loadBalancerSourceRanges: [10.0.0.0/9]") },
	{ SERVICE(""), SERVICE("ports: [{port: 80}]") },
	{ SERVICE("ports: [{port: 80}]"), SERVICE("ports: [{port: 81}]") },
	{ SERVICE("ports: [{port: 80}]"), SERVICE("ports: [{port: 80, protocol: UDP}]") },
	{ SERVICE("ports: [{port: 80}]"), SERVICE("ports: [{port: 80, name: a}]") },
	{ SERVICE("ports: [{port: 80}]"), SERVICE("ports: [{port: 80, nodePort: 30000}]") },

	{ SLICE_OF("web", "IPv4", "", ""), SLICE_OF("wob", "IPv4", "", "") },
	{ SLICE_OF("web", "IPv4", "", ""), SLICE_OF("web", "IPv6", "", "") },
	{ SLICE_OF("web", "IPv4", "", ""), ENDPOINT("") },
	{ ENDPOINT(""), SLICE_OF("web", "IPv4", "{addresses: [10.0.0.2]}", "") },
	{ ENDPOINT(""), ENDPOINT("nodeName: a") },
	{ ENDPOINT("nodeName: a"), ENDPOINT("nodeName: b") },
	{ ENDPOINT(""), ENDPOINT("conditions: {ready: false}") },
	{ ENDPOINT(""), ENDPOINT("conditions: {serving: false}") },
	{ ENDPOINT(""), ENDPOINT("conditions: {terminating: true}") },
	{ ENDPOINT(""), ENDPOINT("hints: {forZones: [{name: a}]}") },
	{ ENDPOINT("hints: {forNodes: [{name: a}]}"), ENDPOINT("hints: {forZones: [{name: a}]}") },
	{ ENDPOINT("hints: {forZones: [{name: a}]}"), ENDPOINT("hints: {forZones: [{name: b}]}") },
	{ SLICE_OF("web", "IPv4", "", ""), SLICE_PORT("name: a, port: 80") },
	{ SLICE_PORT("name: a, port: 80"), SLICE_PORT("name: b, port: 80") },
	{ SLICE_PORT("name: a, port: 80"), SLICE_PORT("name: a, port: 81") },
	{ SLICE_PORT("name: a, port: 80"), SLICE_PORT("name: a, port: 80, protocol: SCTP") },
};

START_TEST(what_decides_about_packets_changes_the_fingerprint)
{
	ck_assert_uint_ne(hash_of(different[_i].one), hash_of(different[_i].other));
	ck_assert_uint_eq(hash_of(different[_i].one), hash_of(different[_i].one));
}
END_TEST

static const struct pair same[] = {
	{ POD("", ""), POD("restartPolicy: Never", "conditions: []") },
	{ POD("", ""), "# comment\n" POD("", "") },
	{ POLICY("podSelector: {}"), POLICY("policyTypes: [Ingress], podSelector: {}") },
	{ INGRESS("ports: [{port: 80}]"), INGRESS("ports: [{protocol: TCP, port: 80}]") },
	{ SERVICE("clusterIP: 10.96.0.1"),
	  SERVICE_OF("a: b", "clusterIPs: [10.96.0.1], selector: {a: b}, ipFamilies: [IPv4]",
		     "conditions: []") },
	{ SERVICE("externalIPs: [10.0.0.2, 10.0.0.1]"), SERVICE("externalIPs: [10.0.0.1, 10.0.0.2]") },
	{ ENDPOINT("nodeName: a"), ENDPOINT("nodeName: a, zone: b, targetRef: {kind: Pod}, "
					    "conditions: {ready: true}") },
};

START_TEST(what_does_not_leaves_it_alone)
{
	ck_assert_uint_eq(hash_of(same[_i].one), hash_of(same[_i].other));
}
END_TEST

CHECK_MAIN("fingerprint",
	   CHECK_LOOP(what_decides_about_packets_changes_the_fingerprint, different),
	   CHECK_LOOP(what_does_not_leaves_it_alone, same))
