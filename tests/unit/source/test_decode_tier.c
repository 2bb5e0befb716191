// SPDX-License-Identifier: Apache-2.0
/* The kinds of the Admin and Baseline tiers, as written and malformed. */
#include "lib/check_main.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "dump.h"

struct row {
	const char *text; /* in flow style: the spec, a rule, a peer, ... */
	const char *object; /* what follows the name, or the rule, or the peer */
	const char *problems; /* NULL: none */
};

#define GROUP "apiVersion: policy.networking.k8s.io/"
#define CNP "{" GROUP "v1alpha2, kind: ClusterNetworkPolicy, metadata: {name: c}"
#define ANP "{" GROUP "v1alpha1, kind: AdminNetworkPolicy, metadata: {name: a}, spec: "
#define BANP "{" GROUP "v1alpha1, kind: BaselineAdminNetworkPolicy, metadata: {name: "
#define ERR(what) "error: ClusterNetworkPolicy c: " what "\n"
#define WARN(what) "warning: ClusterNetworkPolicy c: " what "\n"
#define ANP_ERR(what) "error: AdminNetworkPolicy a: " what "\n"
#define BANP_ERR(what) "error: BaselineAdminNetworkPolicy default: " what "\n"

static void check_row(const struct row *row, const char *before, const char *after,
		      const char *said_before, const char *said_after)
{
	cleanup(freep) char *text = NULL;
	cleanup(freep) char *said = NULL;

	ck_assert_int_ge(asprintf(&text, "%s%s%s", before, row->text, after), 0);
	ck_assert_int_ge(asprintf(&said, "%s%s%s\n%s", said_before, row->object, said_after,
				  row->problems ?: ""),
			 0);
	check_decodes(text, said);
}

#define ALL "subject: {namespaces: {}}"
#define RULES                                                                  \
	"ingress: [{action: Accept, from: [{namespaces: {}}]},"                \
	" {action: Deny, from: [{namespaces: {}}]},"                           \
	" {action: Pass, from: [{namespaces: {}}]}]"
#define ONE " ns(*) pods(*) : ]"
/* What RULES become when the policy is in doubt. */
#define IN_DOUBT " ingress [ nothing" ONE " [ deny" ONE " [ deny" ONE

