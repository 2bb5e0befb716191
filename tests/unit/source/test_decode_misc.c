// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "dump.h"
#include "source/decode.h"

struct row {
	const char *text;
	const char *says;
};

#define AT(where) "error: document 1 line 1: " where "\n"
#define NP "apiVersion: networking.k8s.io/v1, kind: NetworkPolicy"
#define LONG_LABEL "a234567890123456789012345678901234567890123456789012345678901234"

static const struct row identities[] = {
	{ "{apiVersion: v1, kind: Pod, metadata: {name: a.b-1, namespace: shop}}",
	  "Pod shop/a.b-1 node= uid=\n" },
	{ "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: ''}}",
	  "Pod default/a node= uid=\n" },
	{ "{" NP ", metadata: {name: a, namespace: null}}",
	  "NetworkPolicy default/a pods(*) ingress\n" },

	{ "text", AT("must be a mapping, not a string") },
	{ "[]", AT("must be a mapping, not a list") },
	{ "{}", AT("apiVersion: is required") },
	{ "{apiVersion: v1}", AT("kind: is required") },
	{ "{apiVersion: v1, kind: ''}", AT("kind: is required") },
	{ "{kind: Pod, metadata: {name: a}}",
	  "error: Pod default/a: apiVersion: is required\n" },
	{ "{apiVersion: '', kind: Secret}", AT("apiVersion: is required") },
	{ "{apiVersion: 1, kind: Secret}", AT("apiVersion: must be a string, not a number") },
	{ "{apiVersion: v1, kind: [Pod]}", AT("kind: must be a string, not a list") },
	{ "{apiVersion: v1, kind: Pod}", AT("metadata: is required") },
	{ "{apiVersion: v1, kind: Pod, metadata: a}",
	  AT("metadata: must be a mapping, not a string") },
	{ "{apiVersion: v1, kind: Pod, metadata: {generateName: a-}}",
	  AT("metadata.name: is required") },
	{ "{apiVersion: v1, kind: Pod, metadata: {name: 5}}",
	  AT("metadata.name: must be a string, not a number") },
	{ "{apiVersion: v1, kind: Pod, metadata: {name: a_b}}",
	  AT("metadata.name: must be a lower case name, not \"a_b\"") },
	{ "{apiVersion: v1, kind: Pod, metadata: {name: a..b}}",
	  AT("metadata.name: must be a lower case name, not \"a..b\"") },
	{ "{apiVersion: v1, kind: Pod, metadata: {name: ../b}}",
	  AT("metadata.name: must be a lower case name, not \"../b\"") },
	{ "{apiVersion: v1, kind: Namespace, metadata: {name: a.b}}",
	  AT("metadata.name: must be a lower case name, not \"a.b\"") },
	{ "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: A}}",
	  AT("metadata.namespace: must be a lower case name, not \"A\"") },
	{ "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: " LONG_LABEL "}}",
	  AT("metadata.namespace: must be a lower case name, not \"" LONG_LABEL "\"") },
};

START_TEST(an_object_needs_a_kind_and_a_name)
{
	check_decodes(identities[_i].text, identities[_i].says);
}
END_TEST

#define CIDRS(spec) "{apiVersion: networking.k8s.io/v1, kind: ServiceCIDR, metadata: {name: a}, " \
	spec "}"
#define CIDRS_ERR(what) "error: ServiceCIDR a: " what "\n"

