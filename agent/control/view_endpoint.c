// SPDX-License-Identifier: Apache-2.0
#include "control/view.h"

#include "base/addr.h"
#include "base/cleanup.h"
#include "control/view_parts.h"

static json_t *view_ips(const struct pod_endpoint *ep)
{
	cleanup(json_decrefp) json_t *ips = json_array();
	char text[ADDR_TEXT_MAX];

	for (int i = 0; i < 2; i++)
		if (!ip_addr_is_none(&ep->ips[i]) &&
		    json_array_append_new(ips, json_string(addr_text(text, &ep->ips[i]))) < 0)
			return NULL;
	return take_ptr(&ips);
}

static json_t *view_host_port(const struct host_port *port)
{
	char host_ip[ADDR_TEXT_MAX] = "";

	if (!ip_addr_is_none(&port->host_ip))
		addr_text(host_ip, &port->host_ip);
	return json_pack("{s:o,s:i,s:i,s:s}", "protocol", view_proto(port->proto), "hostPort",
			 port->host_port, "containerPort", port->container_port, "hostIP", host_ip);
}

static json_t *view_host_ports(const struct pod_endpoint *ep)
{
	cleanup(json_decrefp) json_t *ports = json_array();

	for (size_t i = 0; i < ep->port_count; i++)
		if (json_array_append_new(ports, view_host_port(&ep->ports[i])) < 0)
			return NULL;
	return take_ptr(&ports);
}

static const char *isolation(const struct pod_endpoint *ep, const struct image *image,
			     enum policy_dir dir)
{
	const struct image_ruleset *ruleset = view_find_ruleset(image, ep->ifindex, dir);

	if (!view_find_binding(image, ep->ifindex))
		return "isolated";
	return ruleset && ruleset->header.flags & RULESET_ISOLATED ? "isolated" : "open";
}

json_t *view_endpoint(const struct pod_endpoint *ep, const struct image *image)
{
	const struct image_binding *binding = view_find_binding(image, ep->ifindex);
	char mac[MAC_TEXT_MAX];

	return json_pack("{s:I,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:s,s:I,s:o,s:I,s:s,s:s,s:o}",
			 "id", (json_int_t)ep->slot,
			 "state", pod_state_name(ep->state),
			 "namespace", ep->namespace,
			 "pod", ep->pod,
			 "containerID", ep->container_id,
			 "ifname", ep->ifname,
			 "network", ep->network,
			 "hostIfname", ep->host_ifname,
			 "ifindex", (json_int_t)ep->ifindex,
			 "mac", mac_text(mac, ep->mac),
			 "mtu", (json_int_t)ep->mtu,
			 "ips", view_ips(ep),
			 "class", binding ? (json_int_t)binding->class : 0,
			 "ingress", isolation(ep, image, POLICY_INGRESS),
			 "egress", isolation(ep, image, POLICY_EGRESS),
			 "hostPorts", view_host_ports(ep));
}

json_t *view_endpoint_detail(const struct pod_endpoint *ep, const struct image *image)
{
	cleanup(json_decrefp) json_t *value = view_endpoint(ep, image);
	const struct image_ruleset *ingress = view_find_ruleset(image, ep->ifindex, POLICY_INGRESS);
	const struct image_ruleset *egress = view_find_ruleset(image, ep->ifindex, POLICY_EGRESS);

	if (json_object_set_new(value, "ingressRuleset", view_ruleset(ingress)) < 0 ||
	    json_object_set_new(value, "egressRuleset", view_ruleset(egress)) < 0)
		return NULL;
	return take_ptr(&value);
}

json_t *view_endpoints(const struct endpoint_table *table, const struct image *image)
{
	cleanup(json_decrefp) json_t *endpoints = json_array();
	const struct pod_endpoint *ep;

	for (uint32_t pos = 0; (ep = endpoints_next(table, &pos));)
		if (json_array_append_new(endpoints, view_endpoint(ep, image)) < 0)
			return NULL;
	return json_pack("{s:o}", "endpoints", take_ptr(&endpoints));
}
