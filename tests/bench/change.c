// SPDX-License-Identifier: Apache-2.0
/*
 * From a change in the store to the turned generation: reconcile_compile() and
 * reconcile_apply() over real maps, in a cluster of a given size.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "cluster.h"
#include "figure.h"
#include "mapcount.h"
#include "reconcile/reconcile.h"

#define BUDGET_MS 10
#define BUDGET_PODS 10000 /* up to so many */
#define CHANGES 200

struct bench_node {
	struct cluster cluster;
	struct datapath *dp;
	struct reconcile *rec;
	char bpffs[32];
};

struct timing {
	double total_ms[CHANGES];
	double compile_ms[CHANGES];
	double settle_ms[CHANGES];
	double entries[CHANGES];
	double calls[CHANGES];
	size_t count;
};

static void node_open(struct bench_node *node, const struct cluster_size *size)
{
	struct datapath_config config = { .bpffs = node->bpffs };
	char error[DATAPATH_ERROR_MAX] = "";
	int r;

	cluster_make(&node->cluster, size);
	strcpy(node->bpffs, "/tmp/weir-bench-XXXXXX");
	if (!mkdtemp(node->bpffs))
		die(node->bpffs, errno);
	r = datapath_mount(node->bpffs);
	if (r < 0)
		die(node->bpffs, r);
	r = datapath_open(&node->dp, &config, error);
	if (r < 0)
		die(error, r);
	r = reconcile_new(&node->rec, node->dp);
	if (r < 0)
		die("reconcile_new", r);
	for (size_t i = 0; i < node->cluster.endpoint_count; i++) {
		struct endpoint ep = { .ifindex = node->cluster.endpoints[i].ifindex, .mtu = 1500 };

		r = reconcile_endpoint_open(node->rec, &ep);
		r = r ?: reconcile_endpoint_ready(node->rec, ep.ifindex);
		if (r < 0)
			die("reconcile_endpoint_open", r);
	}
}

static void node_close(struct bench_node *node)
{
	reconcile_free(node->rec);
	datapath_free(node->dp);
	datapath_remove(node->bpffs);
	cluster_done(&node->cluster);
}

static double ms_since(int64_t start_ns)
{
	return (double)(clock_ns() - start_ns) / 1e6;
}

/* Milliseconds that the compilation took. */
static double put_in_force(struct bench_node *node)
{
	int64_t start = clock_ns();
	struct image *image;
	struct misfit misfit;
	double took;
	int r;

	r = reconcile_compile(&image, node->rec, &node->cluster.input);
	if (r < 0)
		die("image_compile", r);
	took = ms_since(start);
	r = reconcile_apply(node->rec, image, &misfit);
	if (r < 0)
		die(misfit.table ?: "reconcile_apply", r);
	return took;
}

static double settle(struct bench_node *node)
{
	int64_t start = clock_ns();

	reconcile_settle(node->rec);
	return ms_since(start);
}

/* One change: @act changes the store. */
static void change(struct bench_node *node, struct timing *timing,
		   void (*act)(struct cluster *cluster, uint32_t at), uint32_t at)
{
	int64_t start = clock_ns();
	struct mapcount maps;

	mapcount_take();
	act(&node->cluster, at);
	timing->compile_ms[timing->count] = put_in_force(node);
	timing->total_ms[timing->count] = ms_since(start);
	timing->settle_ms[timing->count] = settle(node);
	maps = mapcount_take();
	timing->entries[timing->count] = (double)maps.entries;
	timing->calls[timing->count] = (double)maps.calls;
	timing->count++;
}

/* Kinds of change. Each makes something different from what it was before. */

static void change_port(struct cluster *cluster, uint32_t at)
{
	cluster_put_policy(cluster, cluster_local_policy(cluster, at), at + 1);
}

static void change_peer(struct cluster *cluster, uint32_t at)
{
	cluster_put_policy_peer(cluster, cluster_local_policy(cluster, at), at + 1);
}

static uint32_t remote_pod(const struct cluster *cluster, uint32_t at)
{
	uint32_t pod = at * 7919 % cluster->size.pods;

	while (cluster_is_local(cluster, pod))
		pod = (pod + 1) % cluster->size.pods;
	return pod;
}

static void change_label(struct cluster *cluster, uint32_t at)
{
	cluster_put_pod(cluster, remote_pod(cluster, at), at + 1);
}