static const struct row cidrs[] = {
	{ CIDRS("spec: {cidrs: [10.96.0.0/12]}"), "ServiceCIDR a 10.96.0.0/12\n" },
	{ CIDRS("spec: {cidrs: ['fd00:96::/112', 10.96.0.0/12]}"),
	  "ServiceCIDR a fd00:96::/112 10.96.0.0/12\n" },
	{ "{apiVersion: networking.k8s.io/v1beta1, kind: ServiceCIDR, metadata: {name: a.b}, "
	  "spec: {cidrs: [10.96.0.0/12]}}", "ServiceCIDR a.b 10.96.0.0/12\n" },
	{ CIDRS("spec: {}"), "ServiceCIDR a\n" },
	{ CIDRS("spec: []"), CIDRS_ERR("spec: must be a mapping, not a list") },
	{ CIDRS("spec: {cidrs: 10.96.0.0/12}"),
	  CIDRS_ERR("spec.cidrs: must be a list, not a string") },
	{ CIDRS("spec: {cidrs: [169.254.0.0/16, 10.96.0.0/12, 10.0.0.0/8, 'fd00:96::/112']}"),
	  "ServiceCIDR a 10.96.0.0/12 fd00:96::/112\n"
	  CIDRS_ERR("spec.cidrs[0]: 169.254.0.0/16 has addresses that no service can have")
	  CIDRS_ERR("spec.cidrs[2]: 10.0.0.0/8 is a second one of the same family") },
};

START_TEST(a_service_cidr_has_one_prefix_of_each_family)
{
	check_decodes(cidrs[_i].text, cidrs[_i].says);
}
END_TEST

static const struct row kinds[] = {
	{ "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}}", "" },
	{ "{apiVersion: v1, kind: ConfigMap}", "" },
	{ "{apiVersion: v1, kind: ConfigMapList, items: [{}]}", "" },
	{ "{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: a}}", "" },
	{ "{apiVersion: crd.projectcalico.org/v1, kind: NetworkPolicy}", "" },

	{ "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a}}", "" },
	{ "{apiVersion: networking.k8s.io/v1, kind: IngressClassList, items: []}", "" },
	{ "{apiVersion: example.org/v1, kind: pod}", "" },
};

START_TEST(kinds_of_others_are_passed_over_in_silence)
{
	check_decodes(kinds[_i].text, kinds[_i].says);
}
END_TEST

#define VERSION_OF(kind, given) "apiVersion: must be " kind ", not \"" given "\"\n"
#define OF_POLICY "networking.k8s.io/v1 for a NetworkPolicy"
#define CLOSED " pods(*) ingress egress"

/* What was meant has no effect: that must be said. */
static const struct row mistyped[] = {
	{ "{apiVersion: v1beta1, kind: Pod, metadata: {name: a}}",
	  "error: Pod default/a: " VERSION_OF("v1 for a Pod", "v1beta1") },
	{ "{apiVersion: policy.networking.k8s.io/v1beta9, kind: ClusterNetworkPolicy}",
	  AT("metadata: is required")
	  "error: document 1 line 1: "
	  VERSION_OF("policy.networking.k8s.io/v1alpha2 or "
		     "policy.networking.k8s.io/v1beta1 for a ClusterNetworkPolicy",
		     "policy.networking.k8s.io/v1beta9") },
	{ "{apiVersion: networking.k8s.io/v1, kind: NetworkPolcy, metadata: {name: a}}",
	  AT("kind: must be a kind of networking.k8s.io, not \"NetworkPolcy\"") },
	{ "{apiVersion: networking.k8s.io/v1, kind: Networkpolicy, metadata: {name: a}}",
	  AT("kind: must be NetworkPolicy, not \"Networkpolicy\"") },
	{ "{apiVersion: v1, kind: pod, metadata: {name: a}}",
	  AT("kind: must be Pod, not \"pod\"") },

	/* A policy that is not there leaves its pods open: it isolates, and its rules wait. */
	{ "{apiVersion: v1, kind: NetworkPolicy, metadata: {name: a}}",
	  "NetworkPolicy default/a" CLOSED
	  "\nerror: NetworkPolicy default/a: " VERSION_OF(OF_POLICY, "v1") },
	{ "{kind: NetworkPolicy, metadata: {name: a}}",
	  "NetworkPolicy default/a" CLOSED
	  "\nerror: NetworkPolicy default/a: apiVersion: is required\n" },
	{ "{apiVersion: 1, kind: NetworkPolicy, metadata: {name: a}}",
	  "NetworkPolicy default/a" CLOSED
	  "\nerror: NetworkPolicy default/a: apiVersion: must be a string, not a number\n" },
	{ "{apiVersion: networking.k8s.io/v2, kind: NetworkPolicy, metadata: {name: a}, spec:"
	  " {podSelector: {matchLabels: {app: b}}, ingress: [{}]}}",
	  "NetworkPolicy default/a pods(app=b) ingress [ nothing : ] egress\n"
	  "error: NetworkPolicy default/a: " VERSION_OF(OF_POLICY, "networking.k8s.io/v2") },
	{ "{apiVersion: extensions/v1beta1, kind: NetworkPolicyList, items: [{metadata:"
	  " {name: a}}]}",
	  "NetworkPolicy default/a" CLOSED
	  "\nerror: NetworkPolicy default/a: " VERSION_OF(OF_POLICY, "extensions/v1beta1") },
};

