// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "dump.h"

struct row {
	const char *text;
	const char *says;
};

#define OBJECT(rest) \
	"{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: s, labels: " \
	"{kubernetes.io/service-name: web, other: x}}" rest "}"
#define SLICE(rest) OBJECT(", addressType: IPv4, " rest)
#define SLICE6(rest) OBJECT(", addressType: IPv6, " rest)
#define SAYS(what) "EndpointSlice default/s of web" what "\n"
#define ERR(what) "error: EndpointSlice default/s: " what "\n"

static const struct row good[] = {
	{ SLICE("endpoints: null, ports: null"), SAYS(" IPv4") },
	{ "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: s}, addressType:"
	  " IPv6}", "EndpointSlice default/s of \n" },
	{ SLICE("endpoints: [{addresses: [10.0.0.1, 10.0.0.2]}], other: x"),
	  SAYS(" IPv4 [ 10.0.0.1 ready serving ]") },
	{ SLICE6("endpoints: [{addresses: ['fd00::1']}]"), SAYS(" [ fd00::1 ready serving ]") },
	{ OBJECT(", addressType: FQDN, endpoints: [{addresses: [a.example.org]}], ports: [{name: a,"
		 " port: 1}]"), SAYS(" a:TCP/1") },
};

START_TEST(a_slice_is_decoded)
{
	check_decodes(good[_i].text, good[_i].says);
}
END_TEST

#define COND(conditions, says) \
	{ SLICE("endpoints: [{addresses: [10.0.0.1], conditions: " conditions "}]"), \
	  SAYS(" IPv4 [ 10.0.0.1" says " ]") }

static const struct row conditions[] = {
	COND("null", " ready serving"),
	COND("{}", " ready serving"),
	COND("{ready: null, serving: null, terminating: null}", " ready serving"),
	COND("{ready: true}", " ready serving"),
	COND("{ready: false}", ""),
	COND("{ready: false, serving: true}", " serving"),
	COND("{ready: true, serving: false}", " ready"),
	COND("{serving: false}", " ready"),
	COND("{ready: false, serving: true, terminating: true}", " serving terminating"),
	COND("{terminating: true}", " ready serving terminating"),
	COND("{ready: false, terminating: true}", " terminating"),
};

START_TEST(conditions_that_are_not_said_have_defaults)
{
	check_decodes(conditions[_i].text, conditions[_i].says);
}
END_TEST

static const struct row names[] = {
	{ SLICE("endpoints: [{addresses: [10.0.0.1], nodeName: n1, zone: z1},"
		" {addresses: [10.0.0.2], nodeName: ''}, {addresses: [10.0.0.3], nodeName: n1}]"),
	  SAYS(" IPv4 [ 10.0.0.1 ready serving node=n1 ] [ 10.0.0.2 ready serving ]"
	       " [ 10.0.0.3 ready serving node=n1 ]") },
	{ SLICE("endpoints: [{addresses: [10.0.0.1], nodeName: n2, hints: {forZones: [{name: z2},"
		" {name: z1}], forNodes: [{name: n2}]}}, {addresses: [10.0.0.2], hints: {forNodes:"
		" [{name: n1}, {name: n3}]}}, {addresses: [10.0.0.3], hints: {}}, {addresses:"
		" [10.0.0.4], hints: {forZones: [{name: z2}]}}]"),
	  SAYS(" IPv4 [ 10.0.0.1 ready serving node=n2 zones=z2,z1 nodes=n2 ]"
	       " [ 10.0.0.2 ready serving nodes=n1,n3 ] [ 10.0.0.3 ready serving ]"
	       " [ 10.0.0.4 ready serving zones=z2 ]") },
	/* Those of an endpoint that is left out do not shift the others'. */
	{ SLICE("endpoints: [{addresses: [0.0.0.0], nodeName: n0, hints: {forZones: [{name: z0}]}},"
		" {addresses: [10.0.0.1], nodeName: n1, hints: {forZones: [{name: z1}]}}]"),
	  SAYS(" IPv4 [ 10.0.0.1 ready serving node=n1 zones=z1 ]")
	  ERR("endpoints[0].addresses[0]: must be the address of one host, not the unspecified "
	      "address 0.0.0.0") },
};

START_TEST(names_of_nodes_and_zones_are_kept)
{
	check_decodes(names[_i].text, names[_i].says);
}
END_TEST

static const struct row ports[] = {
	{ SLICE("ports: [{name: http, port: 80}, {name: dns, port: 53, protocol: UDP}, {name: '',"
		" port: 8080, appProtocol: x}, {name: sig, port: 65535, protocol: SCTP}]"),
	  SAYS(" IPv4 http:TCP/80 dns:UDP/53 :TCP/8080 sig:SCTP/65535") },
	{ SLICE("ports: [{}, {port: 80}, {name: a}, {name: b, port: 0}, {name: null, port: 81},"
		" {name: c, port: 82}]"), SAYS(" IPv4 c:TCP/82") },
	{ SLICE("ports: [{port: 80}, {port: 81}]"), SAYS(" IPv4") },
	{ SLICE("ports: [{name: a, port: 80}, {name: b, port: 80}]"),
	  SAYS(" IPv4 a:TCP/80 b:TCP/80") },

	{ SLICE("ports: [{name: A, port: 80}]"),
	  ERR("ports[0].name: must be a lower case name, not \"A\"") },
	{ SLICE("ports: [{name: a, port: 80}, {port: 1}, {name: a, port: 81, protocol: UDP}]"),
	  ERR("ports[2].name: is that of ports[0] too") },
	{ SLICE("ports: [{name: '', port: 80}, {name: '', port: 81}]"),
	  ERR("ports[1].name: is that of ports[0] too") },
};

