// SPDX-License-Identifier: Apache-2.0
#include "endpoint/ports.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "net/nat.h"

static size_t count_ports(struct agent *agent)
{
	struct pod_endpoint *ep;
	size_t count = 0;

	for (uint32_t pos = 0; (ep = endpoints_next(&agent->endpoints, &pos));)
		count += ep->port_count * FAMILY_MAX;
	return count;
}

/* A host port counts for each family that pod and host address have. */
static void add_ports(struct nat_port *list, size_t *count, const struct pod_endpoint *ep)
{
	for (size_t i = 0; i < ep->port_count; i++) {
		for (int family = 0; family < FAMILY_MAX; family++) {
			const struct host_port *port = &ep->ports[i];

			if (ip_addr_is_none(&ep->ips[family]))
				continue;
			if (!ip_addr_is_none(&port->host_ip) &&
			    ip_addr_is_v4(&port->host_ip) != (family == FAMILY_IP4))
				continue;
			list[(*count)++] = (struct nat_port){
				.proto = port->proto,
				.host_port = port->host_port,
				.container_port = port->container_port,
				.host_ip = port->host_ip,
				.pod_ip = ep->ips[family],
				.loopback = !ep->chained,
			};
		}
	}
}

int ports_apply(struct agent *agent)
{
	struct nat nat = {};
	cleanup(freep) struct nat_port *ports = calloc(count_ports(agent) + 1, sizeof(*ports));
	struct pod_endpoint *ep;

	if (!ports)
		return -ENOMEM;
	for (uint32_t pos = 0; (ep = endpoints_next(&agent->endpoints, &pos));)
		if (ep->state == POD_ATTACHING || ep->state == POD_READY)
			add_ports(ports, &nat.port_count, ep);
	nat.ports = ports;
	return nat_apply(&nat);
}

void ports_forget_datagrams(const struct pod_endpoint *ep)
{
	int r = 0;

	for (size_t i = 0; i < ep->port_count; i++)
		if (ep->ports[i].proto == IPPROTO_UDP)
			r = nat_forget_datagrams(ep->ports[i].host_port) ?: r;
	if (r < 0)
		log_warn("host ports of pod %s/%s: known UDP goes on as before: %s", ep->namespace,
			 ep->pod, strerror(-r));
}

bool ports_at_loopback(const struct pod_endpoint *ep)
{
	for (size_t i = 0; i < ep->port_count; i++)
		if (ip_addr_is_none(&ep->ports[i].host_ip) ||
		    ip_addr_is_loopback4(&ep->ports[i].host_ip))
			return !ip_addr_is_none(&ep->ips[FAMILY_IP4]);
	return false;
}

/* What is to be said of it, NULL: nothing. */
static const char *limits(const struct pod_endpoint *ep, const struct host_port *port)
{
	if (ip_addr_is_loopback6(&port->host_ip))
		return "is served only to who asks from another address of the node: the kernel "
		       "cannot translate what comes from IPv6 loopback addresses";
	if (ep->chained && ip_addr_is_loopback4(&port->host_ip))
		return "is not served: the link is another plugin's, and takes no packets of "
		       "loopback addresses";
	return NULL;
}

void ports_warn(const struct pod_endpoint *ep)
{
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < ep->port_count; i++) {
		const struct host_port *port = &ep->ports[i];
		const char *said = limits(ep, port);

		if (said)
			log_warn("pod %s/%s: host port %u at %s %s", ep->namespace, ep->pod,
				 port->host_port, addr_text(text, &port->host_ip), said);
	}
}
