// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/cleanup.h"
#include "lib/check_main.h"
#include "net/nat.h"

struct port_text {
	uint8_t proto;
	uint16_t host_port, container_port;
	const char *host_ip; /* NULL every address */
	const char *pod_ip;
	bool chained;
};

static struct nat_port port_of(const struct port_text *text)
{
	struct nat_port port = {
		.proto = text->proto,
		.host_port = text->host_port,
		.container_port = text->container_port,
		.loopback = !text->chained,
	};

	ck_assert_int_eq(addr_parse(&port.pod_ip, text->pod_ip), 0);
	if (text->host_ip)
		ck_assert_int_eq(addr_parse(&port.host_ip, text->host_ip), 0);
	return port;
}

/* The block of set, map or chain @name, without tabs and line ends. */
static char *block_of(const char *script, const char *name)
{
	char *found = strstr(script, name);
	char *end, *to;

	ck_assert_ptr_nonnull(found);
	end = strstr(found, "\n\t}\n");
	ck_assert_ptr_nonnull(end);
	found = strndup(found, end - found);
	for (char *from = to = found; (*to = *from); from++)
		to += *from != '\t' && *from != '\n';
	return found;
}

static char *block(const struct nat *nat, const char *name)
{
	cleanup(freep) char *script = NULL;

	ck_assert_int_eq(nat_script(&script, nat, NULL), 0);
	return block_of(script, name);
}