START_TEST(ports_that_no_service_can_mean_are_passed_over)
{
	check_decodes(ports[_i].text, ports[_i].says);
}
END_TEST

#define ENDPOINT_OF(addr) SLICE("endpoints: [{addresses: ['" addr "']}]")
#define LEFT_OUT(addr, kind) \
	{ ENDPOINT_OF(addr), SAYS(" IPv4") \
	  ERR("endpoints[0].addresses[0]: must be the address of one host, not the " kind \
	      " address " addr) }
#define NOT(what, text) \
	SAYS(" IPv4") ERR("endpoints[0].addresses[0]: must be an " what ", not " text)

static const struct row addresses[] = {
	LEFT_OUT("127.0.0.1", "loopback"),
	LEFT_OUT("169.254.169.254", "link-local"),
	LEFT_OUT("224.0.0.1", "multicast"),
	LEFT_OUT("255.255.255.255", "broadcast"),
	LEFT_OUT("::1", "loopback"),
	{ ENDPOINT_OF("::ffff:10.0.0.1"), NOT("IP address", "the v4-mapped \"::ffff:10.0.0.1\"") },
	{ ENDPOINT_OF("fd00::1"), NOT("IPv4 address like the addressType", "\"fd00::1\"") },
	{ ENDPOINT_OF("a.example.org"), NOT("IP address", "\"a.example.org\"") },
	{ ENDPOINT_OF(""), NOT("IP address", "\"\"") },
	{ SLICE6("endpoints: [{addresses: ['fd00::1']}, {addresses: [10.0.0.1]}, {addresses:"
		 " ['fd00::2']}]"),
	  SAYS(" [ fd00::1 ready serving ] [ fd00::2 ready serving ]")
	  ERR("endpoints[1].addresses[0]: must be an IPv6 address like the addressType, not "
	      "\"10.0.0.1\"") },
};

START_TEST(an_endpoint_without_a_usable_address_is_left_out)
{
	check_decodes(addresses[_i].text, addresses[_i].says);
}
END_TEST

static const struct row refused[] = {
	{ OBJECT(""), ERR("addressType: is required") },
	{ OBJECT(", addressType: ipv4, endpoints: [{addresses: []}, {conditions: {ready: 'yes'}}],"
		 " ports: [{port: 65536}]"),
	  ERR("addressType: must be IPv4, IPv6 or FQDN, not \"ipv4\"")
	  ERR("endpoints[0].addresses: must have 1 to 100 elements, not 0")
	  ERR("endpoints[1].addresses: is required")
	  ERR("endpoints[1].conditions.ready: must be a boolean, not a string")
	  ERR("ports[0].port: must be 0 to 65535, not 65536") },
	{ SLICE("endpoints: [{addresses: [10.0.0.1], nodeName: 1, conditions: {serving: 1,"
		" terminating: 0}, hints: {forZones: [{}], forNodes: [z]}}], ports: [{name: 1,"
		" protocol: tcp}]"),
	  ERR("endpoints[0].conditions.serving: must be a boolean, not a number")
	  ERR("endpoints[0].conditions.terminating: must be a boolean, not a number")
	  ERR("endpoints[0].hints.forNodes[0]: must be a mapping, not a string")
	  ERR("endpoints[0].hints.forZones[0].name: is required")
	  ERR("endpoints[0].nodeName: must be a string, not a number")
	  ERR("ports[0].name: must be a string, not a number")
	  ERR("ports[0].protocol: must be TCP, UDP or SCTP, not \"tcp\"") },
	{ SLICE("endpoints: [{addresses: [10.0.0.1], hints: {forZones: [{name: a}, {name: b},"
		" {name: c}, {name: d}, {name: e}, {name: f}, {name: g}, {name: h}, {name: i}]}}]"),
	  ERR("endpoints[0].hints.forZones: must have 0 to 8 elements, not 9") },
	{ "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: s, labels:"
	  " {kubernetes.io/service-name: 1}}, addressType: IPv4}",
	  ERR("metadata.labels[kubernetes.io/service-name]: must be a string, not a number") },
};

START_TEST(what_an_api_server_would_refuse_is_refused)
{
	check_decodes(refused[_i].text, refused[_i].says);
}
END_TEST

