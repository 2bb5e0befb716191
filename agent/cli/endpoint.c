// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/output.h"

int print_endpoints(FILE *out, const json_t *answer)
{
	cleanup(table_done) struct table table =
		TABLE(">ID", "STATE", "NAMESPACE", "POD", "ADDRESSES", "DEVICE", "INGRESS", "EGRESS");
	json_t *ep;
	size_t i;

	json_array_foreach(json_object_get(answer, "endpoints"), i, ep) {
		table_cell(&table, "%lld", json_number(ep, "id"));
		table_cell(&table, "%s", json_text(ep, "state"));
		table_cell(&table, "%s", json_text(ep, "namespace"));
		table_cell(&table, "%s", json_text(ep, "pod"));
		table_cell_join(&table, json_object_get(ep, "ips"), 0);
		table_cell(&table, "%s", json_text(ep, "hostIfname"));
		table_cell(&table, "%s", json_text(ep, "ingress"));
		table_cell(&table, "%s", json_text(ep, "egress"));
	}
	return table_print(out, &table);
}

static void print_host_ports(FILE *out, const json_t *ep)
{
	json_t *port;
	size_t i;

	json_array_foreach(json_object_get(ep, "hostPorts"), i, port) {
		const char *ip = json_text(port, "hostIP");

		fprintf(out, "%-12s", i ? "" : "Host ports");
		fprintf(out, strchr(ip, ':') ? "[%s]:" : "%s:", *ip ? ip : "*");
		fprintf(out, "%lld to %lld/%s\n", json_number(port, "hostPort"),
			json_number(port, "containerPort"), json_text(port, "protocol"));
	}
}

int print_endpoint(FILE *out, const json_t *ep)
{
	cleanup(freep) char *ips = json_join(json_object_get(ep, "ips"), ", ", 0);

	if (!ips)
		return -ENOMEM;
	fprintf(out, "Endpoint    %lld, %s\n", json_number(ep, "id"), json_text(ep, "state"));
	fprintf(out, "Pod         %s/%s\n", json_text(ep, "namespace"), json_text(ep, "pod"));
	fprintf(out, "Container   %s, network %s\n", json_text(ep, "containerID"),
		json_text(ep, "network"));
	fprintf(out, "Device      %s inside, %s (%lld) on the host, mtu %lld\n",
		json_text(ep, "ifname"), json_text(ep, "hostIfname"), json_number(ep, "ifindex"),
		json_number(ep, "mtu"));
	fprintf(out, "MAC         %s\n", json_text(ep, "mac"));
	fprintf(out, "Addresses   %s\n", *ips ? ips : "none");
	fprintf(out, "Class       %lld\n", json_number(ep, "class"));
	print_host_ports(out, ep);
	print_ruleset(out, "Ingress", json_object_get(ep, "ingressRuleset"));
	print_ruleset(out, "Egress", json_object_get(ep, "egressRuleset"));
	return 0;
}
