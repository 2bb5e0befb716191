// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/output.h"

#define ENDPOINTS_SHOWN 3
#define PRIORITY_MAX 24
#define STAGE_MAX 64

/* "" when it has none. */
static const char *priority_text(char buf[static PRIORITY_MAX], const json_t *value)
{
	buf[0] = '\0';
	if (json_is_integer(json_object_get(value, "priority")))
		snprintf(buf, PRIORITY_MAX, "%lld", json_number(value, "priority"));
	return buf;
}

int print_policies(FILE *out, const json_t *answer)
{
	cleanup(table_done) struct table table =
		TABLE("KIND", "NAMESPACE", "NAME", "TIER", ">PRIORITY", "DIRECTIONS",
		      "PODS OF THIS NODE");
	char priority[PRIORITY_MAX];
	json_t *policy;
	size_t i;

	json_array_foreach(json_object_get(answer, "policies"), i, policy) {
		table_cell(&table, "%s", json_text(policy, "kind"));
		table_cell(&table, "%s", json_text(policy, "namespace"));
		table_cell(&table, "%s", json_text(policy, "name"));
		table_cell(&table, "%s", json_text(policy, "tier"));
		table_cell(&table, "%s", priority_text(priority, policy));
		table_cell_join(&table, json_object_get(policy, "directions"), 0);
		table_cell_join(&table, json_object_get(policy, "endpoints"), ENDPOINTS_SHOWN);
	}
	return table_print(out, &table);
}

/* "Admin 10       deny   to 10.0.0.0/8; all ports and protocols (ClusterNetworkPolicy x rule 0)" */
static void print_rule(FILE *out, const json_t *rule)
{
	const char *name = json_text(rule, "name");
	char priority[PRIORITY_MAX], stage[STAGE_MAX];

	priority_text(priority, rule);
	snprintf(stage, sizeof(stage), "%s%s%s", json_text(rule, "tier"), *priority ? " " : "",
		 priority);
	fprintf(out, "  %-13s  %-5s  %s (%s rule %lld", stage, json_text(rule, "action"),
		json_text(rule, "text"), json_text(rule, "policy"), json_number(rule, "rule"));
	fprintf(out, *name ? " \"%s\")\n" : "%s)\n", name);
}

/* Behind isolation nobody asks the last tier. */
static void print_rules(FILE *out, const json_t *rules, bool isolated)
{
	size_t i, unasked = 0;
	json_t *rule;

	json_array_foreach(rules, i, rule) {
		if (isolated && !strcmp(json_text(rule, "tier"), "Baseline"))
			unasked++;
		else
			print_rule(out, rule);
	}
	fprintf(out, "  %-13s  %-5s  everything else\n", isolated ? "NetworkPolicy" : "",
		isolated ? "deny" : "allow");
	if (unasked)
		fprintf(out, "  %-13s  %zu %s not asked\n", "Baseline", unasked,
			unasked == 1 ? "rule is" : "rules are");
}

void print_ruleset(FILE *out, const char *title, const json_t *ruleset)
{
	bool isolated = json_flag(ruleset, "isolated");
	json_t *policy;
	size_t i;

	if (!json_is_object(ruleset)) {
		fprintf(out, "%-10s  open: no policy selects the pod\n", title);
		return;
	}
	fprintf(out, "%-10s  %s, rule set %lld\n", title, isolated ? "isolated" : "open",
		json_number(ruleset, "id"));
	json_array_foreach(json_object_get(ruleset, "policies"), i, policy)
		fprintf(out, "  %s %s\n", json_text(policy, "policy"), json_text(policy, "why"));
	print_rules(out, json_object_get(ruleset, "rules"), isolated);
}

int print_pod_policies(FILE *out, const json_t *answer)
{
	fprintf(out, "Pod         %s/%s\n", json_text(answer, "namespace"),
		json_text(answer, "pod"));
	print_ruleset(out, "Ingress", json_object_get(answer, "ingress"));
	print_ruleset(out, "Egress", json_object_get(answer, "egress"));
	return 0;
}
