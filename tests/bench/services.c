// SPDX-License-Identifier: Apache-2.0
/*
 * Services: from the text of the objects to the real maps, all of them at first, then one
 * endpoint that changes, then a new agent that finds them. The texts are made beforehand.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "figure.h"
#include "service_node.h"

#define COLD_MS 1000
#define CHANGE_MS 5
#define BUDGET_ENDPOINTS 250000 /* up to so many in all */
#define CHANGES_MAX 200
#define TEXT_MAX 128
#define TEXT_ENDPOINTS 2500 /* in one document: none is too large for the decoder */

/* Milliseconds; of a change, which stands beside @cold, the figures are in microseconds. */
static void report(const struct service_size *size, const char *what, double value, double cold,
		   double budget)
{
	double scale = cold > 0 ? 1000 : 1;
	char name[2 * TEXT_MAX];

	snprintf(name, sizeof(name), "%u Services, %u endpoints each: %s", size->services,
		 size->endpoints, what);
	figure_add(&(struct figure){ .name = name, .value = value * scale,
				     .unit = cold > 0 ? "us" : "ms",
				     .floor_name = cold > 0 ? "all of them, cold" : NULL,
				     .floor = cold * scale, .value_most = budget * scale });
}

static double budget_of(const struct service_size *size, double ms)
{
	return size->services * size->endpoints <= BUDGET_ENDPOINTS ? ms : 0;
}

static void report_split(const struct service_size *size, const char *what,
			 const struct split *split, double cold)
{
	const struct {
		const char *what;
		double value;
	} rows[] = { { "decode", split->decode }, { "resolve", split->resolve },
		     { "write", split->write } };
	char text[TEXT_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		snprintf(text, sizeof(text), "%s: %s", what, rows[i].what);
		report(size, text, rows[i].value, cold, 0);
	}
}

/* Everything, on a node that knows nothing. Returns how long it took. */
static double measure_cold(struct bench_node *node)
{
	const struct service_size *size = &node->size;
	uint32_t step = TEXT_ENDPOINTS / size->endpoints ?: 1;
	struct split split = {};

	for (uint32_t i = 0; i < size->services; i += step) {
		uint32_t left = size->services - i;
		char *text = text_of_services(size, i, left < step ? left : step);
		int64_t start = clock_ns();

		node_read(node, text);
		split.decode += ms_since(start);
		free(text);
	}
	node_start(node, &split);
	split.all += split.decode;
	report(size, "all, cold", split.all, 0, budget_of(size, COLD_MS));
	report_split(size, "all, cold", &split, 0);
	return split.all;
}

static void change(struct bench_node *node, uint32_t at, struct split *split)
{
	struct service_change what = { .service = at / 2 * 7919 % node->size.services,
				       .endpoint = at / 2 % node->size.endpoints,
				       .turn = at + 1 };
	char *text = text_of_change(&node->size, &what);
	int64_t start = clock_ns();

	*split = (struct split){};
	node_read(node, text);
	split->decode = ms_since(start);
	node_apply(node, split);
	split->all = ms_since(start);
	free(text);
}

static void measure_changes(struct bench_node *node, uint32_t changes, double cold)
{
	static double all[CHANGES_MAX], decode[CHANGES_MAX];
	static double resolve[CHANGES_MAX], write[CHANGES_MAX];
	const struct service_size *size = &node->size;
	struct split split;

	for (uint32_t at = 0; at < changes; at++) {
		change(node, at, &split);
		all[at] = split.all;
		decode[at] = split.decode;
		resolve[at] = split.resolve;
		write[at] = split.write;
	}
	report(size, "one endpoint changes, p50", quantile(all, changes, 0.5), cold, 0);
	report(size, "one endpoint changes, p99", quantile(all, changes, 0.99), cold,
	       budget_of(size, CHANGE_MS));
	split.decode = quantile(decode, changes, 0.5);
	split.resolve = quantile(resolve, changes, 0.5);
	split.write = quantile(write, changes, 0.5);
	report_split(size, "one endpoint changes, p50", &split, cold);
}

static void report_memory(const struct service_size *size, const char *what, double bytes)
{
	char name[2 * TEXT_MAX];

	snprintf(name, sizeof(name), "%u Services, %u endpoints each: memory of a Service, %s",
		 size->services, size->endpoints, what);
	figure_add(&(struct figure){ .name = name, .value = bytes / size->services,
				     .unit = "bytes", .breakdown = true });
}

/* The agent ends for good: what it frees is what it needed. */
static void measure_memory(struct bench_node *node)
{
	double before = bench_heap();

	services_free(node->services);
	report_memory(&node->size, "resolved", before - bench_heap());
	before = bench_heap();
	service_writer_free(node->writer);
	report_memory(&node->size, "written", before - bench_heap());
	before = bench_heap();
	store_free(node->store);
	report_memory(&node->size, "objects", before - bench_heap());
}

static void measure(const struct service_size *size, uint32_t changes)
{
	struct bench_node node;
	struct split split = {};
	double cold;

	node_open(&node, size);
	cold = measure_cold(&node);
	measure_changes(&node, changes, cold);
	services_free(node.services);
	service_writer_free(node.writer);
	node_start(&node, &split);
	report(size, "all, by a new agent", split.all, 0, 0);
	measure_memory(&node);
	node_close(&node);
}

/* --quick, or the Services and endpoints of one size (for a profiler), or all sizes. */
int main(int argc, char **argv)
{
	static const struct service_size sizes[] = { { 10000, 25 }, { 100, 2500 } };
	static const struct service_size small = { 20, 5 };
	struct service_size one;

	if (unshare(CLONE_NEWNET | CLONE_NEWNS) || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		die("unshare", errno);
	run_undisturbed(0);
	if (argc > 2) {
		one = (struct service_size){ (uint32_t)atoi(argv[1]), (uint32_t)atoi(argv[2]) };
		measure(&one, CHANGES_MAX);
	} else if (argc > 1 && !strcmp(argv[1], "--quick")) {
		measure(&small, 2);
	} else {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
			measure(&sizes[i], CHANGES_MAX);
	}
	figures_print();
	return 0;
}