START_TEST(an_object_of_a_mistyped_kind_or_version_is_reported)
{
	check_decodes(mistyped[_i].text, mistyped[_i].says);
}
END_TEST

static const struct row lists[] = {
	{ "{apiVersion: v1, kind: List}", "" },
	{ "{apiVersion: v1, kind: List, items: null}", "" },
	{ "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Pod, metadata: {name: a}},"
	  " {apiVersion: v1, kind: Secret}, {apiVersion: v1, kind: Node, metadata: {name: m}}]}",
	  "Pod default/a node= uid=\nNode m\n" },
	/* An API server leaves the type of the elements out. */
	{ "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicyList, metadata:"
	  " {resourceVersion: '1'}, items: [{metadata: {name: a}}, {metadata: {name: b}}]}",
	  "NetworkPolicy default/a pods(*) ingress\nNetworkPolicy default/b pods(*) ingress\n" },
	{ "{apiVersion: policy.networking.k8s.io/v1beta1, kind: ClusterNetworkPolicyList, items:"
	  " [{metadata: {name: c}, spec: {tier: Baseline, priority: 4, subject: {namespaces:"
	  " {}}}}]}", "ClusterNetworkPolicy c baseline 4 ns(*) pods(*)\n" },
	{ "{apiVersion: v1, kind: PodList, items: [{kind: Pod, apiVersion: v1,"
	  " metadata: {name: a}}]}", "Pod default/a node= uid=\n" },

	{ "{apiVersion: v1, kind: List, items: {}}", AT("items: must be a list, not a mapping") },
	{ "{apiVersion: v1, kind: List, items: [null, {kind: Pod}, {apiVersion: v1, kind: Pod,"
	  " metadata: {}}, {apiVersion: v1, kind: Pod, metadata: {name: a}}]}",
	  "Pod default/a node= uid=\n"
	  AT("items[0]: must be a mapping, not null")
	  AT("items[1].metadata: is required")
	  AT("items[1].apiVersion: is required")
	  AT("items[2].metadata.name: is required") },
	{ "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: List, items: []}]}",
	  AT("items[0]: is a list within a list") },
	/* The path of a problem starts at the object. */
	{ "{apiVersion: v1, kind: PodList, items: [{metadata: {name: a, uid: 1}}]}",
	  "error: Pod default/a: metadata.uid: must be a string, not a number\n" },
};

START_TEST(lists_are_unpacked)
{
	check_decodes(lists[_i].text, lists[_i].says);
}
END_TEST

#define NS "{apiVersion: v1, kind: Namespace, metadata: {name: shop"
#define NAME_LABEL "kubernetes.io/metadata.name"

static const struct row namespaces[] = {
	{ NS "}}", "Namespace shop " NAME_LABEL "=shop\n" },
	{ NS ", labels: {z: x, a: v}}}", "Namespace shop a=v " NAME_LABEL "=shop z=x\n" },
	{ NS ", labels: {" NAME_LABEL ": other}}}", "Namespace shop " NAME_LABEL "=shop\n" },
	{ NS ", labels: {a: 1}}}",
	  "error: Namespace shop: metadata.labels[a]: must be a string, not a number\n" },
	{ NS ", namespace: x}}",
	  "Namespace shop " NAME_LABEL "=shop\nwarning: document 1 line 1: metadata.namespace: "
	  "is ignored: a Namespace is not in a namespace\n" },
};