static const struct row specs[] = {
	{ "{tier: Admin, priority: 0, " ALL "}", " admin 0 ns(*) pods(*)" },
	{ "{tier: Baseline, priority: 1000, " ALL ", ingress: [], egress: null}",
	  " baseline 1000 ns(*) pods(*)" },
	{ "{tier: Admin, priority: 7, " ALL ", " RULES "}",
	  " admin 7 ns(*) pods(*) ingress [" ONE " [ deny" ONE " [ pass" ONE },
	{ "{tier: Admin, priority: 1, subject: {namespaces: {matchLabels: {a: x}}}}",
	  " admin 1 ns(a=x) pods(*)" },
	{ "{tier: Admin, priority: 1, subject: {pods: {namespaceSelector: {matchLabels: {a: x}},"
	  " podSelector: {matchLabels: {b: z}}}}}", " admin 1 ns(a=x) pods(b=z)" },
	{ "{tier: Admin, priority: 1, subject: {pods: {podSelector: {matchLabels: {b: z}}}}}",
	  " admin 1 ns(*) pods(b=z)" },

	/* Where it stands is not known: first, and nothing but denies. */
	{ "{priority: 7, " ALL ", " RULES "}", " admin 7 ns(*) pods(*)" IN_DOUBT,
	  ERR("spec.tier: is required") },
	{ "{tier: admin, priority: 7, " ALL ", " RULES "}", " admin 7 ns(*) pods(*)" IN_DOUBT,
	  ERR("spec.tier: must be Admin or Baseline, not \"admin\"") },
	{ "{tier: Baseline, " ALL ", " RULES "}", " baseline 0 ns(*) pods(*)" IN_DOUBT,
	  ERR("spec.priority: is required") },
	{ "{tier: Baseline, priority: 1001, " ALL ", " RULES "}",
	  " baseline 0 ns(*) pods(*)" IN_DOUBT,
	  ERR("spec.priority: must be 0 to 1000, not 1001") },
	{ "{tier: Admin, priority: -1, " ALL ", " RULES "}", " admin 0 ns(*) pods(*)" IN_DOUBT,
	  ERR("spec.priority: must be 0 to 1000, not -1") },
	{ "{tier: Admin, priority: '5', " ALL ", " RULES "}", " admin 0 ns(*) pods(*)" IN_DOUBT,
	  ERR("spec.priority: must be an integer, not a string") },

	/* For whom it is is not known: for all. */
	{ "{tier: Admin, priority: 7, " RULES "}", " admin 7 ns(*) pods(*)" IN_DOUBT,
	  ERR("spec.subject: is required") },
	{ "{tier: Admin, priority: 7, subject: {}, " RULES "}", " admin 7 ns(*) pods(*)" IN_DOUBT,
	  ERR("spec.subject: must have exactly one of its fields, not 0") },
	{ "{tier: Admin, priority: 7, subject: {namespaces: {}, pods: {podSelector: {}}}, "
	  RULES "}", " admin 7 ns(*) pods(*)" IN_DOUBT,
	  ERR("spec.subject: must have exactly one of its fields, not 2") },
	{ "{tier: Admin, priority: 7, subject: {nodes: {}}, " RULES "}",
	  " admin 7 ns(*) pods(*)" IN_DOUBT, ERR("spec.subject.nodes: is not a known field") },
	{ "{tier: Admin, priority: 7, subject: {pods: {namespaceSelector: {matchLabels: {a: x}}}},"
	  RULES "}", " admin 7 ns(*) pods(*)" IN_DOUBT,
	  ERR("spec.subject.pods.podSelector: is required") },
	{ "{tier: Admin, priority: 7, subject: {namespaces: {matchLabels: {a: 1}}}, " RULES "}",
	  " admin 7 ns(*) pods(*)" IN_DOUBT,
	  ERR("spec.subject.namespaces.matchLabels[a]: must be a string, not a number") },
	{ "{tier: Admin, priority: 7, " ALL ", " RULES ", when: night}",
	  " admin 7 ns(*) pods(*)" IN_DOUBT, ERR("spec.when: is not a known field") },

	{ "{tier: Admin, priority: 7, " ALL ", ingress: {}}",
	  " admin 7 ns(*) pods(*) ingress [ deny : ]",
	  ERR("spec.ingress: must be a list, not a mapping") },
	{ "null", " admin 0 ns(*) pods(*)", ERR("spec: is required") },
	{ "[]", " admin 0 ns(*) pods(*)", ERR("spec: must be a mapping, not a list") },
};

START_TEST(a_cluster_policy_that_is_in_doubt_only_denies)
{
	check_row(&specs[_i], CNP ", spec: ", "}", "ClusterNetworkPolicy c", "");
}
END_TEST

/* What is wrong is in every place the same, and closes the rule by its action. */
#define EGRESS(what) ERR("spec.egress[0]" what)

