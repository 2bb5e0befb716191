// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/output.h"

int print_identities(FILE *out, const json_t *answer)
{
	cleanup(table_done) struct table table = TABLE(">CLASS", ">MEMBERS", "MATCHED BY");
	json_t *class;
	size_t i;

	json_array_foreach(json_object_get(answer, "identities"), i, class) {
		table_cell(&table, "%lld", json_number(class, "class"));
		table_cell(&table, "%lld", json_number(class, "members"));
		table_cell(&table, "%s", json_text(class, "text"));
	}
	return table_print(out, &table);
}
