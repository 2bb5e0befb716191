// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/output.h"

#define ENDPOINTS_SHOWN 3

int print_policies(FILE *out, const json_t *answer)
{
	cleanup(table_done) struct table table =
		TABLE("KIND", "NAMESPACE", "NAME", "DIRECTIONS", "PODS OF THIS NODE");
	json_t *policy;
	size_t i;

	json_array_foreach(json_object_get(answer, "policies"), i, policy) {
		table_cell(&table, "%s", json_text(policy, "kind"));
		table_cell(&table, "%s", json_text(policy, "namespace"));
		table_cell(&table, "%s", json_text(policy, "name"));
		table_cell_join(&table, json_object_get(policy, "directions"), 0);
		table_cell_join(&table, json_object_get(policy, "endpoints"), ENDPOINTS_SHOWN);
	}
	return table_print(out, &table);
}

/* "  allow  from ..., NetworkPolicy shop/front rule 0" */
static void print_groups(FILE *out, const json_t *groups)
{
	json_t *group;
	size_t i;

	if (!json_array_size(groups))
		fprintf(out, "  nothing is allowed\n");
	json_array_foreach(groups, i, group)
		fprintf(out, "  %-5s  %s [%s]\n", json_text(group, "action"),
			json_text(group, "text"), json_text(group, "tier"));
}

int print_ruleset(FILE *out, const char *title, const json_t *ruleset)
{
	cleanup(freep) char *policies = NULL;

	if (!json_is_object(ruleset)) {
		fprintf(out, "%-10s  open: no policy selects the pod\n", title);
		return 0;
	}
	policies = json_join(json_object_get(ruleset, "policies"), ", ", 0);
	if (!policies)
		return -ENOMEM;
	fprintf(out, "%-10s  isolated, rule set %lld: %s\n", title, json_number(ruleset, "id"),
		policies);
	print_groups(out, json_object_get(ruleset, "groups"));
	return 0;
}

int print_pod_policies(FILE *out, const json_t *answer)
{
	int r;

	fprintf(out, "Pod         %s/%s\n", json_text(answer, "namespace"),
		json_text(answer, "pod"));
	r = print_ruleset(out, "Ingress", json_object_get(answer, "ingress"));
	return r ?: print_ruleset(out, "Egress", json_object_get(answer, "egress"));
}
