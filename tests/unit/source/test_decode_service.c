// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include "dump.h"

struct row {
	const char *text;
	const char *says;
};

#define SVC(spec) "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {" spec "}}"
#define SAYS(what) "Service default/s" what "\n"
#define ERR(what) "error: Service default/s: " what "\n"

static const struct row good[] = {
	{ "{apiVersion: v1, kind: Service, metadata: {name: s}}", SAYS(" ClusterIP") },
	{ SVC("other: thing"), SAYS(" ClusterIP") },
	{ SVC("type: ExternalName, externalName: example.org"), SAYS(" ExternalName") },
	{ SVC("type: NodePort, ports: [{port: 80, nodePort: 30080}]"),
	  SAYS(" NodePort :TCP/80@30080") },
	{ SVC("type: LoadBalancer, healthCheckNodePort: 32000, externalTrafficPolicy: Local"),
	  SAYS(" LoadBalancer external-local health=32000") },
	{ SVC("internalTrafficPolicy: Local, externalTrafficPolicy: Cluster"),
	  SAYS(" ClusterIP internal-local") },
	{ SVC("internalTrafficPolicy: Cluster, sessionAffinity: None, type: ClusterIP,"
	      " healthCheckNodePort: 0"), SAYS(" ClusterIP") },

	{ SVC("sessionAffinity: ClientIP"), SAYS(" ClusterIP affinity=10800") },
	{ SVC("sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: null}"),
	  SAYS(" ClusterIP affinity=10800") },
	{ SVC("sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 1}}"),
	  SAYS(" ClusterIP affinity=1") },
	{ SVC("sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds:"
	      " 86400}}"), SAYS(" ClusterIP affinity=86400") },
	{ SVC("sessionAffinity: None, sessionAffinityConfig: {clientIP: {timeoutSeconds: 5}}"),
	  SAYS(" ClusterIP") },

	{ SVC("ports: [{port: 1}]"), SAYS(" ClusterIP :TCP/1") },
	{ SVC("ports: [{name: dns, port: 53, protocol: UDP, targetPort: dns}, {name: dns-tcp,"
	      " port: 53, nodePort: 0, appProtocol: x}, {name: sig, port: 65535, protocol: SCTP,"
	      " targetPort: 8081}]"),
	  SAYS(" ClusterIP dns:UDP/53 dns-tcp:TCP/53 sig:SCTP/65535") },
	/* One number may be a node port of two protocols. */
	{ SVC("ports: [{name: a, port: 1, nodePort: 30001}, {name: b, port: 2, nodePort: 30001,"
	      " protocol: UDP}]"), SAYS(" ClusterIP a:TCP/1@30001 b:UDP/2@30001") },
};

START_TEST(a_service_is_decoded)
{
	check_decodes(good[_i].text, good[_i].says);
}
END_TEST

#define LABELLED(labels, spec) \
	"{apiVersion: v1, kind: Service, metadata: {name: s, labels: {" labels "}}, spec: {" spec "}}"

static const struct row unserved[] = {
	{ SVC("clusterIP: None"), SAYS(" ClusterIP headless") },
	{ SVC("clusterIPs: [None]"), SAYS(" ClusterIP headless") },
	{ SVC("clusterIP: None, clusterIPs: [None]"), SAYS(" ClusterIP headless") },
	{ LABELLED("service.kubernetes.io/headless: ''", "clusterIP: 10.96.0.1"),
	  SAYS(" ClusterIP headless cluster 10.96.0.1") },
	{ LABELLED("service.kubernetes.io/service-proxy-name: ''", ""), SAYS(" ClusterIP foreign") },
	{ LABELLED("service.kubernetes.io/service-proxy-name: weir", "clusterIP: None"),
	  SAYS(" ClusterIP headless foreign") },
	{ LABELLED("headless: 'true', service.kubernetes.io/name: x", ""), SAYS(" ClusterIP") },
	{ LABELLED("a: 1", ""), ERR("metadata.labels[a]: must be a string, not a number") },
};

START_TEST(a_service_may_be_headless_or_of_another_proxy)
{
	check_decodes(unserved[_i].text, unserved[_i].says);
}
END_TEST

#define STATUS(ingress)                                               \
	"{apiVersion: v1, kind: Service, metadata: {name: s}, status: {" \
	"loadBalancer: {ingress: [" ingress "]}}}"