static const struct {
	struct port_text ports[2];
	const char *name;
	const char *elements; /* NULL: the block has none */
} port_cases[] = {
	/* One port of every address of the node */
	{ { { IPPROTO_TCP, 8080, 80, NULL, "10.1.0.2" } }, "map ports4 {",
	  "elements = {tcp . 8080 : 10.1.0.2 . 80}" },
	{ { { IPPROTO_TCP, 8080, 80, NULL, "10.1.0.2" } }, "map ports6 {", NULL },
	{ { { IPPROTO_TCP, 8080, 80, NULL, "10.1.0.2" } }, "map bound4 {", NULL },
	{ { { IPPROTO_TCP, 8080, 80, NULL, "10.1.0.2" } }, "set hairpins4 {",
	  "elements = {10.1.0.2 . 10.1.0.2}" },
	{ { { IPPROTO_UDP, 53, 5353, NULL, "fd00::2" } }, "map ports6 {",
	  "elements = {udp . 53 : fd00::2 . 5353}" },
	{ { { IPPROTO_UDP, 53, 5353, NULL, "fd00::2" } }, "set hairpins6 {",
	  "elements = {fd00::2 . fd00::2}" },
	/* One address only */
	{ { { IPPROTO_SCTP, 9, 10, "192.0.2.1", "10.1.0.2" } }, "map bound4 {",
	  "elements = {192.0.2.1 . sctp . 9 : 10.1.0.2 . 10}" },
	{ { { IPPROTO_SCTP, 9, 10, "192.0.2.1", "10.1.0.2" } }, "map ports4 {", NULL },
	{ { { IPPROTO_TCP, 9, 10, "2001:db8::1", "fd00::2" } }, "map bound6 {",
	  "elements = {2001:db8::1 . tcp . 9 : fd00::2 . 10}" },
	/* The first of two that want the same has it */
	{ { { IPPROTO_TCP, 80, 80, NULL, "10.1.0.2" }, { IPPROTO_TCP, 80, 81, NULL, "10.1.0.3" } },
	  "map ports4 {", "elements = {tcp . 80 : 10.1.0.2 . 80}" },
	{ { { IPPROTO_TCP, 80, 80, NULL, "10.1.0.2" }, { IPPROTO_UDP, 80, 81, NULL, "10.1.0.3" } },
	  "map ports4 {", "elements = {tcp . 80 : 10.1.0.2 . 80,udp . 80 : 10.1.0.3 . 81}" },
	{ { { IPPROTO_TCP, 80, 80, NULL, "10.1.0.2" }, { IPPROTO_TCP, 80, 80, NULL, "fd00::2" } },
	  "map ports6 {", "elements = {tcp . 80 : fd00::2 . 80}" },
	{ { { IPPROTO_TCP, 80, 80, NULL, "10.1.0.2" },
	    { IPPROTO_TCP, 80, 81, "192.0.2.1", "10.1.0.3" } },
	  "map bound4 {", "elements = {192.0.2.1 . tcp . 80 : 10.1.0.3 . 81}" },
	/* Loopback addresses: for the node alone, which is another map */
	{ { { IPPROTO_TCP, 80, 8000, "127.0.0.1", "10.1.0.2" } }, "map loopback4 {",
	  "elements = {127.0.0.1 . tcp . 80 : 10.1.0.2 . 8000}" },
	{ { { IPPROTO_TCP, 80, 8000, "127.0.0.1", "10.1.0.2" } }, "map bound4 {", NULL },
	{ { { IPPROTO_TCP, 80, 8000, "127.0.0.1", "10.1.0.2" } }, "map ports4 {", NULL },
	{ { { IPPROTO_UDP, 53, 53, "127.1.2.3", "10.1.0.2" } }, "map loopback4 {",
	  "elements = {127.1.2.3 . udp . 53 : 10.1.0.2 . 53}" },
	/* A port of every address is one of 127.0.0.1, unless another pod is bound there */
	{ { { IPPROTO_UDP, 53, 5353, NULL, "10.1.0.2" } }, "map loopback4 {",
	  "elements = {127.0.0.1 . udp . 53 : 10.1.0.2 . 5353}" },
	{ { { IPPROTO_TCP, 80, 80, NULL, "10.1.0.2" },
	    { IPPROTO_TCP, 80, 81, "127.0.0.1", "10.1.0.3" } },
	  "map loopback4 {", "elements = {127.0.0.1 . tcp . 80 : 10.1.0.3 . 81}" },
	{ { { IPPROTO_TCP, 80, 80, "127.0.0.1", "10.1.0.2" },
	    { IPPROTO_TCP, 80, 81, NULL, "10.1.0.3" } },
	  "map loopback4 {", "elements = {127.0.0.1 . tcp . 80 : 10.1.0.2 . 80}" },
	{ { { IPPROTO_TCP, 80, 80, NULL, "10.1.0.2" },
	    { IPPROTO_TCP, 80, 81, "127.0.0.2", "10.1.0.3" } },
	  "map loopback4 {",
	  "elements = {127.0.0.1 . tcp . 80 : 10.1.0.2 . 80,127.0.0.2 . tcp . 80 : 10.1.0.3 . 81}" },
	{ { { IPPROTO_TCP, 80, 80, NULL, "10.1.0.2" },
	    { IPPROTO_UDP, 80, 81, "127.0.0.1", "10.1.0.3" } },
	  "map loopback4 {",
	  "elements = {127.0.0.1 . tcp . 80 : 10.1.0.2 . 80,127.0.0.1 . udp . 80 : 10.1.0.3 . 81}" },
	{ { { IPPROTO_TCP, 80, 80, NULL, "fd00::2" } }, "map loopback4 {", NULL },
	{ { { IPPROTO_TCP, 80, 80, "192.0.2.1", "10.1.0.2" } }, "map loopback4 {", NULL },
	{ { { IPPROTO_TCP, 80, 80, NULL, "10.1.0.2", .chained = true } }, "map loopback4 {", NULL },
	{ { { IPPROTO_TCP, 80, 80, "127.0.0.1", "10.1.0.2", .chained = true } }, "map loopback4 {",
	  NULL },
	/* What nft would refuse, or mean otherwise */
	{ { { IPPROTO_TCP, 80, 80, "192.0.2.1", "fd00::2" } }, "map bound6 {", NULL },
	{ { { IPPROTO_TCP, 80, 80, "192.0.2.1", "fd00::2" } }, "set hairpins6 {", NULL },
	{ { { IPPROTO_ICMP, 80, 80, NULL, "10.1.0.2" } }, "map ports4 {", NULL },
	{ { { IPPROTO_TCP, 80, 80, NULL, "::" } }, "map ports6 {", NULL },
	{ { { IPPROTO_TCP, 0, 80, NULL, "10.1.0.2" } }, "map ports4 {", NULL },
	{ { { IPPROTO_TCP, 80, 0, NULL, "10.1.0.2" } }, "map ports4 {", NULL },
};

START_TEST(ports_become_elements_of_their_family)
{
	cleanup(freep) char *text = NULL;
	struct nat_port ports[2];
	struct nat nat = { .ports = ports };
	const char *elements;

	for (int i = 0; i < 2 && port_cases[_i].ports[i].pod_ip; i++)
		ports[nat.port_count++] = port_of(&port_cases[_i].ports[i]);
	text = block(&nat, port_cases[_i].name);
	elements = strstr(text, "elements");
	if (port_cases[_i].elements)
		ck_assert_pstr_eq(elements, port_cases[_i].elements);
	else
		ck_assert_ptr_null(elements);
}
END_TEST

