/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of a benchmark program: printed as JSON, which tests/bench/run reads. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct figure {
	const char *name;
	double value;
	const char *unit;
	const char *floor_name; /* NULL: compared with nothing */
	double floor;
	/* Budgets; 0: none. */
	double ratio_most;
	double ratio_least;
	double value_most;
	bool breakdown; /* a part of another figure: left out of the short table */
};

void figure_add(const struct figure *figure);
/* Prints all figures that were added. */
void figures_print(void);

/* @values is sorted then. @share: 0.5 is the median. */
double quantile(double *values, size_t count, double share);

int64_t clock_ns(void);

/* Ends the program with a message. @err may be negative or positive; 0: none. */
void die(const char *what, int err) __attribute__((noreturn));

/*
 * What this thread and its children do happens on @cpu, before everything else there:
 * the machine need not be idle. It also keeps the kernel from handing packets over to
 * ksoftirqd, which would add the scheduler's ticks to them.
 */
void run_undisturbed(int cpu);
