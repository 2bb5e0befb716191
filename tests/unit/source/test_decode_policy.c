// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "dump.h"

struct row {
	const char *text; /* in flow style: the spec, a rule, a peer, ... */
	const char *object; /* what follows the name, or the rule, or the peer */
	const char *problems; /* NULL: none */
};

#define HEAD "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p}"
#define NAME "NetworkPolicy default/p"

/* One problem of the policy. */
#define ERR(what) "error: " NAME ": " what "\n"
#define WARN(what) "warning: " NAME ": " what "\n"

static void check_policy(const struct row *row, const char *before, const char *after,
			 const char *said_before, const char *said_after)
{
	cleanup(freep) char *text = NULL;
	cleanup(freep) char *said = NULL;

	ck_assert_int_ge(asprintf(&text, "%s%s%s", before, row->text, after), 0);
	ck_assert_int_ge(asprintf(&said, NAME "%s%s%s\n%s", said_before, row->object, said_after,
				  row->problems ?: ""),
			 0);
	check_decodes(text, said);
}

#define SUBJECT ", spec: {podSelector: {matchLabels: {app: b}}, "

static const struct row specs[] = {
	/* Defaults. */
	{ "", " pods(*) ingress" },
	{ ", spec: null", " pods(*) ingress" },
	{ ", spec: {}", " pods(*) ingress" },
	{ ", spec: {podSelector: {}}", " pods(*) ingress" },
	{ ", spec: {podSelector: null, ingress: null, egress: null, policyTypes: null}",
	  " pods(*) ingress" },
	{ ", spec: {policyTypes: []}", " pods(*) ingress" },
	{ ", spec: {egress: []}", " pods(*) ingress" },
	{ ", spec: {egress: [{}]}", " pods(*) ingress egress [ : ]" },
	{ ", spec: {ingress: []}", " pods(*) ingress" },
	{ ", spec: {ingress: [{}]}", " pods(*) ingress [ : ]" },
	{ ", spec: {policyTypes: [Ingress]}", " pods(*) ingress" },
	{ ", spec: {policyTypes: [Egress]}", " pods(*) egress" },
	{ ", spec: {policyTypes: [Egress, Ingress]}", " pods(*) ingress egress" },
	{ ", spec: {policyTypes: [Ingress, Ingress]}", " pods(*) ingress" },
	{ ", spec: {policyTypes: [Ingress], egress: [{}]}", " pods(*) ingress (egress) [ : ]" },
	{ ", spec: {policyTypes: [Egress], ingress: [{}]}", " pods(*) (ingress) [ : ] egress" },
	{ ", status: {conditions: []}", " pods(*) ingress" },

	/* Malformed parts: isolation stays, and never becomes narrower. */
	{ ", spec: [1]", " pods(*) ingress egress", ERR("spec: must be a mapping, not a list") },
	{ ", spec: {policyTypes: Egress}", " pods(*) ingress egress",
	  ERR("spec.policyTypes: must be a list, not a string") },
	{ ", spec: {policyTypes: [egress]}", " pods(*) ingress egress",
	  ERR("spec.policyTypes[0]: must be Ingress or Egress, not \"egress\"") },
	{ ", spec: {policyTypes: [Egress, null]}", " pods(*) ingress egress",
	  ERR("spec.policyTypes[1]: must be a string, not null") },
	{ ", spec: {policyTypes: [Egress, Egress, Egress]}", " pods(*) ingress egress",
	  ERR("spec.policyTypes: must not have more than 2 entries") },
	{ ", spec: {podSelector: web, ingress: [{}]}", " pods(*) ingress [ nothing : ]",
	  ERR("spec.podSelector: must be a mapping, not a string") },
	{ ", spec: {podSelector: {matchLabels: {a: 1}}, egress: [{}]}",
	  " pods(*) ingress egress [ nothing : ]",
	  ERR("spec.podSelector.matchLabels[a]: must be a string, not a number") },
	{ ", spec: {ingress: {}}", " pods(*) ingress",
	  ERR("spec.ingress: must be a list, not a mapping") },
	{ ", spec: {egress: {}}", " pods(*) ingress egress",
	  ERR("spec.egress: must be a list, not a mapping") },
	{ ", spec: {egress: [null]}", " pods(*) ingress egress",
	  ERR("spec.egress[0]: must be a mapping, not null") },

	/* Whatever else is malformed, what podSelector names is isolated. */
	{ SUBJECT "policyTypes: 5, ingress: 5, egress: 5}", " pods(app=b) ingress egress",
	  ERR("spec.ingress: must be a list, not a number")
	  ERR("spec.egress: must be a list, not a number")
	  ERR("spec.policyTypes: must be a list, not a number") },
	{ SUBJECT "policyTypes: [Ingress], ingress: x}", " pods(app=b) ingress",
	  ERR("spec.ingress: must be a list, not a string") },
	{ SUBJECT "policyTypes: [Egress], egress: [5, {to: 5}, {ports: [x]}]}",
	  " pods(app=b) egress [ nothing : ]",
	  ERR("spec.egress[0]: must be a mapping, not a number")
	  ERR("spec.egress[1].to: must be a list, not a number")
	  ERR("spec.egress[2].ports[0]: must be a mapping, not a string") },
	{ SUBJECT "rules: []}", " pods(app=b) ingress egress",
	  ERR("spec.rules: is not a known field") },
	/* When even that cannot be read, all pods of the namespace are. */
	{ ", spec: {podSelector: {matchLabels: {app: b}, matchExpressions: 5}, ingress: [{}]}",
	  " pods(*) ingress [ nothing : ]",
	  ERR("spec.podSelector.matchExpressions: must be a list, not a number") },
	{ ", spec: {podSelector: {app: b}, policyTypes: [Egress], egress: [{}]}",
	  " pods(*) egress [ nothing : ]", ERR("spec.podSelector.app: is not a known field") },
	{ ", spec: text", " pods(*) ingress egress",
	  ERR("spec: must be a mapping, not a string") },
	/* Rules that may have been dead text do not come alive. */
	{ ", spec: {policyTypes: [ingress], ingress: [{}], egress: [{}]}",
	  " pods(*) ingress [ nothing : ] egress [ nothing : ]",
	  ERR("spec.policyTypes[0]: must be Ingress or Egress, not \"ingress\"") },
	{ ", spec: {policyTypes: [null, Egress], ingress: [{}], egress: [{}]}",
	  " pods(*) ingress [ nothing : ] egress [ : ]",
	  ERR("spec.policyTypes[0]: must be a string, not null") },
	{ ", spec: {podSelector: {}, policyTyps: [Egress], ingress: [{}], egress: [{}]}",
	  " pods(*) ingress [ nothing : ] egress [ nothing : ]",
	  ERR("spec.policyTyps: is not a known field") },

	/* A field that nobody knows may be any that is absent. */
	{ ", spec: {podSelecter: {}, ingress: [{}]}", " pods(*) ingress [ nothing : ] egress",
	  ERR("spec.podSelecter: is not a known field") },
	{ ", spec: {podSelector: {}, egres: [{}]}", " pods(*) ingress egress",
	  ERR("spec.egres: is not a known field") },
	{ ", spec: {podSelector: {}, policyTypes: [Ingress], ingress: [{}], note: x}",
	  " pods(*) ingress [ : ]", ERR("spec.note: is not a known field") },
	{ ", sepc: {}", " pods(*) ingress egress", ERR("sepc: is not a known field") },
	{ ", spec: {ingress: [{}]}, note: x", " pods(*) ingress [ : ]",
	  WARN("note: is not a known field") },
};