static const struct row rules[] = {
	{ "{action: Accept, to: [{namespaces: {}}]}", " [" ONE },
	{ "{action: Deny, name: no-one, to: [{namespaces: {}}], protocols: null}",
	  " [ deny 'no-one'" ONE },
	{ "{action: Pass, name: '', to: [{namespaces: {}}]}", " [ pass" ONE },

	{ "{action: Accept, to: [{}]}", " [ nothing : ]",
	  EGRESS(".to[0]: must have exactly one of its fields, not 0") },
	{ "{action: Deny, to: [{}]}", " [ deny : ]",
	  EGRESS(".to[0]: must have exactly one of its fields, not 0") },
	{ "{action: Pass, to: [{}]}", " [ deny : ]",
	  EGRESS(".to[0]: must have exactly one of its fields, not 0") },
	/* One peer that nobody knows spoils the rule: it might have been an exception. */
	{ "{action: Accept, to: [{namespaces: {}}, {planets: {}}]}", " [ nothing : ]",
	  EGRESS(".to[1].planets: is not a known field") },
	{ "{action: Pass, name: r, to: [{namespaces: {}}, {planets: {}}],"
	  " protocols: [{tcp: {}}]}", " [ deny 'r' : ]",
	  EGRESS(".to[1].planets: is not a known field") },
	{ "{action: Accept, to: [{namespaces: {}}], protocols: [{quic: {}}]}", " [ nothing : ]",
	  EGRESS(".protocols[0].quic: is not a known field") },
	{ "{action: Deny, to: [{namespaces: {}}], protocols: [{tcp: {}}, {quic: {}}]}",
	  " [ deny : ]", EGRESS(".protocols[1].quic: is not a known field") },

	/* Not even the action is known. */
	{ "{to: [{namespaces: {}}]}", " [ deny : ]", EGRESS(".action: is required") },
	{ "{action: Allow, to: [{namespaces: {}}]}", " [ deny : ]",
	  EGRESS(".action: must be Accept, Deny or Pass, not \"Allow\"") },
	{ "null", " [ deny : ]", EGRESS(": must be a mapping, not null") },
	{ "Deny", " [ deny : ]", EGRESS(": must be a mapping, not a string") },

	{ "{action: Accept}", " [ nothing : ]", EGRESS(".to: is required") },
	{ "{action: Accept, to: []}", " [ nothing : ]", EGRESS(".to: must not be empty") },
	{ "{action: Deny, to: {namespaces: {}}}", " [ deny : ]",
	  EGRESS(".to: must be a list, not a mapping") },
	{ "{action: Accept, to: [{namespaces: {}}], protocols: []}", " [ nothing : ]",
	  EGRESS(".protocols: must not be empty") },
	{ "{action: Accept, to: [{namespaces: {}}], ports: [{tcp: {}}]}", " [ nothing : ]",
	  EGRESS(".ports: is not a known field") },
	{ "{action: Accept, from: [{namespaces: {}}]}", " [ nothing : ]",
	  EGRESS(".from: is not a known field") EGRESS(".to: is required") },
	/* A name is for people. YAML takes this one for a boolean. */
	{ "{action: Accept, name: n, to: [{namespaces: {}}]}", " [" ONE,
	  EGRESS(".name: must be a string, not a boolean") },

	/* Names belong to pods. */
	{ "{action: Accept, to: [{networks: [10.0.0.0/8]}], protocols:"
	  " [{destinationNamedPort: http}]}", " [ nothing : ]",
	  EGRESS(".protocols: must not have names beside networks or nodes") },
	{ "{action: Deny, to: [{nodes: {}}, {namespaces: {}}], protocols:"
	  " [{destinationNamedPort: http}]}", " [ deny : ]",
	  EGRESS(".protocols: must not have names beside networks or nodes") },

	/* All problems of a rule are reported; the rule after it is as it was. */
	{ "{action: Pass, to: [{}, {networks: [x]}], protocols: [{}]}, {action: Pass,"
	  " to: [{namespaces: {}}]}", " [ deny : ] [ pass" ONE,
	  EGRESS(".to[0]: must have exactly one of its fields, not 0")
	  EGRESS(".to[1].networks[0]: must be an address range like 10.0.0.0/8, not \"x\"")
	  EGRESS(".protocols[0]: must have exactly one of its fields, not 0") },
};

START_TEST(a_malformed_rule_fails_closed_by_its_action)
{
	check_row(&rules[_i], CNP ", spec: {tier: Admin, priority: 0, " ALL ", egress: [", "]}}",
		  "ClusterNetworkPolicy c admin 0 ns(*) pods(*) egress", "");
}
END_TEST

