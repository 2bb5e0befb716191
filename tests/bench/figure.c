// SPDX-License-Identifier: Apache-2.0
#include "figure.h"

#include <errno.h>
#include <jansson.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static json_t *figures;

void figure_add(const struct figure *figure)
{
	json_t *item = json_pack("{s:s, s:f, s:s}", "name", figure->name, "value", figure->value,
				 "unit", figure->unit);

	if (!figures)
		figures = json_array();
	if (figure->floor_name) {
		json_object_set_new(item, "floor", json_real(figure->floor));
		json_object_set_new(item, "floor_name", json_string(figure->floor_name));
		if (figure->floor > 0)
			json_object_set_new(item, "ratio",
					    json_real(figure->value / figure->floor));
	}
	if (figure->ratio_most > 0)
		json_object_set_new(item, "ratio_most", json_real(figure->ratio_most));
	if (figure->ratio_least > 0)
		json_object_set_new(item, "ratio_least", json_real(figure->ratio_least));
	if (figure->value_most > 0)
		json_object_set_new(item, "value_most", json_real(figure->value_most));
	if (figure->breakdown)
		json_object_set_new(item, "breakdown", json_true());
	if (!item || json_array_append_new(figures, item) < 0)
		die("figures", ENOMEM);
}

void figures_print(void)
{
	json_dumpf(figures ?: json_array(), stdout, JSON_INDENT(1));
	puts("");
	json_decref(figures);
	figures = NULL;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double quantile(double *values, size_t count, double share)
{
	size_t at = (size_t)(share * (double)count);

	qsort(values, count, sizeof(*values), compare);
	return values[at < count ? at : count - 1];
}

int64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void die(const char *what, int err)
{
	if (err)
		fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what,
			strerror(err < 0 ? -err : err));
	else
		fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
	exit(1);
}

void run_undisturbed(int cpu)
{
	const struct sched_param param = { .sched_priority = 1 };
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity", errno);
	if (sched_setscheduler(0, SCHED_FIFO, &param))
		die("sched_setscheduler", errno);
}