START_TEST(only_hairpins_and_loopback_are_masqueraded)
{
	cleanup(freep) char *chain = block(&(struct nat){}, "chain postrouting {");
	int rules = 0;

	for (const char *at = chain; (at = strstr(at, "masquerade")); at++)
		rules++;
	ck_assert_int_eq(rules, 3);
	ck_assert_ptr_nonnull(strstr(chain, "ip saddr 127.0.0.0/8 oifname \"weir*\" masquerade"));
	ck_assert_ptr_nonnull(strstr(chain, "@hairpins4 masquerade"));
	ck_assert_ptr_nonnull(strstr(chain, "@hairpins6 masquerade"));
}
END_TEST

START_TEST(loopback_ports_are_of_what_the_node_sends)
{
	cleanup(freep) char *output = block(&(struct nat){}, "chain output {");
	cleanup(freep) char *prerouting = block(&(struct nat){}, "chain prerouting {");
	cleanup(freep) char *hostports = block(&(struct nat){}, "chain hostports {");
	const char *refused = strstr(hostports, "ip daddr 127.0.0.0/8 return");

	ck_assert_ptr_nonnull(strstr(output, "map @loopback4"));
	ck_assert_ptr_nonnull(strstr(output, "ip6 daddr ::1 ip6 saddr != ::1 dnat ip6"));
	ck_assert_ptr_null(strstr(prerouting, "::1"));
	ck_assert_ptr_null(strstr(prerouting, "loopback4"));
	ck_assert_ptr_null(strstr(hostports, "loopback4"));
	ck_assert_ptr_nonnull(refused);
	ck_assert(strstr(hostports, "dnat") > refused);
}
END_TEST

START_TEST(a_table_that_is_not_there_is_made_and_no_other_touched)
{
	cleanup(freep) char *script = NULL;
	struct nat nat = {};
	int tables = 0;

	ck_assert_int_eq(nat_script(&script, &nat, NULL), 0);
	ck_assert_int_eq(strncmp(script, NAT_SCRIPT_REMOVE, strlen(NAT_SCRIPT_REMOVE)), 0);
	for (const char *at = script; (at = strstr(at, "table ")); at++, tables++)
		ck_assert_int_eq(strncmp(at, "table inet weir", strlen("table inet weir")), 0);
	ck_assert_int_eq(tables, 3);
}
END_TEST

/* As nft lists it, but for the hooks of chains and the rules. */
static const char *const chains = "\tchain hostports {\n\t\tip daddr 127.0.0.0/8 return\n\t}\n"
				  "\n"
				  "\tchain postrouting {\n\t}\n";

static const struct {
	const char *listed; /* in the table, before the chains */
	const char *deleted; /* one of the commands; NULL: nothing is deleted */
	const char *added; /* elements of ports4; NULL: none */
} change_cases[] = {
	{ "", NULL, "elements = {tcp . 8080 : 10.1.0.2 . 80,udp . 53 : 10.1.0.3 . 53}" },
	/* All is there, in another order and over several lines */
	{ "\tmap ports4 {\n\t\ttype inet_proto . inet_service : ipv4_addr . inet_service\n"
	  "\t\telements = { udp . 53 : 10.1.0.3 . 53,\n\t\t\t     tcp . 8080 : 10.1.0.2 . 80 }\n\t}\n\n",
	  NULL, NULL },
	/* One is missing, one is too much */
	{ "\tmap ports4 {\n\t\ttype inet_proto . inet_service : ipv4_addr . inet_service\n"
	  "\t\telements = { tcp . 8080 : 10.1.0.2 . 80, tcp . 9 : 10.1.0.3 . 9 }\n\t}\n\n",
	  "delete element inet weir ports4 { tcp . 9 }\n", "elements = {udp . 53 : 10.1.0.3 . 53}" },
	/* The port is another pod's now */
	{ "\tmap ports4 {\n\t\ttype inet_proto . inet_service : ipv4_addr . inet_service\n"
	  "\t\telements = { tcp . 8080 : 10.1.0.9 . 80, udp . 53 : 10.1.0.3 . 53 }\n\t}\n\n",
	  "delete element inet weir ports4 { tcp . 8080 }\n",
	  "elements = {tcp . 8080 : 10.1.0.2 . 80}" },
	/* The same text elsewhere is another element */
	{ "\tmap ports6 {\n\t\ttype inet_proto . inet_service : ipv6_addr . inet_service\n"
	  "\t\telements = { tcp . 8080 : 10.1.0.2 . 80 }\n\t}\n\n",
	  "delete element inet weir ports6 { tcp . 8080 }\n",
	  "elements = {tcp . 8080 : 10.1.0.2 . 80,udp . 53 : 10.1.0.3 . 53}" },
	/* What masqueraded in a former version */
	{ "\tset pods4 {\n\t\ttype ipv4_addr\n\t\tflags interval\n\t\tauto-merge\n"
	  "\t\telements = { 10.9.0.0/24 }\n\t}\n\n",
	  "delete set inet weir pods4\n",
	  "elements = {tcp . 8080 : 10.1.0.2 . 80,udp . 53 : 10.1.0.3 . 53}" },
};