#define PEER(what) ERR("spec.egress[0].to[0]" what)

static const struct row peers[] = {
	{ "{namespaces: {matchLabels: {a: x}}}", " ns(a=x) pods(*)" },
	{ "{pods: {namespaceSelector: {matchLabels: {a: x}}, podSelector: {}}}",
	  " ns(a=x) pods(*)" },
	{ "{pods: {podSelector: {matchLabels: {a: x}}}}", " ns(*) pods(a=x)" },
	{ "{nodes: {}}", " nodes(*)" },
	{ "{nodes: {matchExpressions: [{key: a, operator: Exists}]}}", " nodes(a)" },
	{ "{networks: [10.0.0.0/8, '::/0']}", " 10.0.0.0/8 ::/0" },
	{ "{networks: [10.0.0.0/8]}, {networks: [0.0.0.0/0, 1.1.1.1/32]}, {namespaces: {}}",
	  " 10.0.0.0/8 0.0.0.0/0 1.1.1.1/32 ns(*) pods(*)" },
	{ "{networks: [10.1.2.3/8]}", " 10.0.0.0/8",
	  WARN("spec.egress[0].to[0].networks[0]: has bits set beyond its length and means "
	       "10.0.0.0/8") },

	{ "{networks: []}", NULL, PEER(".networks: must not be empty") },
	{ "{networks: 10.0.0.0/8}", NULL, PEER(".networks: must be a list, not a string") },
	{ "{networks: [10.0.0.0/8, null]}", NULL,
	  PEER(".networks[1]: must be a string, not null") },
	{ "{networks: ['::ffff:10.0.0.0/104']}", NULL,
	  PEER(".networks[0]: must be an address range like 10.0.0.0/8, "
	       "not \"::ffff:10.0.0.0/104\"") },
	{ "{namespaces: {}, networks: [10.0.0.0/8]}", NULL,
	  PEER(": must have exactly one of its fields, not 2") },
	{ "{pods: {namespaceSelector: {}}}", NULL, PEER(".pods.podSelector: is required") },
	{ "{pods: {podSelector: {}, sameLabels: [a]}}", NULL,
	  PEER(".pods.sameLabels: is not a known field") },
	{ "{pods: []}", NULL, PEER(".pods: must be a mapping, not a list") },
	{ "{nodes: [a]}", NULL, PEER(".nodes: must be a mapping, not a list") },
	{ "{domainNames: ['*.example.org']}", NULL,
	  PEER(".domainNames: is not supported: weir does not watch name resolution") },
	{ "null", NULL, PEER(": must be a mapping, not null") },
};

START_TEST(a_peer_is_taken_as_written_or_not_at_all)
{
	struct row row = peers[_i];

	row.object = row.object ?: " nothing";
	check_row(&row, CNP ", spec: {tier: Admin, priority: 0, " ALL
		  ", egress: [{action: Accept, to: [", "]}]}}",
		  "ClusterNetworkPolicy c admin 0 ns(*) pods(*) egress [", " : ]");
}
END_TEST

/* Ingress has fewer peers than egress. */
static const struct row ingress_peers[] = {
	{ "{namespaces: {}}", " ns(*) pods(*)" },
	{ "{networks: [10.0.0.0/8]}", NULL,
	  ERR("spec.ingress[0].from[0].networks: is not a known field") },
	{ "{nodes: {}}", NULL, ERR("spec.ingress[0].from[0].nodes: is not a known field") },
};

START_TEST(ingress_knows_pods_only)
{
	struct row row = ingress_peers[_i];

	row.object = row.object ?: " nothing";
	check_row(&row, CNP ", spec: {tier: Admin, priority: 0, " ALL
		  ", ingress: [{action: Accept, from: [", "]}]}}",
		  "ClusterNetworkPolicy c admin 0 ns(*) pods(*) ingress [", " : ]");
}
END_TEST

