// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/output.h"

static void cell_end(struct table *table, const json_t *end)
{
	const char *address = json_text(end, "address");

	table_cell(table, strchr(address, ':') ? "[%s]:%lld" : "%s:%lld", address,
		   json_number(end, "port"));
}

static bool is_end(const json_t *end, const json_t *other)
{
	return json_equal(json_object_get(end, "address"), json_object_get(other, "address")) &&
	       json_equal(json_object_get(end, "port"), json_object_get(other, "port"));
}

/*
 * A connection to a service is two lines, which point at each other. Of one that is masqueraded
 * the line that the outside sees says whose it is.
 */
static void cell_translation(struct table *table, const json_t *flow)
{
	const json_t *becomes = json_object_get(flow, "becomes");
	const json_t *was = json_object_get(flow, "was");
	const json_t *end = json_object_get(becomes ?: was, "answerer");
	const char *address;

	if (was && is_end(end, json_object_get(flow, "answerer")))
		end = json_object_get(was, "opener");
	address = json_text(end, "address");
	if (!end) {
		table_cell(table, "%s", "");
		return;
	}
	table_cell(table, strchr(address, ':') ? "%s [%s]:%lld" : "%s %s:%lld",
		   becomes ? "to" : "from", address, json_number(end, "port"));
}

/* Both directions: of the opener, of the answerer. */
static json_int_t count_of(const json_t *flow, const char *key, size_t direction)
{
	return json_integer_value(json_array_get(json_object_get(flow, key), direction));
}

static void cell_bytes(struct table *table, json_int_t bytes)
{
	char buf[UNIT_TEXT_MAX];

	table_cell(table, "%s", bytes_text(buf, bytes));
}

int print_flows(FILE *out, const json_t *answer)
{
	cleanup(table_done) struct table table =
		TABLE("PROTOCOL", "OPENER", "ANSWERER", "STATE", ">EXPIRES", ">PACKETS", ">BYTES",
		      ">BACK", ">BYTES BACK", "TRANSLATED");
	json_int_t more = json_number(answer, "more");
	json_t *flow;
	size_t i;
	int r;

	json_array_foreach(json_object_get(answer, "flows"), i, flow) {
		table_cell(&table, "%s", json_text(flow, "protocol"));
		cell_end(&table, json_object_get(flow, "opener"));
		cell_end(&table, json_object_get(flow, "answerer"));
		table_cell(&table, "%s", json_text(flow, "state"));
		table_cell(&table, "%llds", json_number(flow, "expiresSeconds"));
		table_cell(&table, "%lld", count_of(flow, "packets", 0));
		cell_bytes(&table, count_of(flow, "bytes", 0));
		table_cell(&table, "%lld", count_of(flow, "packets", 1));
		cell_bytes(&table, count_of(flow, "bytes", 1));
		cell_translation(&table, flow);
	}
	r = table_print(out, &table);
	if (!r && more > 0)
		fprintf(out, "and %lld more\n", more);
	return r;
}

int print_flushed(FILE *out, const json_t *answer)
{
	json_int_t removed = json_number(answer, "removed");

	fprintf(out, "%lld connection%s forgotten\n", removed, removed == 1 ? "" : "s");
	return 0;
}
