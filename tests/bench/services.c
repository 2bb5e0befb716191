// SPDX-License-Identifier: Apache-2.0
/*
 * Services: from the text of the objects to the real maps, all of them at first, then one
 * endpoint that changes, then a new agent that finds them. The texts are made beforehand.
 */
#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "base/clock.h"
#include "figure.h"
#include "reconcile/service.h"
#include "service_texts.h"
#include "source/manifest_content.h"

#define COLD_MS 1000
#define CHANGE_MS 5
#define BUDGET_ENDPOINTS 250000 /* up to so many in all */
#define CHANGES_MAX 200
#define TEXT_MAX 128
#define TEXT_ENDPOINTS 2500 /* in one document: none is too large for the decoder */

struct bench_node {
	struct service_size size;
	struct store *store;
	struct services *services;
	struct service_writer *writer;
	struct datapath *dp;
	char bpffs[32];
};

/* Milliseconds. */
struct split {
	double decode; /* from the text to the store */
	double resolve;
	double write;
	double all;
};

static double ms_since(int64_t start_ns)
{
	return (double)(clock_ns() - start_ns) / 1e6;
}

/* From a text to the store. */
static void read_text(struct bench_node *node, const char *text)
{
	struct manifest_content content = {};
	int r = content_decode(&content, "bench", text, strlen(text));

	if (r < 0 || content.problems.count)
		die("the text has problems", r);
	for (size_t i = 0; i < content.count; i++) {
		r = store_put(node->store, content.objects[i].object);
		if (r < 0)
			die("store_put", r);
		content.objects[i].object = NULL;
	}
	content_done(&content);
}

struct turn {
	struct bench_node *node;
	int64_t write_ns;
};

static int apply_one(const struct service_images *images, void *arg)
{
	struct turn *turn = arg;
	int64_t start = clock_ns();
	int r = service_writer_apply(turn->node->writer, images, clock_ms());

	turn->write_ns += clock_ns() - start;
	return r;
}

static void apply(struct bench_node *node, struct split *split)
{
	struct turn turn = { .node = node };
	int64_t start = clock_ns(), wrote;
	int r = services_each_change(node->services, apply_one, &turn);

	if (r < 0)
		die("services_each_change", r);
	split->resolve = ms_since(start + turn.write_ns);
	wrote = clock_ns();
	service_writer_synced(node->writer, clock_ms());
	service_writer_commit(node->writer);
	split->write += (double)turn.write_ns / 1e6 + ms_since(wrote);
}

/* A new agent: it reads back, resolves and applies everything. */
static void start_agent(struct bench_node *node, struct split *split)
{
	int64_t start = clock_ns();
	struct service_maps maps;
	int r;

	service_maps_open(&maps, node->dp);
	r = service_writer_new(&node->writer, &maps);
	split->write = ms_since(start);
	r = r ?: services_new(&node->services, node->store);
	r = r ?: services_set_node(node->services, &(struct service_node){ .name = "n0" });
	if (r < 0)
		die("services_new", r);
	apply(node, split);
	split->all = ms_since(start);
}

/* Bytes that are allocated. */
static double heap(void)
{
	struct mallinfo2 info = mallinfo2();

	return (double)(info.uordblks + info.hblkhd);
}

static void report_memory(const struct service_size *size, const char *what, double bytes)
{
	char name[2 * TEXT_MAX];

	snprintf(name, sizeof(name), "%u Services, %u endpoints each: memory of a Service, %s",
		 size->services, size->endpoints, what);
	figure_add(&(struct figure){ .name = name, .value = bytes / size->services,
				     .unit = "bytes", .breakdown = true });
}

/* What it frees is what it needed. */
static void stop_agent(struct bench_node *node, bool tell)
{
	double before = heap(), resolved;

	services_free(node->services);
	resolved = before - heap();
	before = heap();
	service_writer_free(node->writer);
	if (!tell)
		return;
	report_memory(&node->size, "resolved", resolved);
	report_memory(&node->size, "written", before - heap());
}

static void open_datapath(struct bench_node *node)
{
	uint32_t endpoints = node->size.services * node->size.endpoints;
	struct datapath_config config = { .bpffs = node->bpffs };
	char error[DATAPATH_ERROR_MAX] = "";
	int r;

	/* Every set has its run beside that of the next change. */
	config.sizes[MAP_BACKEND] = endpoints + 65536;
	config.sizes[MAP_BACKEND_SLOT] = endpoints * 4 + 65536;
	strcpy(node->bpffs, "/tmp/weir-bench-XXXXXX");
	if (!mkdtemp(node->bpffs))
		die(node->bpffs, errno);
	r = datapath_mount(node->bpffs);
	if (r < 0)
		die(node->bpffs, r);
	r = datapath_open(&node->dp, &config, error);
	if (r < 0)
		die(error, r);
}

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

		read_text(node, text);
		split.decode += ms_since(start);
		free(text);
	}
	start_agent(node, &split);
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
	read_text(node, text);
	split->decode = ms_since(start);
	apply(node, split);
	split->all = ms_since(start);
	free(text);
}

static void measure_changes(struct bench_node *node, uint32_t changes, double cold)
{
	static double all[CHANGES_MAX], decode[CHANGES_MAX], resolve[CHANGES_MAX], write[CHANGES_MAX];
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

static void measure(const struct service_size *size, uint32_t changes)
{
	struct bench_node node = { .size = *size };
	struct split split = {};
	double cold, before;
	int r = store_new(&node.store);

	if (r < 0)
		die("store_new", r);
	open_datapath(&node);
	cold = measure_cold(&node);
	measure_changes(&node, changes, cold);
	stop_agent(&node, false);
	start_agent(&node, &split);
	report(size, "all, by a new agent", split.all, 0, 0);
	stop_agent(&node, true);
	before = heap();
	store_free(node.store);
	report_memory(size, "objects", before - heap());
	datapath_free(node.dp);
	datapath_remove(node.bpffs);
}

/* --quick, or the Services and endpoints of one size (for a profiler), or all sizes. */
int main(int argc, char **argv)
{
	static const struct service_size sizes[] = { { 10000, 25 }, { 100, 2500 } }, small = { 20, 5 };
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