START_TEST(a_spec_is_read_with_its_defaults_and_fails_closed)
{
	check_policy(&specs[_i], HEAD, "}", "", "");
}
END_TEST

#define RULE(what) ERR("spec.ingress[0]" what)

static const struct row rules[] = {
	{ "{}", " [ : ]" },
	{ "{from: null, ports: null}", " [ : ]" },
	{ "{from: [], ports: []}", " [ : ]" },
	{ "{from: [{podSelector: {}}, {namespaceSelector: {}}], ports: [{}, {protocol: UDP}]}",
	  " [ pods(*) ns(*) pods(*) : TCP:0-65535 UDP:0-65535 ]" },
	{ "{}, {from: [{podSelector: {}}]}", " [ : ] [ pods(*) : ]" },

	/* A list that loses everything is not an empty list. */
	{ "{from: [{}]}", " [ nothing : ]",
	  RULE(".from[0]: must have ipBlock, podSelector or namespaceSelector") },
	{ "{from: [{}, {podSelector: {}}]}", " [ pods(*) : ]",
	  RULE(".from[0]: must have ipBlock, podSelector or namespaceSelector") },
	{ "{ports: [{port: 0}]}", " [ nothing : ]",
	  RULE(".ports[0].port: must be 1 to 65535, not 0") },
	{ "{ports: [{port: 0}, {port: 1}]}", " [ : TCP:1-1 ]",
	  RULE(".ports[0].port: must be 1 to 65535, not 0") },
	{ "{from: [{podSelector: {}}], ports: [80]}", " [ nothing pods(*) : ]",
	  RULE(".ports[0]: must be a mapping, not a number") },

	/* A rule that is no rule is left out. */
	{ "null", "", RULE(": must be a mapping, not null") },
	{ "allow", "", RULE(": must be a mapping, not a string") },
	{ "{to: []}", "", RULE(".to: is not a known field") },
	{ "{form: []}, {ports: [{port: 1}]}", " [ : TCP:1-1 ]",
	  RULE(".form: is not a known field") },
	{ "{from: {podSelector: {}}}", "", RULE(".from: must be a list, not a mapping") },
	{ "{ports: 80}", "", RULE(".ports: must be a list, not a number") },
};

