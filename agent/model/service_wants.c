// SPDX-License-Identifier: Apache-2.0
/* What a Service asks for: every address it names, with every port of it. */
#include <string.h>

#include "model/service_private.h"

bool service_is_served(const struct service *service)
{
	return service->type != SERVICE_EXTERNAL_NAME && !service->headless && !service->foreign &&
	       service->cluster_ip_count;
}

bool service_is_others(const struct service *service)
{
	return service->foreign && !service->headless && service->type != SERVICE_EXTERNAL_NAME &&
	       service->cluster_ip_count;
}

/* A family is the Service's when it has a ClusterIP of it. */
bool service_has_family(const struct service *service, bool is_v4)
{
	for (size_t i = 0; i < service->cluster_ip_count; i++)
		if (ip_addr_is_v4(&service->cluster_ips[i]) == is_v4)
			return true;
	return false;
}

struct ip_addr any_address(bool is_v4)
{
	struct ip_addr addr = IP_ADDR_NONE;

	if (is_v4)
		ip_addr_set_v4(&addr, 0);
	return addr;
}

bool service_external(const struct service *service, size_t at, struct ip_addr *addr,
		      enum frontend_kind *kind)
{
	if (at < service->external_ip_count) {
		*addr = service->external_ips[at];
		*kind = FRONTEND_EXTERNAL_IP;
		return true;
	}
	at -= service->external_ip_count;
	if (service->type != SERVICE_LOAD_BALANCER || at >= service->balancer_ip_count)
		return false;
	*addr = service->balancer_ips[at];
	*kind = FRONTEND_LOAD_BALANCER;
	return true;
}

/* Address @at of those that a Service has: false: no more. */
static bool address_get(const struct service *service, size_t at, struct service_want *want)
{
	size_t externals = service->external_ip_count;

	if (at < service->cluster_ip_count) {
		want->addr = service->cluster_ips[at];
		want->kind = FRONTEND_CLUSTER_IP;
		return true;
	}
	at -= service->cluster_ip_count;
	if (service_external(service, at, &want->addr, &want->kind))
		return true;
	if (service->type == SERVICE_LOAD_BALANCER)
		externals += service->balancer_ip_count;
	at -= externals;
	want->addr = any_address(at == 0);
	want->kind = FRONTEND_NODE_PORT;
	return at < 2;
}

struct want_walk wants_of(const struct service *service)
{
	return (struct want_walk){
		.service = service,
		.port_end = service_is_served(service) ? service->port_count : 0,
		.others = service_is_others(service),
	};
}

struct want_walk wants_of_port(const struct service *service, size_t port)
{
	return (struct want_walk){ .service = service, .port = port, .port_end = port + 1,
				   .others = service_is_others(service) };
}

/* Whether this port is wanted at this kind of address; and as which number. */
static bool port_fits(const struct service *service, const struct service_spec_port *port,
		      struct service_want *want)
{
	want->port = port->port;
	want->proto = port->proto;
	if (want->kind != FRONTEND_NODE_PORT)
		return true;
	want->port = port->node_port;
	return port->node_port && (service->type == SERVICE_NODE_PORT ||
				   service->type == SERVICE_LOAD_BALANCER);
}

static bool others_next(struct want_walk *walk, struct service_want *ret)
{
	if (walk->address == walk->service->cluster_ip_count)
		return false;
	*ret = (struct service_want){
		.addr = walk->service->cluster_ips[walk->address++],
		.kind = FRONTEND_CLUSTER_IP,
		.port = FRONTEND_OTHERS_PORT,
		.proto = FRONTEND_OTHERS_PROTO,
	};
	return true;
}

bool want_next(struct want_walk *walk, struct service_want *ret)
{
	const struct service *service = walk->service;

	if (walk->others)
		return others_next(walk, ret);
	while (walk->port < walk->port_end) {
		if (!address_get(service, walk->address, ret)) {
			walk->address = 0;
			walk->port++;
			continue;
		}
		walk->address++;
		ret->index = (uint32_t)walk->port;
		if (port_fits(service, &service->ports[walk->port], ret) &&
		    service_has_family(service, ip_addr_is_v4(&ret->addr)))
			return true;
	}
	return false;
}

static bool same_addresses(const struct ip_addr *a, size_t a_count, const struct ip_addr *b,
			   size_t b_count)
{
	return a_count == b_count && (!a_count || !memcmp(a, b, a_count * sizeof(*a)));
}

static bool same_ports(const struct service *a, const struct service *b)
{
	if (a->port_count != b->port_count)
		return false;
	for (size_t i = 0; i < a->port_count; i++)
		if (a->ports[i].proto != b->ports[i].proto ||
		    a->ports[i].port != b->ports[i].port ||
		    a->ports[i].node_port != b->ports[i].node_port)
			return false;
	return true;
}

bool claims_same(const struct service *a, const struct service *b)
{
	return service_is_served(a) == service_is_served(b) &&
	       service_is_others(a) == service_is_others(b) && a->type == b->type &&
	       same_addresses(a->cluster_ips, a->cluster_ip_count, b->cluster_ips,
			      b->cluster_ip_count) &&
	       same_addresses(a->external_ips, a->external_ip_count, b->external_ips,
			      b->external_ip_count) &&
	       same_addresses(a->balancer_ips, a->balancer_ip_count, b->balancer_ips,
			      b->balancer_ip_count) &&
	       same_ports(a, b);
}
