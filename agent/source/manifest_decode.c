// SPDX-License-Identifier: Apache-2.0
/* From a text to its content: what the decoder tells, as far as it counts. */
#include "source/manifest_content.h"

#include <errno.h>
#include <stdio.h>

#include "source/decode.h"
#include "source/fingerprint.h"

/* How much has been told. */
struct told {
	size_t objects;
	size_t problems;
	size_t untold; /* problems beyond those */
	unsigned int last_document; /* that has one of them */
};

struct reading {
	struct manifest_content content;
	const char *file;
	struct told told, settled; /* @settled is the part that counts whatever comes */
	bool no_memory;
};

static void take_object(void *arg, struct object *obj)
{
	struct reading *reading = arg;
	struct manifest_object item = {
		.label = label_new(obj),
		.hash = fingerprint_object(obj),
		.object = obj,
	};

	if (item.label && content_append(&reading->content, &item) >= 0)
		return;
	label_release(item.label);
	object_free(obj);
	reading->no_memory = true;
}

static void take_problem(void *arg, const struct decode_problem *problem)
{
	struct reading *reading = arg;

	if (!problem->document)
		reading->content.broken = true;
	/* Documents that cannot be read are bounded already, and decide about the file. */
	if (problem->document && reading->content.problems.count >= PROBLEMS_MAX) {
		reading->told.untold++;
		reading->told.last_document = problem->document;
		return;
	}
	if (problem_add_decoded(&reading->content.problems, reading->file, problem) < 0)
		reading->no_memory = true;
}

static void settle(void *arg, bool counts)
{
	struct reading *reading = arg;

	if (!counts) {
		content_cut(&reading->content, reading->settled.objects);
		problem_list_cut(&reading->content.problems, reading->settled.problems);
		reading->told = reading->settled;
	}
	reading->told.objects = reading->content.count;
	reading->told.problems = reading->content.problems.count;
	reading->settled = reading->told;
}

/* Of which objects they are is not told: as if their names could not be read. */
static int add_untold(struct reading *reading)
{
	char text[64];

	if (!reading->told.untold)
		return 0;
	snprintf(text, sizeof(text), "there are %zu more problems", reading->told.untold);
	return problem_add_decoded(&reading->content.problems, reading->file,
				   &(struct decode_problem){
					   .document = reading->told.last_document,
					   .object = "",
					   .field = "",
					   .text = text,
				   });
}

int content_decode(struct manifest_content *ret, const char *file, const char *text,
		   size_t length)
{
	struct reading reading = { .file = file };
	const struct decode_sink sink = {
		.arg = &reading,
		.object = take_object,
		.problem = take_problem,
		.settle = settle,
	};
	int r;

	r = decode_text(&sink, text, length);
	if (r >= 0)
		r = add_untold(&reading);
	if (r < 0 || reading.no_memory) {
		content_done(&reading.content);
		return -ENOMEM;
	}
	content_fit(&reading.content);
	*ret = reading.content;
	return 0;
}