#define PROTO(what) ERR("spec.ingress[0].protocols[0]" what)

static const struct row protocols[] = {
	{ "{tcp: {destinationPort: {number: 80}}}", " TCP:80-80" },
	{ "{udp: {destinationPort: {range: {start: 1, end: 65535}}}}", " UDP:1-65535" },
	{ "{sctp: {destinationPort: {number: 65535}}}", " SCTP:65535-65535" },
	{ "{tcp: {}}", " TCP:0-65535" },
	{ "{udp: {destinationPort: null}}", " UDP:0-65535" },
	{ "{destinationNamedPort: http}", " TCP:http UDP:http SCTP:http" },
	{ "{tcp: {}}, {destinationNamedPort: a}, {sctp: {}}",
	  " TCP:0-65535 TCP:a UDP:a SCTP:a SCTP:0-65535" },

	{ "{}", NULL, PROTO(": must have exactly one of its fields, not 0") },
	{ "{tcp: {}, udp: {}}", NULL, PROTO(": must have exactly one of its fields, not 2") },
	{ "{tcp: []}", NULL, PROTO(".tcp: must be a mapping, not a list") },
	{ "{tcp: {sourcePort: 1}}", NULL, PROTO(".tcp.sourcePort: is not a known field") },
	{ "{tcp: {destinationPort: {}}}", NULL,
	  PROTO(".tcp.destinationPort: must have exactly one of its fields, not 0") },
	{ "{tcp: {destinationPort: 80}}", NULL,
	  PROTO(".tcp.destinationPort: must be a mapping, not a number") },
	{ "{tcp: {destinationPort: {number: 0}}}", NULL,
	  PROTO(".tcp.destinationPort.number: must be 1 to 65535, not 0") },
	{ "{tcp: {destinationPort: {number: 65536}}}", NULL,
	  PROTO(".tcp.destinationPort.number: must be 1 to 65535, not 65536") },
	{ "{tcp: {destinationPort: {number: 1, range: {start: 1, end: 2}}}}", NULL,
	  PROTO(".tcp.destinationPort: must have exactly one of its fields, not 2") },
	{ "{tcp: {destinationPort: {range: {start: 5, end: 5}}}}", NULL,
	  PROTO(".tcp.destinationPort.range.end: must be greater than start") },
	{ "{tcp: {destinationPort: {range: {start: 5}}}}", NULL,
	  PROTO(".tcp.destinationPort.range.end: is required") },
	{ "{tcp: {destinationPort: {range: {start: 0, end: 5}}}}", NULL,
	  PROTO(".tcp.destinationPort.range.start: must be 1 to 65535, not 0") },
	{ "{tcp: {destinationPort: {range: {start: 1, end: 5, step: 2}}}}", NULL,
	  PROTO(".tcp.destinationPort.range.step: is not a known field") },
	{ "{destinationNamedPort: '80'}", NULL,
	  PROTO(".destinationNamedPort: must be the name of a port, not \"80\"") },
	{ "{destinationNamedPort: 80}", NULL,
	  PROTO(".destinationNamedPort: must be a string, not a number") },
	{ "null", NULL, PROTO(": must be a mapping, not null") },
};

START_TEST(a_protocol_is_taken_as_written_or_not_at_all)
{
	struct row row = protocols[_i];
	const char *before = row.object ? " ns(*) pods(*) :" : " nothing :";
	cleanup(freep) char *said = NULL;

	row.object = row.object ?: "";
	ck_assert_int_ge(asprintf(&said, "ClusterNetworkPolicy c admin 0 ns(*) pods(*) ingress [%s",
				  before), 0);
	check_row(&row, CNP ", spec: {tier: Admin, priority: 0, " ALL
		  ", ingress: [{action: Accept, from: [{namespaces: {}}], protocols: [", "]}]}}",
		  said, " ]");
}
END_TEST