START_TEST(a_namespace_carries_its_name_as_a_label)
{
	check_decodes(namespaces[_i].text, namespaces[_i].says);
}
END_TEST

#define NODE "{apiVersion: v1, kind: Node, metadata: {name: n1, labels: {a: x}}"

static const struct row nodes[] = {
	{ NODE "}", "Node n1 a=x\n" },
	{ NODE ", status: {addresses: [{type: Hostname, address: n1}, {type: InternalIP,"
	  " address: 192.0.2.1}, {type: ExternalIP, address: '2001:db8::1'}, {address: x}]}}",
	  "Node n1 a=x 192.0.2.1 2001:db8::1\n" },
	{ NODE ", status: {addresses: [{type: InternalIP, address: x}, {type: InternalIP}, 1,"
	  " {type: InternalIP, address: 192.0.2.1}]}}",
	  "Node n1 a=x 192.0.2.1\n"
	  "error: Node n1: status.addresses[0].address: must be an IP address, not \"x\"\n"
	  "error: Node n1: status.addresses[1].address: is required\n"
	  "error: Node n1: status.addresses[2]: must be a mapping, not a number\n" },
	{ "{apiVersion: v1, kind: Node, metadata: {name: n1, deletionTimestamp: "
	  "'2026-01-02T03:04:05Z'}}", "Node n1 deleting\n" },
	{ "{apiVersion: v1, kind: Node, metadata: {name: n1, deletionTimestamp: null}}",
	  "Node n1\n" },
	{ "{apiVersion: v1, kind: Node, metadata: {name: n1, deletionTimestamp: {}}}",
	  "error: Node n1: metadata.deletionTimestamp: must be a string, not a mapping\n" },
	/* InternalIP comes first. */
	{ NODE ", spec: {podCIDR: 10.1.0.0/24, podCIDRs: [10.1.0.0/24, 'fd00:1::/64']}, status:"
	  " {addresses: [{type: ExternalIP, address: 198.51.100.1}, {type: InternalIP, address:"
	  " 192.0.2.1}, {type: InternalIP, address: '2001:db8::1'}]}}",
	  "Node n1 a=x 192.0.2.1 2001:db8::1 198.51.100.1 pods=10.1.0.0/24 pods=fd00:1::/64\n" },
	{ NODE ", spec: {podCIDR: 'fd00:1::/64'}}", "Node n1 a=x pods=fd00:1::/64\n" },
	{ NODE ", spec: {podCIDRs: [10.1.0.0/33, 127.0.0.0/24, 10.1.0.0/31, 10.2.0.0/24,"
	  " 10.3.0.0/24, 7, 10.4.0.7/24]}}",
	  "Node n1 a=x pods=10.2.0.0/24\n"
	  "error: Node n1: spec.podCIDRs[0]: must be an address range like 10.0.0.0/8, not"
	  " \"10.1.0.0/33\"\n"
	  "error: Node n1: spec.podCIDRs[1]: 127.0.0.0/24 has addresses that no pod can have\n"
	  "error: Node n1: spec.podCIDRs[2]: 10.1.0.0/31 has no room for pods\n"
	  "error: Node n1: spec.podCIDRs[4]: 10.3.0.0/24 is a second one of the same family\n"
	  "error: Node n1: spec.podCIDRs[5]: must be a string, not a number\n"
	  "warning: Node n1: spec.podCIDRs[6]: has bits set beyond its length and means"
	  " 10.4.0.0/24\n"
	  "error: Node n1: spec.podCIDRs[6]: 10.4.0.0/24 is a second one of the same family\n" },
	{ NODE ", spec: {podCIDRs: {}}}",
	  "error: Node n1: spec.podCIDRs: must be a list, not a mapping\n" },
	{ NODE ", status: {addresses: {}}}",
	  "error: Node n1: status.addresses: must be a list, not a mapping\n" },
};

