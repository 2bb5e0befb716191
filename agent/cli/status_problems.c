// SPDX-License-Identifier: Apache-2.0
#include "cli/output.h"
#include "cli/status.h"

#define PROBLEMS_SHOWN 8

/* "FILE:LINE: document N: OBJECT: FIELD: TEXT", without what is not known. */
static void print_problem(FILE *out, const json_t *problem)
{
	const char *object = json_text(problem, "object"), *field = json_text(problem, "field");
	json_int_t line = json_number(problem, "line"), document = json_number(problem, "document");

	fprintf(out, "  %s", json_text(problem, "file"));
	if (line > 0)
		fprintf(out, ":%lld", line);
	if (document > 0)
		fprintf(out, ": document %lld", document);
	if (json_flag(problem, "warning"))
		fprintf(out, ": warning");
	fprintf(out, "%s%s%s%s: %s\n", *object ? ": " : "", object, *field ? ": " : "", field,
		json_text(problem, "text"));
}

static size_t print_texts(FILE *out, const json_t *part, size_t count)
{
	json_t *problem;
	size_t i;

	json_array_foreach(json_object_get(part, "problems"), i, problem) {
		if (!count)
			fprintf(out, "\nPROBLEMS\n");
		if (count++ < PROBLEMS_SHOWN)
			fprintf(out, "  %s%s\n", json_flag(problem, "warning") ? "warning: " : "",
				json_text(problem, "text"));
	}
	return count + (size_t)json_number(part, "moreProblems");
}

void print_problems(FILE *out, const json_t *answer)
{
	json_t *source, *problem;
	size_t count = 0, i, j;

	json_array_foreach(json_object_get(answer, "sources"), i, source) {
		json_array_foreach(json_object_get(source, "problems"), j, problem) {
			if (!count)
				fprintf(out, "\nPROBLEMS\n");
			if (count++ < PROBLEMS_SHOWN)
				print_problem(out, problem);
		}
		count += (size_t)json_number(source, "moreProblems");
	}
	count = print_texts(out, json_object_get(answer, "nodes"), count);
	count = print_texts(out, json_object_get(answer, "services"), count);
	if (count > PROBLEMS_SHOWN)
		fprintf(out, "  and %zu more; all: weir status -o yaml\n", count - PROBLEMS_SHOWN);
}
