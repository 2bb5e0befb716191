// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "dump.h"

struct row {
	const char *text; /* what follows `metadata: {name: a` */
	const char *says;
};

#define NAME "Pod default/a"
#define ERR(what) "error: " NAME ": " what "\n"

static void check_pod(const char *text, const char *says)
{
	cleanup(freep) char *all = NULL;

	ck_assert_int_ge(asprintf(&all, "{apiVersion: v1, kind: Pod, metadata: {name: a%s}", text),
			 0);
	check_decodes(all, says);
}

static const struct row identities[] = {
	{ "}", NAME " node= uid=\n" },
	{ ", uid: 0f-1, labels: {b: v, a: x}}", NAME " node= uid=0f-1 a=x b=v\n" },
	{ ", labels: null}", NAME " node= uid=\n" },
	{ ", labels: {a: ''}}", NAME " node= uid= a=\n" },
	{ ", annotations: {x: y}, finalizers: [z]}", NAME " node= uid=\n" },
	{ ", deletionTimestamp: 2026-01-01T00:00:00Z}", NAME " node= uid=\n" },

	/* With some of its labels it would be another pod. */
	{ ", labels: [a]}", ERR("metadata.labels: must be a mapping, not a list") },
	{ ", labels: {a: 1}}", ERR("metadata.labels[a]: must be a string, not a number") },
	{ ", labels: {a: yes}}", ERR("metadata.labels[a]: must be a string, not a boolean") },
	{ ", labels: {a: null}}", ERR("metadata.labels[a]: must be a string, not null") },
	{ ", labels: {a: 'x y'}}",
	  ERR("metadata.labels[a]: must be a label value, not \"x y\"") },
	{ ", labels: {a/b/c: x}}", ERR("metadata.labels[a/b/c]: is not the key of a label") },
	{ ", uid: 5}", ERR("metadata.uid: must be a string, not a number") },
};

START_TEST(a_pod_has_all_its_labels_or_is_refused)
{
	check_pod(identities[_i].text, identities[_i].says);
}
END_TEST

static const struct row specs[] = {
	{ "}, spec: null, status: null", NAME " node= uid=\n" },
	{ "}, spec: {nodeName: n1}", NAME " node=n1 uid=\n" },
	{ "}, spec: {hostNetwork: true}", NAME " node= uid= host\n" },
	{ "}, spec: {hostNetwork: false, restartPolicy: Never, any: thing}", NAME " node= uid=\n" },
	{ "}, spec: []", ERR("spec: must be a mapping, not a list") },
	{ "}, spec: {nodeName: 1}", ERR("spec.nodeName: must be a string, not a number") },
	{ "}, spec: {hostNetwork: 'true'}",
	  ERR("spec.hostNetwork: must be a boolean, not a string") },
};

START_TEST(a_pod_without_a_readable_spec_is_refused)
{
	check_pod(specs[_i].text, specs[_i].says);
}
END_TEST

#define PORT(what) ERR("spec.containers[0].ports[0]" what)

static const struct row ports[] = {
	{ "{}", NAME " node= uid=\n" },
	{ "{containerPort: 80}", NAME " node= uid=\n" },
	{ "{name: '', containerPort: 80}", NAME " node= uid=\n" },
	{ "{name: http, containerPort: 80, hostPort: 8080}", NAME " node= uid= http:TCP/80\n" },
	{ "{name: dns, containerPort: 53, protocol: UDP}, {name: dns, containerPort: 53}",
	  NAME " node= uid= dns:UDP/53 dns:TCP/53\n" },
	{ "{name: http, containerPort: 80, protocol: null}", NAME " node= uid= http:TCP/80\n" },

	{ "{name: http}, {name: other, containerPort: 1}",
	  NAME " node= uid= other:TCP/1\n" PORT(".containerPort: is required") },
	{ "{name: http, containerPort: 0}",
	  NAME " node= uid=\n" PORT(".containerPort: must be 1 to 65535, not 0") },
	{ "{name: http, containerPort: 65536}",
	  NAME " node= uid=\n" PORT(".containerPort: must be 1 to 65535, not 65536") },
	{ "{name: http, containerPort: '80'}",
	  NAME " node= uid=\n" PORT(".containerPort: must be an integer, not a string") },
	{ "{name: 80, containerPort: 80}",
	  NAME " node= uid=\n" PORT(".name: must be a string, not a number") },
	{ "{name: HTTP, containerPort: 80}",
	  NAME " node= uid=\n" PORT(".name: must be the name of a port, not \"HTTP\"") },
	{ "{name: http, containerPort: 80, protocol: http}",
	  NAME " node= uid=\n" PORT(".protocol: must be TCP, UDP or SCTP, not \"http\"") },
	{ "80", NAME " node= uid=\n" PORT(": must be a mapping, not a number") },
};