static const struct row admin_policies[] = {
	{ ANP "{priority: 10, " ALL ", ingress: [{name: r, action: Allow, from: [{namespaces: {}}],"
	  " ports: [{portNumber: {port: 80}}, {portNumber: {protocol: UDP, port: 53}},"
	  " {portRange: {protocol: SCTP, start: 1, end: 9}}, {namedPort: web}]}],"
	  " egress: [{action: Pass, to: [{nodes: {}}, {networks: [10.0.0.0/8]}]},"
	  " {action: Deny, to: [{pods: {namespaceSelector: {}, podSelector: {}}}]}]}}",
	  "AdminNetworkPolicy a admin 10 ns(*) pods(*) ingress [ 'r' ns(*) pods(*) : TCP:80-80 "
	  "UDP:53-53 SCTP:1-9 TCP:web UDP:web SCTP:web ] egress [ pass nodes(*) 10.0.0.0/8 : ] "
	  "[ deny ns(*) pods(*) : ]" },
	/* The API of before lets an empty list of ports through: it filters nothing. */
	{ ANP "{priority: 10, " ALL ", egress: [{action: Deny, to: [{namespaces: {}}], ports: []}]}}",
	  "AdminNetworkPolicy a admin 10 ns(*) pods(*) egress [ deny" ONE },
	{ ANP "{priority: 10, " ALL ", egress: [{action: Allow, to: [{namespaces: {}}], ports: {}}]}}",
	  "AdminNetworkPolicy a admin 10 ns(*) pods(*) egress [ nothing : ]",
	  ANP_ERR("spec.egress[0].ports: must be a list, not a mapping") },
	{ ANP "{" ALL ", tier: Admin}}", "AdminNetworkPolicy a admin 0 ns(*) pods(*)",
	  ANP_ERR("spec.priority: is required") ANP_ERR("spec.tier: is not a known field") },
	{ ANP "{priority: 1, subject: {pods: {podSelector: {}}}, egress: [{action: Accept,"
	  " to: [{domainNames: [x.example]}], ports: [{portNumber: {protocol: TCP}}, {port: 80},"
	  " {portRange: {start: 2, end: 1}}]}]}}",
	  "AdminNetworkPolicy a admin 1 ns(*) pods(*) egress [ deny : ]",
	  ANP_ERR("spec.egress[0].action: must be Allow, Deny or Pass, not \"Accept\"")
	  ANP_ERR("spec.egress[0].to[0].domainNames: is not supported: weir does not watch name "
		  "resolution")
	  ANP_ERR("spec.egress[0].ports[0].portNumber.port: is required")
	  ANP_ERR("spec.egress[0].ports[1].port: is not a known field")
	  ANP_ERR("spec.egress[0].ports[2].portRange.end: must be greater than start")
	  ANP_ERR("spec.subject.pods.namespaceSelector: is required") },
	{ BANP "default}, spec: {" ALL ", egress: [{action: Deny, to: [{namespaces: {}}]}]}}",
	  "BaselineAdminNetworkPolicy default baseline 1001 ns(*) pods(*) egress [ deny" ONE },
	{ BANP "default}, spec: {" ALL ", priority: 5, egress: [{action: Pass,"
	  " to: [{namespaces: {}}]}]}}",
	  "BaselineAdminNetworkPolicy default baseline 1001 ns(*) pods(*) egress [ deny : ]",
	  BANP_ERR("spec.priority: is not a known field")
	  BANP_ERR("spec.egress[0].action: must be Allow or Deny, not \"Pass\"") },
	{ BANP "other}, spec: {" ALL "}}",
	  "BaselineAdminNetworkPolicy other baseline 1001 ns(*) pods(*)",
	  "warning: BaselineAdminNetworkPolicy other: metadata.name: the API knows only one, "
	  "\"default\"\n" },
};