static const struct row addresses[] = {
	{ SVC("clusterIP: 10.96.0.1"), SAYS(" ClusterIP cluster 10.96.0.1") },
	{ SVC("clusterIP: ''"), SAYS(" ClusterIP") },
	{ SVC("clusterIP: '', clusterIPs: []"), SAYS(" ClusterIP") },
	{ SVC("clusterIPs: ['fd00::1']"), SAYS(" ClusterIP cluster fd00::1") },
	{ SVC("clusterIP: 'fd00::1', clusterIPs: ['fd00::1', 10.96.0.1]"),
	  SAYS(" ClusterIP cluster fd00::1 10.96.0.1") },
	{ SVC("externalIPs: [192.0.2.1, '2001:db8::1', 192.0.2.1, 192.0.2.2]"),
	  SAYS(" ClusterIP external 192.0.2.1 192.0.2.2 2001:db8::1") },
	{ STATUS("{ip: 192.0.2.7}, {ip: 192.0.2.8, ipMode: VIP, ports: [{port: 80}]}, {ip:"
		 " 192.0.2.9, ipMode: Proxy}, {hostname: lb.example.org}, {ip: '', hostname: a},"
		 " {ip: 'fd00::7'}, {ip: 192.0.2.7}"),
	  SAYS(" ClusterIP balancer 192.0.2.7 192.0.2.8 fd00::7") },
	{ SVC("externalIPs: null, clusterIPs: null"), SAYS(" ClusterIP") },

	/* A rest is kept. */
	{ SVC("clusterIP: x"),
	  SAYS(" ClusterIP") ERR("spec.clusterIP: must be an IP address, not \"x\"") },
	{ SVC("clusterIP: 127.0.0.1, clusterIPs: [127.0.0.1, 'fd00::1'], ports: [{port: 80}]"),
	  SAYS(" ClusterIP cluster fd00::1 :TCP/80")
	  ERR("spec.clusterIPs[0]: must be the address of one host, not the loopback address "
	      "127.0.0.1") },
	{ SVC("clusterIPs: [10.96.0.1, 10.96.0.2]"),
	  SAYS(" ClusterIP cluster 10.96.0.1")
	  ERR("spec.clusterIPs[1]: must not be of the same family as clusterIPs[0]") },
	{ SVC("clusterIPs: ['fd00::1', 'fd00::1']"),
	  SAYS(" ClusterIP cluster fd00::1")
	  ERR("spec.clusterIPs[1]: must not be of the same family as clusterIPs[0]") },
	{ SVC("clusterIPs: [None, 10.96.0.1]"),
	  SAYS(" ClusterIP cluster 10.96.0.1")
	  ERR("spec.clusterIPs[0]: must be an IP address, not \"None\"") },
	{ SVC("externalIPs: [169.254.169.254, 192.0.2.1, '::ffff:192.0.2.2', 192.0.2.0/24]"),
	  SAYS(" ClusterIP external 192.0.2.1")
	  ERR("spec.externalIPs[0]: must be the address of one host, not the link-local address "
	      "169.254.169.254")
	  ERR("spec.externalIPs[2]: must be an IP address, not the v4-mapped \"::ffff:192.0.2.2\"")
	  ERR("spec.externalIPs[3]: must be an IP address, not \"192.0.2.0/24\"") },
	{ STATUS("{ip: 0.0.0.0}, {ip: 192.0.2.1, ipMode: Vip}, {ip: 192.0.2.2}"),
	  SAYS(" ClusterIP balancer 192.0.2.2")
	  ERR("status.loadBalancer.ingress[0].ip: must be the address of one host, not the "
	      "unspecified address 0.0.0.0")
	  ERR("status.loadBalancer.ingress[1].ipMode: must be VIP or Proxy, not \"Vip\"") },

	{ SVC("clusterIP: 10.96.0.1, clusterIPs: [10.96.0.2]"),
	  ERR("spec.clusterIPs[0]: must be the same as clusterIP, \"10.96.0.1\", not "
	      "\"10.96.0.2\"") },
	{ SVC("clusterIP: None, clusterIPs: [10.96.0.2]"),
	  ERR("spec.clusterIPs[0]: must be the same as clusterIP, \"None\", not \"10.96.0.2\"") },
};

START_TEST(the_addresses_of_a_service_are_decoded)
{
	check_decodes(addresses[_i].text, addresses[_i].says);
}
END_TEST

#define SPECIAL(addr, kind)                                                                        \
	{ SVC("externalIPs: ['" addr "']"),                                                        \
	  SAYS(" ClusterIP") ERR("spec.externalIPs[0]: must be the address of one host, not the " \
				 kind " address " addr) }
#define ORDINARY(addr) { SVC("externalIPs: ['" addr "']"), SAYS(" ClusterIP external " addr) }