START_TEST(a_rule_never_matches_more_than_it_says)
{
	check_policy(&rules[_i], HEAD ", spec: {ingress: [", "]}}", " pods(*) ingress", "");
}
END_TEST

#define PEER(what) ERR("spec.egress[0].to[0]" what)
#define PEER_WARN(what) WARN("spec.egress[0].to[0]" what)
#define RANGE(text) "must be an address range like 10.0.0.0/8, not \"" text "\""

static const struct row peers[] = {
	{ "{podSelector: {matchLabels: {b: v, a: x}}}", " pods(a=x, b=v)" },
	{ "{podSelector: {}, namespaceSelector: null}", " pods(*)" },
	{ "{namespaceSelector: {matchLabels: {a: x}}}", " ns(a=x) pods(*)" },
	{ "{namespaceSelector: {}, podSelector: {matchLabels: {a: ''}}}", " ns(*) pods(a=)" },
	{ "{ipBlock: {cidr: 10.0.0.0/8}}", " 10.0.0.0/8" },
	{ "{ipBlock: {cidr: '::/0', except: null}}", " ::/0" },
	{ "{ipBlock: {cidr: 0.0.0.0/0, except: [0.0.0.0/1, 128.0.0.0/1]}}",
	  " 0.0.0.0/0-0.0.0.0/1-128.0.0.0/1" },
	{ "{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16, 10.1.1.0/24, 10.1.0.0/16]}}",
	  " 10.0.0.0/8-10.1.0.0/16-10.1.1.0/24-10.1.0.0/16" },
	{ "{ipBlock: {cidr: 010.000.0.0/8}}", " 10.0.0.0/8" },

	/* In force, but not what it looks like. */
	{ "{ipBlock: {cidr: 203.0.113.77/25}}", " 203.0.113.0/25",
	  PEER_WARN(".ipBlock.cidr: has bits set beyond its length and means 203.0.113.0/25") },
	{ "{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.2.3/16]}}", " 10.0.0.0/8-10.1.0.0/16",
	  PEER_WARN(".ipBlock.except[0]: has bits set beyond its length and means 10.1.0.0/16") },

	{ "{podSelector: null}", NULL,
	  PEER(": must have ipBlock, podSelector or namespaceSelector") },
	{ "{podSelecter: {}}", NULL, PEER(".podSelecter: is not a known field") },
	{ "{podSelector: {}, namespaceSelecter: {}}", NULL,
	  PEER(".namespaceSelecter: is not a known field") },
	{ "{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}", NULL,
	  PEER(": must not have a selector beside ipBlock") },
	{ "{ipBlock: {cidr: 10.0.0.0/8}, namespaceSelector: {}}", NULL,
	  PEER(": must not have a selector beside ipBlock") },
	{ "{ipBlock: {}}", NULL, PEER(".ipBlock.cidr: is required") },
	{ "{ipBlock: 10.0.0.0/8}", NULL, PEER(".ipBlock: must be a mapping, not a string") },
	{ "{ipBlock: {cidr: 10.0.0.0}}", NULL, PEER(".ipBlock.cidr: " RANGE("10.0.0.0")) },
	{ "{ipBlock: {cidr: 10.0.0.0/33}}", NULL, PEER(".ipBlock.cidr: " RANGE("10.0.0.0/33")) },
	{ "{ipBlock: {cidr: 10.0.0/8}}", NULL, PEER(".ipBlock.cidr: " RANGE("10.0.0/8")) },
	{ "{ipBlock: {cidr: '::ffff:10.0.0.0/104'}}", NULL,
	  PEER(".ipBlock.cidr: " RANGE("::ffff:10.0.0.0/104")) },
	{ "{ipBlock: {cidr: 10}}", NULL, PEER(".ipBlock.cidr: must be a string, not a number") },
	{ "{ipBlock: {cidr: 10.0.0.0/8, exept: []}}", NULL,
	  PEER(".ipBlock.exept: is not a known field") },

	/* Without an unusable except the peer would be wider. */
	{ "{ipBlock: {cidr: 10.0.0.0/8, except: 10.1.0.0/16}}", NULL,
	  PEER(".ipBlock.except: must be a list, not a string") },
	{ "{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}}", NULL,
	  PEER(".ipBlock.except[0]: must lie strictly inside 10.0.0.0/8") },
	{ "{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16, 0.0.0.0/0]}}", NULL,
	  PEER(".ipBlock.except[1]: must lie strictly inside 10.0.0.0/8") },
	{ "{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/16]}}", NULL,
	  PEER(".ipBlock.except[0]: must lie strictly inside 10.0.0.0/8") },
	{ "{ipBlock: {cidr: 10.0.0.0/8, except: ['a00::/16']}}", NULL,
	  PEER(".ipBlock.except[0]: must lie strictly inside 10.0.0.0/8") },
	{ "{ipBlock: {cidr: '::/0', except: [0.0.0.0/1]}}", NULL,
	  PEER(".ipBlock.except[0]: must lie strictly inside ::/0") },
	{ "{ipBlock: {cidr: 10.0.0.0/8, except: [null]}}", NULL,
	  PEER(".ipBlock.except[0]: must be a string, not null") },
	{ "{ipBlock: {cidr: 10.0.0.0/8, except: [x]}}", NULL,
	  PEER(".ipBlock.except[0]: " RANGE("x")) },
};