/* As large as an API server lets it be, and one more. */
START_TEST(a_slice_has_at_most_a_thousand_endpoints)
{
	for (int count = 1000; count <= 1001; count++) {
		cleanup(freep) char *text = NULL;
		cleanup(freep) char *said = NULL;
		size_t length;
		FILE *out = open_memstream(&text, &length);

		fputs("{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: s},"
		      " addressType: IPv4, endpoints: [", out);
		for (int i = 0; i < count; i++)
			fprintf(out, "{addresses: [10.0.%d.%d], nodeName: n%d},", i / 256, i % 256,
				i % 7);
		fputs("]}", out);
		fclose(out);
		said = dump_text(text);
		if (count == 1000)
			ck_assert_ptr_nonnull(strstr(said, "10.0.3.231 ready serving node=n5 ]\n"));
		else
			ck_assert_str_eq(said, ERR("endpoints: must have 0 to 1000 elements, "
						   "not 1001"));
	}
}
END_TEST

/* As `kubectl get endpointslice -o yaml` writes it. */
static const char sample[] =
	"addressType: IPv6\n"
	"apiVersion: discovery.k8s.io/v1\n"
	"endpoints:\n"
	"- addresses:\n"
	"  - fd00:10:244:1::7\n"
	"  conditions:\n"
	"    ready: true\n"
	"    serving: true\n"
	"    terminating: false\n"
	"  deprecatedTopology:\n"
	"    kubernetes.io/hostname: worker-1\n"
	"  hints:\n"
	"    forNodes:\n"
	"    - name: worker-1\n"
	"    forZones:\n"
	"    - name: eu-central-1a\n"
	"  nodeName: worker-1\n"
	"  targetRef:\n"
	"    kind: Pod\n"
	"    name: front-5d4c9b7f8-2xk4p\n"
	"    namespace: shop\n"
	"    uid: 0b7a8c1e-6a5e-4d7f-bf0e-b6a0d9a7c3f2\n"
	"  zone: eu-central-1a\n"
	"- addresses:\n"
	"  - fd00:10:244:2::9\n"
	"  conditions:\n"
	"    ready: false\n"
	"    serving: true\n"
	"    terminating: true\n"
	"  nodeName: worker-2\n"
	"  targetRef:\n"
	"    kind: Pod\n"
	"    name: front-5d4c9b7f8-q8v9z\n"
	"    namespace: shop\n"
	"    uid: 7e0c7a54-6a0a-4be8-8a53-5d3a2ef2b1aa\n"
	"  zone: eu-central-1b\n"
	"kind: EndpointSlice\n"
	"metadata:\n"
	"  annotations:\n"
	"    endpoints.kubernetes.io/last-change-trigger-time: \"2025-06-02T09:20:11Z\"\n"
	"  creationTimestamp: \"2025-06-02T09:14:33Z\"\n"
	"  generateName: front-\n"
	"  generation: 7\n"
	"  labels:\n"
	"    app.kubernetes.io/name: front\n"
	"    endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io\n"
	"    kubernetes.io/service-name: front\n"
	"  managedFields:\n"
	"  - apiVersion: discovery.k8s.io/v1\n"
	"    fieldsType: FieldsV1\n"
	"    fieldsV1:\n"
	"      f:addressType: {}\n"
	"      f:endpoints: {}\n"
	"      f:ports: {}\n"
	"    manager: kube-controller-manager\n"
	"    operation: Update\n"
	"    time: \"2025-06-02T09:20:12Z\"\n"
	"  name: front-jx2lp\n"
	"  namespace: shop\n"
	"  ownerReferences:\n"
	"  - apiVersion: v1\n"
	"    blockOwnerDeletion: true\n"
	"    controller: true\n"
	"    kind: Service\n"
	"    name: front\n"
	"    uid: 5b1c2d4e-7f60-4c1d-9a55-0e2f3f3c0b11\n"
	"  resourceVersion: \"318901\"\n"
	"  uid: 9f1f9d0e-2f0a-4fd8-a1a6-31c7bb3e7f10\n"
	"ports:\n"
	"- appProtocol: http\n"
	"  name: http\n"
	"  port: 8080\n"
	"  protocol: TCP\n"
	"- name: quic\n"
	"  port: 8443\n"
	"  protocol: UDP\n";

START_TEST(what_kubectl_prints_is_read)
{
	check_decodes(sample,
		      "EndpointSlice shop/front-jx2lp of front"
		      " [ fd00:10:244:1::7 ready serving node=worker-1 zones=eu-central-1a"
		      " nodes=worker-1 ]"
		      " [ fd00:10:244:2::9 serving terminating node=worker-2 ]"
		      " http:TCP/8080 quic:UDP/8443\n");
}
END_TEST

CHECK_MAIN("decode_slice",
	   CHECK_LOOP(a_slice_is_decoded, good),
	   CHECK_LOOP(conditions_that_are_not_said_have_defaults, conditions),
	   CHECK_LOOP(names_of_nodes_and_zones_are_kept, names),
	   CHECK_LOOP(ports_that_no_service_can_mean_are_passed_over, ports),
	   CHECK_LOOP(an_endpoint_without_a_usable_address_is_left_out, addresses),
	   CHECK_LOOP(what_an_api_server_would_refuse_is_refused, refused),
	   CHECK_TEST(a_slice_has_at_most_a_thousand_endpoints),
	   CHECK_TEST(what_kubectl_prints_is_read))