START_TEST(named_ports_are_kept_and_unusable_ones_left_out)
{
	cleanup(freep) char *text = NULL;

	ck_assert_int_ge(asprintf(&text, "}, spec: {containers: [{name: c, ports: [%s]}]}",
				  ports[_i].text), 0);
	check_pod(text, ports[_i].says);
}
END_TEST

static const struct row containers[] = {
	{ "containers: [{ports: [{name: a, containerPort: 1}]}, {},"
	  " {ports: [{name: a, containerPort: 2}]}],"
	  " initContainers: [{ports: [{name: b, containerPort: 3}], restartPolicy: Always}]",
	  NAME " node= uid= b:TCP/3 a:TCP/1 a:TCP/2\n" },
	{ "containers: null, initContainers: null", NAME " node= uid=\n" },
	{ "containers: {}", NAME " node= uid=\n"
	  ERR("spec.containers: must be a list, not a mapping") },
	{ "containers: [null]", NAME " node= uid=\n"
	  ERR("spec.containers[0]: must be a mapping, not null") },
	{ "containers: [{ports: {}}]", NAME " node= uid=\n"
	  ERR("spec.containers[0].ports: must be a list, not a mapping") },
};

START_TEST(ports_of_all_containers_count)
{
	cleanup(freep) char *text = NULL;

	ck_assert_int_ge(asprintf(&text, "}, spec: {%s}", containers[_i].text), 0);
	check_pod(text, containers[_i].says);
}
END_TEST

static const struct row statuses[] = {
	{ "{}", NAME " node= uid=\n" },
	{ "{phase: Pending}", NAME " node= uid=\n" },
	{ "{phase: Running, podIP: 10.0.0.1}", NAME " node= uid= 10.0.0.1\n" },
	{ "{phase: Succeeded, podIP: 10.0.0.1}", NAME " node= uid= finished 10.0.0.1\n" },
	{ "{phase: Failed}", NAME " node= uid= finished\n" },
	{ "{podIP: 10.0.0.1, podIPs: [{ip: 10.0.0.1}, {ip: 'fd00::1'}]}",
	  NAME " node= uid= 10.0.0.1 fd00::1\n" },
	{ "{podIPs: [{ip: 10.0.0.1}, {ip: 10.0.0.1}]}", NAME " node= uid= 10.0.0.1\n" },
	{ "{podIP: 10.0.0.1, podIPs: []}", NAME " node= uid= 10.0.0.1\n" },
	{ "{podIP: 10.0.0.9, podIPs: [{ip: 10.0.0.1}]}", NAME " node= uid= 10.0.0.1\n" },
	{ "{podIP: '', podIPs: null}", NAME " node= uid=\n" },

	{ "{phase: Done}", NAME " node= uid=\n"
	  ERR("status.phase: must be Pending, Running, Succeeded, Failed or Unknown, "
	      "not \"Done\"") },
	{ "{podIP: 10.0.0}", NAME " node= uid=\n"
	  ERR("status.podIP: must be an IP address, not \"10.0.0\"") },
	{ "{podIPs: [{ip: x}, {}, z, {ip: 10.0.0.2}]}", NAME " node= uid= 10.0.0.2\n"
	  ERR("status.podIPs[0].ip: must be an IP address, not \"x\"")
	  ERR("status.podIPs[1].ip: is required")
	  ERR("status.podIPs[2]: must be a mapping, not a string") },
	{ "{podIPs: [{ip: '::ffff:10.0.0.1'}]}", NAME " node= uid=\n"
	  ERR("status.podIPs[0].ip: must be an IP address, not the v4-mapped \"::ffff:10.0.0.1\"") },
	{ "{podIPs: 10.0.0.1}", NAME " node= uid=\n"
	  ERR("status.podIPs: must be a list, not a string") },
	{ "ok", ERR("status: must be a mapping, not a string") },
};

START_TEST(addresses_and_phase_come_from_the_status)
{
	cleanup(freep) char *text = NULL;

	ck_assert_int_ge(asprintf(&text, "}, status: %s", statuses[_i].text), 0);
	check_pod(text, statuses[_i].says);
}
END_TEST

CHECK_MAIN("decode_pod", CHECK_LOOP(a_pod_has_all_its_labels_or_is_refused, identities),
	   CHECK_LOOP(a_pod_without_a_readable_spec_is_refused, specs),
	   CHECK_LOOP(named_ports_are_kept_and_unusable_ones_left_out, ports),
	   CHECK_LOOP(ports_of_all_containers_count, containers),
	   CHECK_LOOP(addresses_and_phase_come_from_the_status, statuses))