static const struct row special[] = {
	SPECIAL("0.0.0.0", "unspecified"),
	SPECIAL("127.0.0.0", "loopback"),
	SPECIAL("127.255.255.255", "loopback"),
	SPECIAL("169.254.0.1", "link-local"),
	SPECIAL("224.0.0.0", "multicast"),
	SPECIAL("239.255.255.255", "multicast"),
	SPECIAL("255.255.255.255", "broadcast"),
	SPECIAL("::", "unspecified"),
	SPECIAL("::1", "loopback"),
	SPECIAL("fe80::1", "link-local"),
	SPECIAL("febf::1", "link-local"),
	SPECIAL("ff02::1", "multicast"),

	ORDINARY("126.255.255.255"),
	ORDINARY("128.0.0.0"),
	ORDINARY("169.253.255.255"),
	ORDINARY("169.255.0.0"),
	ORDINARY("223.255.255.255"),
	ORDINARY("240.0.0.0"),
	ORDINARY("::2"),
	ORDINARY("fe7f::1"),
	ORDINARY("fec0::1"),
	ORDINARY("feff::1"),
};

START_TEST(addresses_that_are_no_single_host_are_refused)
{
	check_decodes(special[_i].text, special[_i].says);
}
END_TEST

static const struct row ranges[] = {
	{ SVC("loadBalancerSourceRanges: []"), SAYS(" ClusterIP") },
	{ SVC("loadBalancerSourceRanges: [10.0.0.0/8, ' 192.0.2.0/24', \"fd00::/8\\t\\n\"]"),
	  SAYS(" ClusterIP ranges 10.0.0.0/8 192.0.2.0/24 fd00::/8") },
	{ SVC("loadBalancerSourceRanges: [0.0.0.0/0]"), SAYS(" ClusterIP ranges 0.0.0.0/0") },
	{ SVC("loadBalancerSourceRanges: [10.0.0.1/8]"),
	  SAYS(" ClusterIP ranges 10.0.0.0/8")
	  "warning: Service default/s: spec.loadBalancerSourceRanges[0]: has bits set beyond its "
	  "length and means 10.0.0.0/8\n" },
	/* Nobody. */
	{ SVC("loadBalancerSourceRanges: [10.0.0.1, '']"),
	  SAYS(" ClusterIP ranges")
	  ERR("spec.loadBalancerSourceRanges[0]: must be an address range like 10.0.0.0/8, not "
	      "\"10.0.0.1\"")
	  ERR("spec.loadBalancerSourceRanges[1]: must be an address range like 10.0.0.0/8, not "
	      "\"\"") },
	{ SVC("loadBalancerSourceRanges: ['10.0.0.0 /8', 10.0.0.0/8]"),
	  SAYS(" ClusterIP ranges 10.0.0.0/8")
	  ERR("spec.loadBalancerSourceRanges[0]: must be an address range like 10.0.0.0/8, not "
	      "\"10.0.0.0 /8\"") },
};

START_TEST(source_ranges_close_the_balancer_also_when_they_cannot_be_read)
{
	check_decodes(ranges[_i].text, ranges[_i].says);
}
END_TEST