START_TEST(a_node_has_labels_addresses_and_an_end)
{
	check_decodes(nodes[_i].text, nodes[_i].says);
}
END_TEST

#define POD(name) "apiVersion: v1\nkind: Pod\nmetadata:\n  name: " name "\n"

static const struct row texts[] = {
	{ "", "" },
	{ POD("a") "---\n" POD("b"), "Pod default/a node= uid=\nPod default/b node= uid=\n" },
	{ POD("a") "---\n\n---\nkind: Pod\n", "Pod default/a node= uid=\n"
	  "error: document 3 line 8: metadata: is required\n"
	  "error: document 3 line 8: apiVersion: is required\n" },
	/* What stands before and after an error counts. */
	{ POD("a") "---\nkind: [\n---\n" POD("b"),
	  "Pod default/a node= uid=\nPod default/b node= uid=\n"
	  "error: document 0 line 7: not YAML: did not find expected node content\n" },
	{ POD("a") "  name: b\n", "error: document 0 line 5: the key \"name\" is there twice\n" },
	{ "\n {\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"a\","
	  "\"annotations\": {\"x\": \"\\ud83d\\ude00\"}}}\n", "Pod default/a node= uid=\n" },
	{ "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"a\","
	  "\"name\": \"b\"}}", "error: document 0 line 1: the key \"name\" is there twice\n" },
	{ "{\"kind\": \"Pod\",\n\"x\" 1}",
	  "error: document 0 line 2: not YAML: did not find expected ',' or '}'\n" },
};

START_TEST(a_text_is_yaml_or_json)
{
	check_decodes(texts[_i].text, texts[_i].says);
}
END_TEST

static void put_long(FILE *out, int pad)
{
	fprintf(out, "\"%.*s", pad, "aaaa");
	for (int i = 0; i < 300; i++)
		fputs("\xe2\x82\xac", out);
	fputc('"', out);
}

/* The buffers of a problem are bounded; a cut must not leave half a character. */
START_TEST(a_long_problem_is_cut_between_characters)
{
	for (int pad = 0; pad < 4; pad++) {
		cleanup(freep) char *text = NULL;
		cleanup(freep) char *said = NULL;
		size_t length;
		FILE *out = open_memstream(&text, &length);
		json_t *check;

		/* Too long for a path, for a text, and for what is there twice. */
		fprintf(out, "{apiVersion: v1, kind: Pod, metadata: {name: a, labels: {");
		put_long(out, pad);
		fputs(": \"\"}}}\n---\n{apiVersion: v1, kind: Pod, metadata: {name: ", out);
		put_long(out, pad);
		fputs("}}\n---\n{", out);
		put_long(out, pad);
		fputs(": 1, ", out);
		put_long(out, pad);
		fputs(": 2}", out);
		fclose(out);
		said = dump_text(text);
		ck_assert_ptr_nonnull(strstr(said, "is not the key of a label"));
		ck_assert_ptr_nonnull(strstr(said, "lower case name"));
		ck_assert_ptr_nonnull(strstr(said, "is there twice"));
		check = json_string(said);
		ck_assert_ptr_nonnull(check);
		ck_assert_uint_lt(strlen(said), 1500);
		json_decref(check);
	}
}
END_TEST

CHECK_MAIN("decode_misc", CHECK_LOOP(an_object_needs_a_kind_and_a_name, identities),
	   CHECK_LOOP(a_service_cidr_has_one_prefix_of_each_family, cidrs),
	   CHECK_LOOP(kinds_of_others_are_passed_over_in_silence, kinds),
	   CHECK_LOOP(an_object_of_a_mistyped_kind_or_version_is_reported, mistyped),
	   CHECK_LOOP(lists_are_unpacked, lists),
	   CHECK_LOOP(a_namespace_carries_its_name_as_a_label, namespaces),
	   CHECK_LOOP(a_node_has_labels_addresses_and_an_end, nodes),
	   CHECK_LOOP(a_text_is_yaml_or_json, texts),
	   CHECK_TEST(a_long_problem_is_cut_between_characters))