START_TEST(a_peer_is_taken_as_written_or_not_at_all)
{
	struct row row = peers[_i];

	row.object = row.object ?: " nothing";
	check_policy(&row, HEAD ", spec: {policyTypes: [Egress], egress: [{to: [", "]}]}}",
		     " pods(*) egress [", " : ]");
}
END_TEST

#define SELECTOR(what) ERR("spec.ingress[0].from[0].podSelector" what)
#define EXPR "matchExpressions: "

static const struct row selectors[] = {
	{ "{}", " pods(*)" },
	{ "{matchLabels: null, matchExpressions: null}", " pods(*)" },
	{ "{matchLabels: {}, matchExpressions: []}", " pods(*)" },
	{ "{matchLabels: {'example.org/a_b': V-1.x}}", " pods(example.org/a_b=V-1.x)" },
	{ "{" EXPR "[{key: a, operator: In, values: [z, x, z, x]}]}", " pods(a in (x,z))" },
	{ "{" EXPR "[{key: a, operator: NotIn, values: ['']}]}", " pods(a!=)" },
	{ "{" EXPR "[{key: a, operator: Exists}, {key: b, operator: DoesNotExist}]}",
	  " pods(a, !b)" },
	{ "{" EXPR "[{key: a, operator: Exists, values: []}], matchLabels: {b: x}}",
	  " pods(a, b=x)" },

	{ "[]", NULL, SELECTOR(": must be a mapping, not a list") },
	{ "{app: web}", NULL, SELECTOR(".app: is not a known field") },
	{ "{matchLabels: [a]}", NULL, SELECTOR(".matchLabels: must be a mapping, not a list") },
	{ "{matchLabels: {a: true}}", NULL,
	  SELECTOR(".matchLabels[a]: must be a string, not a boolean") },
	{ "{matchLabels: {a: null}}", NULL,
	  SELECTOR(".matchLabels[a]: must be a string, not null") },
	{ "{matchLabels: {a: b c}}", NULL,
	  SELECTOR(".matchLabels[a]: must be a label value, not \"b c\"") },
	{ "{matchLabels: {-a: b}}", NULL,
	  SELECTOR(".matchLabels[-a]: is not the key of a label") },
	{ "{matchLabels: {/a: b}}", NULL,
	  SELECTOR(".matchLabels[/a]: is not the key of a label") },
	{ "{matchExpressions: {}}", NULL,
	  SELECTOR(".matchExpressions: must be a list, not a mapping") },
	{ "{" EXPR "[{operator: Exists}]}", NULL,
	  SELECTOR(".matchExpressions[0].key: is required") },
	{ "{" EXPR "[{key: a}]}", NULL, SELECTOR(".matchExpressions[0].operator: is required") },
	{ "{" EXPR "[{key: a, operator: in, values: [x]}]}", NULL,
	  SELECTOR(".matchExpressions[0].operator: must be In, NotIn, Exists or DoesNotExist, "
		   "not \"in\"") },
	{ "{" EXPR "[{key: a, operator: Gt, values: ['1']}]}", NULL,
	  SELECTOR(".matchExpressions[0].operator: must be In, NotIn, Exists or DoesNotExist, "
		   "not \"Gt\"") },
	{ "{" EXPR "[{key: a, operator: In}]}", NULL,
	  SELECTOR(".matchExpressions[0].values: must not be empty for In and NotIn") },
	{ "{" EXPR "[{key: a, operator: NotIn, values: []}]}", NULL,
	  SELECTOR(".matchExpressions[0].values: must not be empty for In and NotIn") },
	{ "{" EXPR "[{key: a, operator: Exists, values: [x]}]}", NULL,
	  SELECTOR(".matchExpressions[0].values: must be empty for Exists and DoesNotExist") },
	{ "{" EXPR "[{key: a, operator: In, values: x}]}", NULL,
	  SELECTOR(".matchExpressions[0].values: must be a list, not a string") },
	{ "{" EXPR "[{key: a, operator: In, values: [x, 1]}]}", NULL,
	  SELECTOR(".matchExpressions[0].values[1]: must be a string, not a number") },
	{ "{" EXPR "[{key: a, operator: Exists, value: x}]}", NULL,
	  SELECTOR(".matchExpressions[0].value: is not a known field") },
	{ "{" EXPR "[null]}", NULL,
	  SELECTOR(".matchExpressions[0]: must be a mapping, not null") },
};

