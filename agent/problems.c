// SPDX-License-Identifier: Apache-2.0
#include "problems.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "source/fingerprint.h"

#define LINES_MAX 100 /* of one look: a directory full of nonsense must not fill a disk */

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* "FILE:LINE: document N: OBJECT: FIELD: TEXT", without what is not known; NULL: no memory. */
static char *describe(const struct manifest_problem *problem)
{
	char line[16] = "", document[32] = "";
	char *text;

	if (problem->line)
		snprintf(line, sizeof(line), ":%u", problem->line);
	if (problem->document)
		snprintf(document, sizeof(document), ": document %u", problem->document);
	if (asprintf(&text, "%s%s%s%s%s%s%s: %s", problem->file, line, document,
		     problem->object[0] ? ": " : "", problem->object,
		     problem->field[0] ? ": " : "", problem->field, problem->text) < 0)
		return NULL;
	return text;
}

static bool was_said(const struct problem_log *log, uint64_t number)
{
	return log->count &&
	       bsearch(&number, log->said, log->count, sizeof(number), compare_numbers);
}

const struct manifest_problem *problems_list(const struct agent *agent, size_t *count)
{
	*count = 0;
	if (agent->manifest)
		return manifest_problems(agent->manifest, count);
	return agent->api ? api_source_problems(agent->api, count) : NULL;
}

void problems_log(struct agent *agent)
{
	struct problem_log *log = &agent->problem_log, next = {};
	const struct manifest_problem *problems;
	size_t count, fresh = 0;

	problems = problems_list(agent, &count);
	next.said = calloc(count + 1, sizeof(*next.said));
	if (!next.said)
		return;
	for (size_t i = 0; i < count; i++) {
		cleanup(freep) char *text = describe(&problems[i]);
		uint64_t number;

		if (!text)
			continue;
		number = next.said[next.count++] = fingerprint_text(text, strlen(text));
		if (!was_said(log, number) && fresh++ < LINES_MAX)
			log_line(problems[i].warning ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR, "%s",
				 text);
	}
	if (fresh > LINES_MAX)
		log_error("and %zu more problems of objects, see weir status -o yaml",
			  fresh - LINES_MAX);
	if (log->count && !count)
		log_info("objects are without problems again");
	qsort(next.said, next.count, sizeof(*next.said), compare_numbers);
	problem_log_done(log);
	*log = next;
	report_soon(agent->report);
}

void problem_log_done(struct problem_log *log)
{
	free(log->said);
	*log = (struct problem_log){};
}
