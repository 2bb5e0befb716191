// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cli/output.h"
#include "cli/status.h"

#define DROPS_SHOWN 12

static json_int_t packets(const json_t *counters, const char *direction)
{
	return json_number(json_object_get(counters, direction), "packets");
}

void print_passed(FILE *out, const json_t *passed)
{
	const json_t *in = json_object_get(passed, "ingress");
	const json_t *eg = json_object_get(passed, "egress");
	char in_bytes[UNIT_TEXT_MAX], eg_bytes[UNIT_TEXT_MAX];

	fprintf(out, "Passed      ingress %lld packets (%s), egress %lld packets (%s)\n",
		json_number(in, "packets"), bytes_text(in_bytes, json_number(in, "bytes")),
		json_number(eg, "packets"), bytes_text(eg_bytes, json_number(eg, "bytes")));
}

/* Most packets first. */
static int compare_drops(const void *left, const void *right)
{
	const json_t *a = *(json_t *const *)left, *b = *(json_t *const *)right;
	json_int_t x = packets(a, "ingress") + packets(a, "egress");
	json_int_t y = packets(b, "ingress") + packets(b, "egress");

	return (x < y) - (x > y);
}

static int print_drop_table(FILE *out, json_t *const *drops, size_t count)
{
	cleanup(table_done) struct table table = TABLE("DROPPED", ">INGRESS", ">EGRESS", "BECAUSE");
	size_t shown = count < DROPS_SHOWN ? count : DROPS_SHOWN;

	for (size_t i = 0; i < shown; i++) {
		table_cell(&table, "%s", json_text(drops[i], "reason"));
		table_cell(&table, "%lld", packets(drops[i], "ingress"));
		table_cell(&table, "%lld", packets(drops[i], "egress"));
		table_cell(&table, "%s", json_text(drops[i], "text"));
	}
	fputc('\n', out);
	if (table_print(out, &table) < 0)
		return -ENOMEM;
	if (shown < count)
		fprintf(out, "and %zu more; all: weir status -o yaml\n", count - shown);
	return 0;
}

int print_drops(FILE *out, const json_t *all)
{
	cleanup(freep) json_t **drops = calloc(json_array_size(all) + 1, sizeof(*drops));
	size_t count = 0, i;
	json_t *drop;

	if (!drops)
		return -ENOMEM;
	json_array_foreach(all, i, drop)
		if (packets(drop, "ingress") || packets(drop, "egress"))
			drops[count++] = drop;
	if (!count) {
		fprintf(out, "Dropped     nothing\n");
		return 0;
	}
	qsort(drops, count, sizeof(*drops), compare_drops);
	return print_drop_table(out, drops, count);
}
