// SPDX-License-Identifier: Apache-2.0
/* Sets and maps of the table: which host ports there are, and whose. */
#include <netinet/in.h>
#include <stdio.h>

#include "net/nat.h"
#include "net/nat_sets.h"

#define SET_NAME_MAX 16
#define ELEMENT_MAX 256 /* three addresses and numbers */

static const struct ip_addr loopback_first = { .bytes = { [10] = 0xff, 0xff, 127, 0, 0, 1 } };

static const char *proto_name(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_SCTP:
		return "sctp";
	default:
		return NULL;
	}
}

static bool same_host_port(const struct nat_port *a, const struct nat_port *b)
{
	return a->proto == b->proto && a->host_port == b->host_port &&
	       ip_addr_is_v4(&a->pod_ip) == ip_addr_is_v4(&b->pod_ip) &&
	       ip_addr_equal(&a->host_ip, &b->host_ip);
}

/*
 * nft refuses a map with two answers for a key, and with it the whole table. Two
 * pods may ask for the same host port while one of them leaves: the first of the
 * list has it.
 */
static bool is_usable(const struct nat *nat, size_t index, const struct nat_dialect *dialect)
{
	const struct nat_port *port = &nat->ports[index];

	if (ip_addr_is_none(&port->pod_ip) || ip_addr_is_v4(&port->pod_ip) != dialect->v4)
		return false;
	if (!proto_name(port->proto) || !port->host_port || !port->container_port)
		return false;
	if (!ip_addr_is_none(&port->host_ip) && ip_addr_is_v4(&port->host_ip) != dialect->v4)
		return false;
	for (size_t i = 0; i < index; i++)
		if (same_host_port(&nat->ports[i], port))
			return false;
	return true;
}

/* The elements of a set or map that are not there yet; nft has no syntax for an empty list. */
struct elements {
	FILE *out;
	struct nat_table *table;
	char set[SET_NAME_MAX];
	bool any;
};

/* @kind is "set" or "map"; the block is open until elements_end(). */
static struct elements elements_begin(FILE *out, struct nat_table *table, const char *kind,
				      const char *name, const struct nat_dialect *dialect)
{
	struct elements elements = { .out = out, .table = table };

	snprintf(elements.set, sizeof(elements.set), "%s%s", name, dialect->name);
	fprintf(out, "\t%s %s {\n", kind, elements.set);
	return elements;
}

static void element_put(struct elements *elements, const char *text)
{
	if (nat_table_keep(elements->table, elements->set, text))
		return;
	fputs(elements->any ? ",\n\t\t\t" : "\t\telements = {\n\t\t\t", elements->out);
	fputs(text, elements->out);
	elements->any = true;
}

static void elements_end(struct elements *elements)
{
	if (elements->any)
		fputs("\n\t\t}\n", elements->out);
	fputs("\t}\n", elements->out);
}

/* `pod . pod`: nft cannot compare two fields of a packet, but look up both at once. */
static void write_hairpins(FILE *out, struct nat_table *table, const struct nat *nat,
			   const struct nat_dialect *dialect)
{
	struct elements elements = elements_begin(out, table, "set", "hairpins", dialect);
	char pod[ADDR_TEXT_MAX], text[ELEMENT_MAX];

	fprintf(out, "\t\ttype %s . %s\n", dialect->type, dialect->type);
	for (size_t i = 0; i < nat->port_count; i++) {
		if (!is_usable(nat, i, dialect))
			continue;
		addr_text(pod, &nat->ports[i].pod_ip);
		snprintf(text, sizeof(text), "%s . %s", pod, pod);
		element_put(&elements, text);
	}
	elements_end(&elements);
}

/* The type of a map of host ports, @bound to one address each or not. */
static void write_type(FILE *out, const struct nat_dialect *dialect, bool bound)
{
	fprintf(out, "\t\ttype %s%sinet_proto . inet_service : %s . inet_service\n",
		bound ? dialect->type : "", bound ? " . " : "", dialect->type);
}

/* @host: NULL in a map of ports of every address. */
static void port_put(struct elements *elements, const struct nat_port *port,
		     const struct ip_addr *host)
{
	char address[ADDR_TEXT_MAX], pod[ADDR_TEXT_MAX], text[ELEMENT_MAX];

	snprintf(text, sizeof(text), "%s%s%s . %u : %s . %u", host ? addr_text(address, host) : "",
		 host ? " . " : "", proto_name(port->proto), port->host_port,
		 addr_text(pod, &port->pod_ip), port->container_port);
	element_put(elements, text);
}

/* Host ports of one address of the node (@bound), or of all. */
static void write_ports(FILE *out, struct nat_table *table, const struct nat *nat,
			const struct nat_dialect *dialect, bool bound)
{
	struct elements elements =
		elements_begin(out, table, "map", bound ? "bound" : "ports", dialect);

	write_type(out, dialect, bound);
	for (size_t i = 0; i < nat->port_count; i++) {
		const struct ip_addr *host = &nat->ports[i].host_ip;

		if (is_usable(nat, i, dialect) && ip_addr_is_none(host) != bound &&
		    !ip_addr_is_loopback4(host))
			port_put(&elements, &nat->ports[i], bound ? host : NULL);
	}
	elements_end(&elements);
}

/*
 * Whether port @index is one of @host, an address of 127.0.0.0/8: bound to it, or of every
 * address and nobody is bound to 127.0.0.1. The rest of 127.0.0.0/8 only bound ones have: a
 * resolver of the node at 127.0.0.53 goes on beside a pod with host port 53.
 */
static bool is_at_loopback(struct ip_addr *host, const struct nat *nat, size_t index,
			   const struct nat_dialect *dialect)
{
	const struct nat_port *port = &nat->ports[index];
	struct nat_port bound = *port;

	if (!is_usable(nat, index, dialect) || !port->loopback)
		return false;
	*host = port->host_ip;
	if (!ip_addr_is_none(host))
		return ip_addr_is_loopback4(host);
	*host = bound.host_ip = loopback_first;
	for (size_t i = 0; i < nat->port_count; i++)
		if (nat->ports[i].loopback && same_host_port(&nat->ports[i], &bound) &&
		    is_usable(nat, i, dialect))
			return false;
	return true;
}

/* Host ports at the node's IPv4 loopback addresses, for its own processes alone. */
static void write_loopbacks(FILE *out, struct nat_table *table, const struct nat *nat,
			    const struct nat_dialect *dialect)
{
	struct elements elements = elements_begin(out, table, "map", "loopback", dialect);
	struct ip_addr host;

	write_type(out, dialect, true);
	for (size_t i = 0; i < nat->port_count; i++)
		if (is_at_loopback(&host, nat, i, dialect))
			port_put(&elements, &nat->ports[i], &host);
	elements_end(&elements);
}

void nat_sets_write(FILE *out, struct nat_table *table, const struct nat *nat,
		    const struct nat_dialect *dialect)
{
	write_hairpins(out, table, nat, dialect);
	write_ports(out, table, nat, dialect, true);
	write_ports(out, table, nat, dialect, false);
	if (dialect->v4)
		write_loopbacks(out, table, nat, dialect);
}