static const struct row refused[] = {
	{ SVC("type: clusterip, ports: [{port: 0}, {}, {port: 1, protocol: tcp, targetPort: []},"
	      " {port: 1, nodePort: 65536}]"),
	  ERR("spec.ports[0].port: must be 1 to 65535, not 0")
	  ERR("spec.ports[1].port: is required")
	  ERR("spec.ports[2].protocol: must be TCP, UDP or SCTP, not \"tcp\"")
	  ERR("spec.ports[2].targetPort: must be an integer, not a list")
	  ERR("spec.ports[3].nodePort: must be 0 to 65535, not 65536")
	  ERR("spec.type: must be ClusterIP, NodePort, LoadBalancer or ExternalName, "
	      "not \"clusterip\"") },
	{ SVC("clusterIPs: 10.96.0.1, selector: {a: 1}, publishNotReadyAddresses: 1,"
	      " internalTrafficPolicy: 5, externalTrafficPolicy: local, ipFamilies: [ipv4]"),
	  ERR("spec.clusterIPs: must be a list, not a string")
	  ERR("spec.externalTrafficPolicy: must be Cluster or Local, not \"local\"")
	  ERR("spec.internalTrafficPolicy: must be a string, not a number")
	  ERR("spec.ipFamilies[0]: must be IPv4 or IPv6, not \"ipv4\"")
	  ERR("spec.publishNotReadyAddresses: must be a boolean, not a number")
	  ERR("spec.selector[a]: must be a string, not a number") },
	{ SVC("clusterIPs: [10.96.0.1, 'fd00::1', 10.96.0.2], externalIPs: [1],"
	      " healthCheckNodePort: -1, loadBalancerSourceRanges: 10.0.0.0/8"),
	  ERR("spec.clusterIPs: must have 0 to 2 elements, not 3")
	  ERR("spec.externalIPs[0]: must be a string, not a number")
	  ERR("spec.healthCheckNodePort: must be 0 to 65535, not -1")
	  ERR("spec.loadBalancerSourceRanges: must be a list, not a string") },
	{ SVC("sessionAffinity: ClientIp, sessionAffinityConfig: {clientIP: {timeoutSeconds: 0}}"),
	  ERR("spec.sessionAffinity: must be None or ClientIP, not \"ClientIp\"")
	  ERR("spec.sessionAffinityConfig.clientIP.timeoutSeconds: must be 1 to 86400, not 0") },
	{ SVC("sessionAffinityConfig: {clientIP: {timeoutSeconds: 86401}}"),
	  ERR("spec.sessionAffinityConfig.clientIP.timeoutSeconds: must be 1 to 86400, "
	      "not 86401") },
	{ "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: [], status: 1}",
	  ERR("spec: must be a mapping, not a list")
	  ERR("status: must be a mapping, not a number") },
	{ STATUS("1, {ip: 1, ipMode: 2}"),
	  ERR("status.loadBalancer.ingress[0]: must be a mapping, not a number")
	  ERR("status.loadBalancer.ingress[1].ip: must be a string, not a number")
	  ERR("status.loadBalancer.ingress[1].ipMode: must be a string, not a number") },

	{ SVC("ports: [{name: Web, port: 80}]"),
	  ERR("spec.ports[0].name: must be a lower case name, not \"Web\"") },
	{ SVC("ports: [{name: a, port: 80}, {port: 81}]"),
	  ERR("spec.ports[1].name: is required where there are several ports") },
	{ SVC("ports: [{name: a, port: 80}, {name: b, port: 81}, {name: a, port: 82}]"),
	  ERR("spec.ports[2].name: is that of ports[0] too") },
	{ SVC("ports: [{name: a, port: 80}, {name: b, port: 80, protocol: UDP}, {name: c, port: 80}]"),
	  ERR("spec.ports[2].port: is that of ports[0] too") },
	{ SVC("ports: [{name: a, port: 80, nodePort: 30000}, {name: b, port: 81, nodePort: 30000}]"),
	  ERR("spec.ports[1].nodePort: is that of ports[0] too") },
	{ SVC("ports: [{name: a, port: 80}, {name: a, port: 80}, {name: a, port: 80}]"),
	  ERR("spec.ports[1].name: is that of ports[0] too")
	  ERR("spec.ports[2].name: is that of ports[0] too")
	  ERR("spec.ports[1].port: is that of ports[0] too")
	  ERR("spec.ports[2].port: is that of ports[0] too") },
};

START_TEST(what_an_api_server_would_refuse_is_refused)
{
	check_decodes(refused[_i].text, refused[_i].says);
}
END_TEST