static void change_pod(struct cluster *cluster, uint32_t at)
{
	uint32_t pod = remote_pod(cluster, at / 2);

	if (at % 2)
		cluster_put_pod(cluster, pod, 0);
	else
		cluster_delete_pod(cluster, pod);
}

static void change_namespace(struct cluster *cluster, uint32_t at)
{
	cluster_put_namespace(cluster, at % cluster->namespaces, at + 1);
}

static const struct kind {
	const char *name;
	void (*act)(struct cluster *cluster, uint32_t at);
} kinds[] = {
	{ "a port of a policy changes", change_port },
	{ "a peer of a policy changes", change_peer },
	{ "labels of a pod elsewhere change", change_label },
	{ "a pod elsewhere comes or goes", change_pod },
	{ "labels of a namespace change", change_namespace },
};

static void report(const char *kind, const char *size, struct timing *timing, double cold,
		   double budget)
{
	const struct {
		const char *what;
		double *values;
		double share;
		const char *unit;
		double floor, budget;
	} rows[] = {
		{ "p50", timing->total_ms, 0.5, "ms", cold, 0 },
		{ "p99", timing->total_ms, 0.99, "ms", cold, budget },
		{ "p50, compilation", timing->compile_ms, 0.5, "ms", 0, 0 },
		{ "p50, afterwards", timing->settle_ms, 0.5, "ms", 0, 0 },
		{ "map entries", timing->entries, 0.5, "", 0, 0 },
		{ "map system calls", timing->calls, 0.5, "", 0, 0 },
	};
	char name[160];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		snprintf(name, sizeof(name), "%s, %s: %s", size, kind, rows[i].what);
		figure_add(&(struct figure){
			.name = name,
			.value = quantile(rows[i].values, timing->count, rows[i].share),
			.unit = rows[i].unit,
			.floor_name = rows[i].floor > 0 ? "all of it, cold" : NULL,
			.floor = rows[i].floor,
			.value_most = rows[i].budget,
			.breakdown = i > 1,
		});
	}
}

/* Everything for the first time. Milliseconds. */
static double measure_cold(struct bench_node *node, const char *size)
{
	double compilation, all;
	struct mapcount maps;
	int64_t start;
	char name[128];

	mapcount_take();
	start = clock_ns();
	compilation = put_in_force(node);
	all = ms_since(start);
	settle(node);
	maps = mapcount_take();
	const struct {
		const char *what;
		double value;
		const char *unit;
	} rows[] = {
		{ "all", all, "ms" },
		{ "compilation", compilation, "ms" },
		{ "map entries", (double)maps.entries, "" },
		{ "map system calls", (double)maps.calls, "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		snprintf(name, sizeof(name), "%s, cold: %s", size, rows[i].what);
		figure_add(&(struct figure){ .name = name, .value = rows[i].value,
					     .unit = rows[i].unit });
	}
	return all;
}

static void measure(const struct cluster_size *size, uint32_t changes)
{
	static struct timing timing;
	struct bench_node node = {};
	char text[64];
	double cold;

	snprintf(text, sizeof(text), "%u pods, %u policies", size->pods, size->policies);
	node_open(&node, size);
	cold = measure_cold(&node, text);
	for (size_t kind = 0; kind < sizeof(kinds) / sizeof(*kinds); kind++) {
		timing.count = 0;
		for (uint32_t at = 0; at < changes; at++)
			change(&node, &timing, kinds[kind].act, at);
		report(kinds[kind].name, text, &timing, cold, size->pods <= BUDGET_PODS ? BUDGET_MS : 0);
	}
	node_close(&node);
}

int main(int argc, char **argv)
{
	static const struct cluster_size sizes[] = {
		{ .pods = 10000, .local = 250, .policies = 250, .nodes = 1000 },
		{ .pods = 10000, .local = 250, .policies = 10000, .nodes = 1000 },
		{ .pods = 50000, .local = 250, .policies = 250, .nodes = 1000 },
	}, small = { .pods = 400, .local = 10, .policies = 10, .nodes = 3 };
	bool quick = argc > 1 && !strcmp(argv[1], "--quick");

	if (unshare(CLONE_NEWNET | CLONE_NEWNS) || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		die("unshare", errno);
	run_undisturbed(0);
	if (quick)
		measure(&small, 2);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes) && !quick; i++)
		measure(&sizes[i], CHANGES);
	figures_print();
	return 0;
}
