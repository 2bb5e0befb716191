// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "net/nat.h"
#include "net/nat_table.h"

#define SET_NAME_MAX 16
#define ELEMENT_MAX 256 /* three addresses and numbers */

/* What differs between the families in nft's language. */
struct dialect {
	bool v4;
	const char *name; /* of sets and maps */
	const char *header; /* expression */
	const char *type;
	const char *loopback;
};

static const struct dialect dialects[] = {
	{ true, "4", "ip", "ipv4_addr", "127.0.0.0/8" },
	{ false, "6", "ip6", "ipv6_addr", "::1" },
};

#define DIALECTS (sizeof(dialects) / sizeof(dialects[0]))

/* Of the rule that masqueraded, before the datapath did. */
static const char *const former_sets[] = { "pods4", "pods6", "cluster4", "cluster6" };

#define FORMER_SETS (sizeof(former_sets) / sizeof(former_sets[0]))

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
static bool is_usable(const struct nat *nat, size_t index, const struct dialect *dialect)
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
				      const char *name, const struct dialect *dialect)
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
			   const struct dialect *dialect)
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

/* Host ports of one address of the node (@bound), or of all. */
static void write_ports(FILE *out, struct nat_table *table, const struct nat *nat,
			const struct dialect *dialect, bool bound)
{
	struct elements elements =
		elements_begin(out, table, "map", bound ? "bound" : "ports", dialect);
	char host[ADDR_TEXT_MAX], pod[ADDR_TEXT_MAX], text[ELEMENT_MAX];

	fprintf(out, "\t\ttype %s%sinet_proto . inet_service : %s . inet_service\n",
		bound ? dialect->type : "", bound ? " . " : "", dialect->type);
	for (size_t i = 0; i < nat->port_count; i++) {
		const struct nat_port *port = &nat->ports[i];

		if (!is_usable(nat, i, dialect) || ip_addr_is_none(&port->host_ip) == bound)
			continue;
		snprintf(text, sizeof(text), "%s%s%s . %u : %s . %u",
			 bound ? addr_text(host, &port->host_ip) : "", bound ? " . " : "",
			 proto_name(port->proto), port->host_port, addr_text(pod, &port->pod_ip),
			 port->container_port);
		element_put(&elements, text);
	}
	elements_end(&elements);
}

/*
 * Loopback destinations are left out: IPv4 would need route_localnet on every
 * link, which opens the node's loopback services to the pods, and IPv6 has nothing
 * like it. Processes of the node reach host ports by the node's other addresses.
 */
static void write_host_port_chain(FILE *out)
{
	fputs("\tchain hostports {\n", out);
	for (size_t i = 0; i < DIALECTS; i++) {
		const struct dialect *d = &dialects[i];

		fprintf(out, "\t\t%s daddr %s return\n", d->header, d->loopback);
		fprintf(out, "\t\tdnat %s to %s daddr . meta l4proto . th dport map @bound%s\n",
			d->header, d->header, d->name);
		fprintf(out, "\t\tdnat %s to meta l4proto . th dport map @ports%s\n", d->header,
			d->name);
	}
	fputs("\t}\n", out);
}

static void write_hooks(FILE *out)
{
	static const char *const hooks[] = { "prerouting", "output" };

	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
		fprintf(out,
			"\tchain %s {\n"
			"\t\ttype nat hook %s priority -100; policy accept;\n"
			"\t\tfib daddr type local jump hostports\n"
			"\t}\n",
			hooks[i], hooks[i]);
}

/*
 * A pod that reaches itself by its host port would answer itself directly; so its own address
 * must not be the source. Everything else between pods of the node keeps its source, which
 * policies judge. As long as there is such a chain, connections that a former version's rule
 * has masqueraded go on: the kernel knows them.
 */
static void write_postrouting(FILE *out)
{
	fputs("\tchain postrouting {\n"
	      "\t\ttype nat hook postrouting priority 100; policy accept;\n", out);
	for (size_t i = 0; i < DIALECTS; i++) {
		const struct dialect *d = &dialects[i];

		fprintf(out, "\t\t%s saddr . %s daddr @hairpins%s masquerade fully-random\n",
			d->header, d->header, d->name);
	}
	fputs("\t}\n", out);
}

/* The table as it shall be, without the elements that @table has. */
static void write_table(FILE *out, struct nat_table *table, const struct nat *nat)
{
	fputs("table inet weir {\n", out);
	for (size_t i = 0; i < DIALECTS; i++) {
		write_hairpins(out, table, nat, &dialects[i]);
		write_ports(out, table, nat, &dialects[i], true);
		write_ports(out, table, nat, &dialects[i], false);
	}
	write_host_port_chain(out);
	write_hooks(out);
	write_postrouting(out);
	fputs("}\n", out);
}

static int close_text(FILE *out)
{
	bool failed = ferror(out);

	return fclose(out) || failed ? -ENOMEM : 0;
}

int nat_script(char **ret, const struct nat *nat, const char *listed)
{
	cleanup(nat_table_done) struct nat_table table = {};
	cleanup(freep) char *body = NULL;
	cleanup(freep) char *text = NULL;
	bool former[FORMER_SETS];
	size_t size;
	FILE *out;
	int r;

	if (listed && nat_table_parse(&table, listed) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < FORMER_SETS; i++)
		former[i] = nat_table_forget(&table, former_sets[i]);
	out = open_memstream(&body, &size);
	if (!out)
		return -ENOMEM;
	write_table(out, &table, nat);
	r = close_text(out);
	if (r < 0)
		return r;
	if (!nat_table_is_part(&table, body))
		return -EEXIST;
	out = open_memstream(&text, &size);
	if (!out)
		return -ENOMEM;
	fputs(listed ? NAT_SCRIPT_EMPTY : NAT_SCRIPT_REMOVE, out);
	nat_table_delete_rest(out, &table);
	for (size_t i = 0; i < FORMER_SETS; i++)
		if (former[i])
			fprintf(out, "delete set inet weir %s\n", former_sets[i]);
	fputs(body, out);
	r = close_text(out);
	if (r < 0)
		return r;
	*ret = take_ptr(&text);
	return 0;
}
