// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "net/nat.h"
#include "net/nat_sets.h"
#include "net/nat_table.h"
#include "weir/linkname.h"

static const struct nat_dialect dialects[] = {
	{ true, "4", "ip", "ipv4_addr", "127.0.0.0/8" },
	{ false, "6", "ip6", "ipv6_addr", "::1" },
};

#define DIALECTS (sizeof(dialects) / sizeof(dialects[0]))

/* Of the rule that masqueraded, before the datapath did. */
static const char *const former_sets[] = { "pods4", "pods6", "cluster4", "cluster6" };

#define FORMER_SETS (sizeof(former_sets) / sizeof(former_sets[0]))

/*
 * Loopback destinations are left out: what comes in with one is forged, and the translation
 * would come before the kernel's refusal. The node's own go by write_hooks().
 */
static void write_host_port_chain(FILE *out)
{
	fputs("\tchain hostports {\n", out);
	for (size_t i = 0; i < DIALECTS; i++) {
		const struct nat_dialect *d = &dialects[i];

		fprintf(out, "\t\t%s daddr %s return\n", d->header, d->loopback);
		fprintf(out, "\t\tdnat %s to %s daddr . meta l4proto . th dport map @bound%s\n",
			d->header, d->header, d->name);
		fprintf(out, "\t\tdnat %s to meta l4proto . th dport map @ports%s\n", d->header,
			d->name);
	}
	fputs("\t}\n", out);
}

/*
 * Only what the node itself sends meets the loopback addresses' ports: they are to be reached
 * from nowhere else. IPv6 has no route_localnet, by which the answers to ::1 could come back;
 * who asks at ::1 from another address of the node gets them there.
 */
static void write_hooks(FILE *out)
{
	static const struct {
		const char *name;
		const char *first; /* rule */
	} hooks[] = {
		{ "prerouting", "" },
		{ "output", "\t\tdnat ip to ip daddr . meta l4proto . th dport map @loopback4\n"
			    "\t\tip6 daddr ::1 ip6 saddr != ::1 "
			    "dnat ip6 to ip6 daddr . meta l4proto . th dport map @bound6\n" },
	};

	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
		fprintf(out,
			"\tchain %s {\n"
			"\t\ttype nat hook %s priority -100; policy accept;\n"
			"%s"
			"\t\tfib daddr type local jump hostports\n"
			"\t}\n",
			hooks[i].name, hooks[i].name, hooks[i].first);
}

/*
 * A process of the node that asks at 127.0.0.1 does so from there, where no pod could answer.
 *
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
		const struct nat_dialect *d = &dialects[i];

		fprintf(out, "\t\t%s saddr . %s daddr @hairpins%s masquerade fully-random\n",
			d->header, d->header, d->name);
	}
	fputs("\t\tip saddr 127.0.0.0/8 oifname \"" LINKNAME_PREFIX "*\" masquerade fully-random\n"
	      "\t}\n", out);
}

/* The table as it shall be, without the elements that @table has. */
static void write_table(FILE *out, struct nat_table *table, const struct nat *nat)
{
	fputs("table inet weir {\n", out);
	for (size_t i = 0; i < DIALECTS; i++)
		nat_sets_write(out, table, nat, &dialects[i]);
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