START_TEST(a_selector_is_taken_as_written_or_not_at_all)
{
	struct row row = selectors[_i];

	row.object = row.object ?: " nothing";
	check_policy(&row, HEAD ", spec: {ingress: [{from: [{podSelector: ", "}]}]}}",
		     " pods(*) ingress [", " : ]");
}
END_TEST

#define PORT(what) ERR("spec.ingress[0].ports[0]" what)
#define NAMED(text) ".port: must be a port number or the name of a port, not \"" text "\""

static const struct row ports[] = {
	{ "{}", " TCP:0-65535" },
	{ "{port: null, endPort: null, protocol: null}", " TCP:0-65535" },
	{ "{protocol: SCTP}", " SCTP:0-65535" },
	{ "{port: 80}", " TCP:80-80" },
	{ "{port: 65535, protocol: UDP}", " UDP:65535-65535" },
	{ "{port: 0x50}", " TCP:80-80" },
	{ "{port: 80, endPort: 80}", " TCP:80-80" },
	{ "{port: 1, endPort: 65535}", " TCP:1-65535" },
	{ "{port: http}", " TCP:http" },
	{ "{port: 1-a-2, protocol: UDP}", " UDP:1-a-2" },
	{ "{port: abcdefghijklmno}", " TCP:abcdefghijklmno" },

	{ "{port: 0}", NULL, PORT(".port: must be 1 to 65535, not 0") },
	{ "{port: -1}", NULL, PORT(".port: must be 1 to 65535, not -1") },
	{ "{port: 65536}", NULL, PORT(".port: must be 1 to 65535, not 65536") },
	{ "{port: 80.5}", NULL, PORT(".port: must be an integer, not a number") },
	{ "{port: true}", NULL, PORT(".port: must be an integer, not a boolean") },
	{ "{port: [80]}", NULL, PORT(".port: must be an integer, not a list") },
	{ "{port: '80'}", NULL, PORT(NAMED("80")) },
	{ "{port: ''}", NULL, PORT(NAMED("")) },
	{ "{port: HTTP}", NULL, PORT(NAMED("HTTP")) },
	{ "{port: a--b}", NULL, PORT(NAMED("a--b")) },
	{ "{port: -a}", NULL, PORT(NAMED("-a")) },
	{ "{port: a-}", NULL, PORT(NAMED("a-")) },
	{ "{port: 1-2}", NULL, PORT(NAMED("1-2")) },
	{ "{port: abcdefghijklmnop}", NULL, PORT(NAMED("abcdefghijklmnop")) },
	{ "{port: 80, endPort: 79}", NULL, PORT(".endPort: must be 80 to 65535, not 79") },
	{ "{port: 80, endPort: 65536}", NULL, PORT(".endPort: must be 80 to 65535, not 65536") },
	{ "{port: 80, endPort: '81'}", NULL, PORT(".endPort: must be an integer, not a string") },
	{ "{port: http, endPort: 81}", NULL, PORT(".endPort: needs a numeric port") },
	{ "{endPort: 81}", NULL, PORT(".endPort: needs a numeric port") },
	{ "{protocol: tcp}", NULL, PORT(".protocol: must be TCP, UDP or SCTP, not \"tcp\"") },
	{ "{protocol: ICMP}", NULL, PORT(".protocol: must be TCP, UDP or SCTP, not \"ICMP\"") },
	{ "{protocol: ''}", NULL, PORT(".protocol: must be TCP, UDP or SCTP, not \"\"") },
	{ "{protocol: 6}", NULL, PORT(".protocol: must be a string, not a number") },
	{ "{prot: 80}", NULL, PORT(".prot: is not a known field") },
	{ "null", NULL, PORT(": must be a mapping, not null") },
};