START_TEST(the_kinds_of_before_decode_into_the_same_tiers)
{
	check_row(&admin_policies[_i], "", "", "", "");
}
END_TEST

/* More than the API takes is clear all the same: it is in force, and reported. */
START_TEST(long_lists_count_and_are_reported)
{
	static const struct {
		const char *before, *element, *after, *warns;
	} lists[] = {
		{ "egress: [", "{action: Deny, to: [{nodes: {}}]},", "]", "spec.egress" },
		{ "egress: [{action: Deny, to: [", "{nodes: {}},", "]}]", "spec.egress[0].to" },
		{ "egress: [{action: Deny, to: [{nodes: {}}], protocols: [", "{tcp: {}},", "]}]",
		  "spec.egress[0].protocols" },
		{ "egress: [{action: Deny, to: [{networks: [", "10.0.0.0/8,", "]}]}]",
		  "spec.egress[0].to[0].networks" },
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		cleanup(freep) char *said = NULL;
		cleanup(freep) char *text = NULL;
		cleanup(freep) char *warning = NULL;
		size_t length;
		FILE *out = open_memstream(&text, &length);

		fprintf(out, CNP ", spec: {tier: Admin, priority: 0, " ALL ", %s",
			lists[i].before);
		for (int n = 0; n < 26; n++)
			fputs(lists[i].element, out);
		fprintf(out, "%s}}", lists[i].after);
		fclose(out);
		ck_assert_int_ge(asprintf(&warning, "warning: ClusterNetworkPolicy c: %s: has 26 "
					  "elements, the API takes 25\n", lists[i].warns), 0);
		said = dump_text(text);
		ck_assert_ptr_nonnull(strstr(said, warning));
		ck_assert_ptr_null(strstr(said, "error"));
		ck_assert_ptr_null(strstr(said, "deny :"));
	}
}
END_TEST

#define TEN "aaaaaaaaaa"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static const struct row names[] = {
	{ HUNDRED, " [ '" HUNDRED "'" ONE },
	{ HUNDRED "b", " [ '" HUNDRED "b'" ONE,
	  WARN("spec.egress[0].name: has more than 100 characters") },
};

START_TEST(so_do_long_names)
{
	check_row(&names[_i], CNP ", spec: {tier: Admin, priority: 0, " ALL
		  ", egress: [{action: Accept, to: [{namespaces: {}}], name: ", "}]}}",
		  "ClusterNetworkPolicy c admin 0 ns(*) pods(*) egress", "");
}
END_TEST

START_TEST(a_policy_of_another_version_only_denies)
{
	check_decodes("{" GROUP "v1beta2, kind: ClusterNetworkPolicy, metadata: {name: c}, spec:"
		      " {tier: Admin, priority: 7, " ALL ", " RULES "}}",
		      "ClusterNetworkPolicy c admin 7 ns(*) pods(*)" IN_DOUBT "\n"
		      ERR("apiVersion: must be policy.networking.k8s.io/v1alpha2 or "
			  "policy.networking.k8s.io/v1beta1 for a ClusterNetworkPolicy, "
			  "not \"policy.networking.k8s.io/v1beta2\""));
}
END_TEST

CHECK_MAIN("decode_tier", CHECK_LOOP(a_cluster_policy_that_is_in_doubt_only_denies, specs),
	   CHECK_LOOP(a_malformed_rule_fails_closed_by_its_action, rules),
	   CHECK_LOOP(a_peer_is_taken_as_written_or_not_at_all, peers),
	   CHECK_LOOP(ingress_knows_pods_only, ingress_peers),
	   CHECK_LOOP(a_protocol_is_taken_as_written_or_not_at_all, protocols),
	   CHECK_LOOP(the_kinds_of_before_decode_into_the_same_tiers, admin_policies),
	   CHECK_TEST(long_lists_count_and_are_reported),
	   CHECK_LOOP(so_do_long_names, names),
	   CHECK_TEST(a_policy_of_another_version_only_denies))
