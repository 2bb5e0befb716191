// SPDX-License-Identifier: Apache-2.0
/*
 * Services: from the objects in the store to the real maps, all of them at first, then one
 * endpoint that changes, then a new agent that finds them. The objects are made beforehand.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "base/clock.h"
#include "figure.h"
#include "reconcile/service.h"
#include "service_make.h"

#define BUDGET_MS 5
#define CHANGES 200
#define NODES 50
#define TEXT_MAX 128

struct size {
	uint32_t services, endpoints; /* endpoints of one */
};

struct bench_node {
	struct size size;
	struct store *store;
	struct services *services;
	struct service_writer *writer;
	struct datapath *dp;
	char bpffs[32];
};

static double ms_since(int64_t start_ns)
{
	return (double)(clock_ns() - start_ns) / 1e6;
}

static void put(struct bench_node *node, struct object *obj)
{
	int r = store_put(node->store, obj);

	if (r < 0)
		die("store_put", r);
}

/* The slice of @service; endpoint @changed has become another one @turn times. */
static struct object *slice_of(const struct bench_node *node, uint32_t service, uint32_t changed,
			       uint32_t turn)
{
	char name[TEXT_MAX], words[TEXT_MAX];
	struct object *slice;

	snprintf(name, sizeof(name), "s%u", service);
	slice = make_slice("shop", name, name, true, "http/tcp=8080");
	for (uint32_t i = 0; i < node->size.endpoints; i++) {
		uint32_t id = service * node->size.endpoints + i;

		snprintf(words, sizeof(words), "10.%u.%u.%u node=n%u",
			 (id >> 16) % 64 + (i == changed ? turn % 2 * 64 : 0), id >> 8 & 255,
			 id & 255, id % NODES);
		slice_add(slice, words);
	}
	return slice;
}

static void make_objects(struct bench_node *node)
{
	char name[TEXT_MAX], addr[TEXT_MAX];
	int r = store_new(&node->store);

	if (r < 0)
		die("store_new", r);
	for (uint32_t i = 0; i < node->size.services; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		snprintf(addr, sizeof(addr), "10.200.%u.%u", i >> 8, i & 255);
		put(node, make_service("shop", name, addr, "http/tcp=80"));
		put(node, slice_of(node, i, 0, 0));
	}
}

static int apply_one(const struct service_images *images, void *arg)
{
	return service_writer_apply(arg, images, clock_ms());
}

static void apply(struct bench_node *node)
{
	int r = services_each_change(node->services, apply_one, node->writer);

	if (r < 0)
		die("services_each_change", r);
	service_writer_synced(node->writer, clock_ms());
	service_writer_commit(node->writer);
}

/* A new agent: it reads back, resolves and applies everything. */
static double start_agent(struct bench_node *node)
{
	int64_t start = clock_ns();
	struct service_maps maps;
	int r;

	service_maps_open(&maps, node->dp);
	r = service_writer_new(&node->writer, &maps);
	r = r ?: services_new(&node->services, node->store);
	r = r ?: services_set_node(node->services, &(struct service_node){ .name = "n0" });
	if (r < 0)
		die("services_new", r);
	apply(node);
	return ms_since(start);
}

static void stop_agent(struct bench_node *node)
{
	services_free(node->services);
	service_writer_free(node->writer);
}

static void open_datapath(struct bench_node *node)
{
	struct datapath_config config = { .bpffs = node->bpffs };
	char error[DATAPATH_ERROR_MAX] = "";
	int r;

	/* Every set has its run beside that of the next change. */
	config.sizes[MAP_BACKEND] = node->size.services * node->size.endpoints + 65536;
	config.sizes[MAP_BACKEND_SLOT] = node->size.services * node->size.endpoints * 4 + 65536;
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

static void report(const struct size *size, const char *what, double value, double floor,
		   double budget)
{
	char name[TEXT_MAX];

	snprintf(name, sizeof(name), "%u Services, %u endpoints each: %s", size->services,
		 size->endpoints, what);
	figure_add(&(struct figure){ .name = name, .value = value, .unit = "ms",
				     .floor_name = floor > 0 ? "all of them, cold" : NULL,
				     .floor = floor, .value_most = budget });
}

static void measure_changes(struct bench_node *node, uint32_t changes, double cold)
{
	static double took[CHANGES];
	int64_t start;

	for (uint32_t at = 0; at < changes; at++) {
		uint32_t service = at / 2 * 7919 % node->size.services;
		struct object *slice = slice_of(node, service, at % node->size.endpoints, at + 1);

		start = clock_ns();
		put(node, slice);
		apply(node);
		took[at] = ms_since(start);
	}
	report(&node->size, "one endpoint changes, p50", quantile(took, changes, 0.5), cold, 0);
	report(&node->size, "one endpoint changes, p99", quantile(took, changes, 0.99), cold,
	       BUDGET_MS);
}

static void measure(const struct size *size, uint32_t changes)
{
	struct bench_node node = { .size = *size };
	double cold;

	make_objects(&node);
	open_datapath(&node);
	cold = start_agent(&node);
	report(size, "all, cold", cold, 0, 0);
	measure_changes(&node, changes, cold);
	stop_agent(&node);
	report(size, "all, by a new agent", start_agent(&node), cold, 0);
	stop_agent(&node);
	store_free(node.store);
	datapath_free(node.dp);
	datapath_remove(node.bpffs);
}

/* --quick, or the Services and endpoints of one size (for a profiler), or all sizes. */
int main(int argc, char **argv)
{
	static const struct size sizes[] = { { 10000, 25 }, { 100, 2500 } }, small = { 20, 5 };
	struct size one;

	if (unshare(CLONE_NEWNET | CLONE_NEWNS) || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		die("unshare", errno);
	run_undisturbed(0);
	if (argc > 2) {
		one = (struct size){ (uint32_t)atoi(argv[1]), (uint32_t)atoi(argv[2]) };
		measure(&one, CHANGES);
	} else if (argc > 1 && !strcmp(argv[1], "--quick")) {
		measure(&small, 2);
	} else {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
			measure(&sizes[i], CHANGES);
	}
	figures_print();
	return 0;
}