START_TEST(a_port_is_taken_as_written_or_not_at_all)
{
	struct row row = ports[_i];
	const char *before = row.object ? " pods(*) ingress [ :" : " pods(*) ingress [ nothing :";

	row.object = row.object ?: "";
	check_policy(&row, HEAD ", spec: {ingress: [{ports: [", "]}]}}", before, " ]");
}
END_TEST

START_TEST(every_problem_of_a_policy_is_reported)
{
	check_decodes(HEAD ", spec: {podSelector: 1, ingress: [{from: [{}]}, {ports: [{port: 0}]}],"
			   " egress: [{to: [{podSelector: {matchLabels: {x: 1}}}]}]}}",
		      NAME " pods(*) ingress [ nothing : ] [ nothing : ] egress [ nothing : ]\n"
		      ERR("spec.ingress[0].from[0]: must have ipBlock, podSelector or "
			  "namespaceSelector")
		      ERR("spec.ingress[1].ports[0].port: must be 1 to 65535, not 0")
		      ERR("spec.egress[0].to[0].podSelector.matchLabels[x]: must be a string, "
			  "not a number")
		      ERR("spec.podSelector: must be a mapping, not a number"));
}
END_TEST

CHECK_MAIN("decode_policy", CHECK_LOOP(a_spec_is_read_with_its_defaults_and_fails_closed, specs),
	   CHECK_LOOP(a_rule_never_matches_more_than_it_says, rules),
	   CHECK_LOOP(a_peer_is_taken_as_written_or_not_at_all, peers),
	   CHECK_LOOP(a_selector_is_taken_as_written_or_not_at_all, selectors),
	   CHECK_LOOP(a_port_is_taken_as_written_or_not_at_all, ports),
	   CHECK_TEST(every_problem_of_a_policy_is_reported))