/* The script that turns a table which nft lists so into one of two host ports. */
static int change(char **ret, const char *listed)
{
	const struct nat_port ports[] = {
		port_of(&(struct port_text){ IPPROTO_TCP, 8080, 80, NULL, "10.1.0.2" }),
		port_of(&(struct port_text){ IPPROTO_UDP, 53, 53, NULL, "10.1.0.3" }),
	};
	const struct nat nat = { .ports = ports, .port_count = 2 };
	cleanup(freep) char *table = NULL;

	ck_assert_int_gt(asprintf(&table, "table inet weir {\n%s%s}\n", listed, chains), 0);
	return nat_script(ret, &nat, table);
}

START_TEST(of_a_table_that_is_there_only_differences_are_written)
{
	cleanup(freep) char *script = NULL;
	cleanup(freep) char *ports4 = NULL;
	char *definition;

	ck_assert_int_eq(change(&script, change_cases[_i].listed), 0);
	ports4 = block_of(script, "map ports4 {");
	ck_assert_pstr_eq(strstr(ports4, "elements"), change_cases[_i].added);
	ck_assert_int_eq(strncmp(script, NAT_SCRIPT_EMPTY, strlen(NAT_SCRIPT_EMPTY)), 0);
	definition = strstr(script, "table inet weir {");
	ck_assert_ptr_nonnull(definition);
	*definition = '\0';
	ck_assert_str_eq(script + strlen(NAT_SCRIPT_EMPTY), change_cases[_i].deleted ?: "");
}
END_TEST

static const char *const strange_tables[] = {
	"\tmap loopback6 {\n\t\ttype inet_proto . inet_service : ipv6_addr . inet_service\n\t}\n\n",
	"\tflags dormant\n\n",
	"\tset pods {\n\t\ttype ipv4_addr\n\t}\n\n",
	"\tchain input {\n\t}\n\n",
	"\tcounter ports4 {\n\t}\n\n",
	"\tmap hairpins4 {\n\t}\n\n",
	/* Known names, defined otherwise */
	"\tmap ports4 {\n\t\ttype inet_service : ipv4_addr\n\t}\n\n",
	"\tset hairpins4 {\n\t\ttype ipv4_addr . ipv4_addr\n\t\ttimeout 1s\n\t}\n\n",
	"\tset hairpins4 {\n\t\ttype ipv4_addr . ipv4_addr\n\t\tmembers = { 10.1.0.2 }\n\t}\n\n",
};

START_TEST(a_table_of_another_make_is_not_changed_in_place)
{
	char *script = NULL;

	ck_assert_int_eq(change(&script, strange_tables[_i]), -EEXIST);
	ck_assert_ptr_null(script);
}
END_TEST

CHECK_MAIN("nat", CHECK_LOOP(ports_become_elements_of_their_family, port_cases),
	   CHECK_TEST(only_hairpins_and_loopback_are_masqueraded),
	   CHECK_TEST(loopback_ports_are_of_what_the_node_sends),
	   CHECK_TEST(a_table_that_is_not_there_is_made_and_no_other_touched),
	   CHECK_LOOP(of_a_table_that_is_there_only_differences_are_written, change_cases),
	   CHECK_LOOP(a_table_of_another_make_is_not_changed_in_place, strange_tables))