/* As `kubectl get service -o yaml` writes it. */
static const char sample[] =
	"apiVersion: v1\n"
	"items:\n"
	"- apiVersion: v1\n"
	"  kind: Service\n"
	"  metadata:\n"
	"    annotations:\n"
	"      kubectl.kubernetes.io/last-applied-configuration: |\n"
	"        {\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"front\"}}\n"
	"    creationTimestamp: \"2025-06-02T09:14:33Z\"\n"
	"    finalizers:\n"
	"    - service.kubernetes.io/load-balancer-cleanup\n"
	"    labels:\n"
	"      app.kubernetes.io/name: front\n"
	"    managedFields:\n"
	"    - apiVersion: v1\n"
	"      fieldsType: FieldsV1\n"
	"      fieldsV1:\n"
	"        f:spec:\n"
	"          f:ports:\n"
	"            .: {}\n"
	"            k:{\"port\":80,\"protocol\":\"TCP\"}:\n"
	"              .: {}\n"
	"              f:port: {}\n"
	"      manager: kubectl-client-side-apply\n"
	"      operation: Update\n"
	"      subresource: status\n"
	"      time: \"2025-06-02T09:14:33Z\"\n"
	"    name: front\n"
	"    namespace: shop\n"
	"    resourceVersion: \"318772\"\n"
	"    uid: 5b1c2d4e-7f60-4c1d-9a55-0e2f3f3c0b11\n"
	"  spec:\n"
	"    allocateLoadBalancerNodePorts: true\n"
	"    clusterIP: 10.96.143.20\n"
	"    clusterIPs:\n"
	"    - 10.96.143.20\n"
	"    - fd00:10:96::8f14\n"
	"    externalIPs:\n"
	"    - 192.0.2.80\n"
	"    externalTrafficPolicy: Local\n"
	"    healthCheckNodePort: 31790\n"
	"    internalTrafficPolicy: Cluster\n"
	"    ipFamilies:\n"
	"    - IPv4\n"
	"    - IPv6\n"
	"    ipFamilyPolicy: RequireDualStack\n"
	"    loadBalancerSourceRanges:\n"
	"    - 198.51.100.0/24\n"
	"    - 2001:db8:51::/48\n"
	"    ports:\n"
	"    - appProtocol: http\n"
	"      name: http\n"
	"      nodePort: 31380\n"
	"      port: 80\n"
	"      protocol: TCP\n"
	"      targetPort: web\n"
	"    - name: quic\n"
	"      nodePort: 31380\n"
	"      port: 443\n"
	"      protocol: UDP\n"
	"      targetPort: 8443\n"
	"    selector:\n"
	"      app.kubernetes.io/name: front\n"
	"    sessionAffinity: ClientIP\n"
	"    sessionAffinityConfig:\n"
	"      clientIP:\n"
	"        timeoutSeconds: 10800\n"
	"    trafficDistribution: PreferClose\n"
	"    type: LoadBalancer\n"
	"  status:\n"
	"    conditions:\n"
	"    - lastTransitionTime: \"2025-06-02T09:15:01Z\"\n"
	"      message: \"\"\n"
	"      reason: Provisioned\n"
	"      status: \"True\"\n"
	"      type: LoadBalancerProvisioned\n"
	"    loadBalancer:\n"
	"      ingress:\n"
	"      - ip: 203.0.113.20\n"
	"        ipMode: VIP\n"
	"        ports:\n"
	"        - port: 80\n"
	"          protocol: TCP\n"
	"      - ip: 2001:db8:113::20\n"
	"        ipMode: VIP\n"
	"- apiVersion: v1\n"
	"  kind: Service\n"
	"  metadata:\n"
	"    creationTimestamp: \"2025-05-30T07:00:12Z\"\n"
	"    labels:\n"
	"      component: apiserver\n"
	"      provider: kubernetes\n"
	"    name: kubernetes\n"
	"    namespace: default\n"
	"    resourceVersion: \"231\"\n"
	"    uid: 2d0f8a3c-1ff6-43c8-8c6e-8a6f9a0f9e7a\n"
	"  spec:\n"
	"    clusterIP: 10.96.0.1\n"
	"    clusterIPs:\n"
	"    - 10.96.0.1\n"
	"    internalTrafficPolicy: Cluster\n"
	"    ipFamilies:\n"
	"    - IPv4\n"
	"    ipFamilyPolicy: SingleStack\n"
	"    ports:\n"
	"    - name: https\n"
	"      port: 443\n"
	"      protocol: TCP\n"
	"      targetPort: 6443\n"
	"    sessionAffinity: None\n"
	"    type: ClusterIP\n"
	"  status:\n"
	"    loadBalancer: {}\n"
	"kind: List\n"
	"metadata:\n"
	"  resourceVersion: \"\"\n";

START_TEST(what_kubectl_prints_is_read)
{
	check_decodes(sample,
		      "Service shop/front LoadBalancer external-local affinity=10800 health=31790 "
		      "cluster 10.96.143.20 fd00:10:96::8f14 external 192.0.2.80 "
		      "balancer 203.0.113.20 2001:db8:113::20 "
		      "ranges 198.51.100.0/24 2001:db8:51::/48 http:TCP/80@31380 quic:UDP/443@31380\n"
		      "Service default/kubernetes ClusterIP cluster 10.96.0.1 https:TCP/443\n");
}
END_TEST

CHECK_MAIN("decode_service",
	   CHECK_LOOP(a_service_is_decoded, good),
	   CHECK_LOOP(a_service_may_be_headless_or_of_another_proxy, unserved),
	   CHECK_LOOP(the_addresses_of_a_service_are_decoded, addresses),
	   CHECK_LOOP(addresses_that_are_no_single_host_are_refused, special),
	   CHECK_LOOP(source_ranges_close_the_balancer_also_when_they_cannot_be_read, ranges),
	   CHECK_LOOP(what_an_api_server_would_refuse_is_refused, refused),
	   CHECK_TEST(what_kubectl_prints_is_read))
