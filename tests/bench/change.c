// SPDX-License-Identifier: Apache-2.0
/*
 * From a change in the store to the turned generation: image_compile() and
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
#define CHANGES_MAX 1000

struct bench_node {
	struct cluster cluster;
	struct datapath *dp;
	struct reconcile *rec;
	char bpffs[32];
};

struct timing {
	double total_ms[CHANGES_MAX];
	double compile_ms[CHANGES_MAX];
	double settle_ms[CHANGES_MAX];
	double entries[CHANGES_MAX];
	double calls[CHANGES_MAX];
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
	const char *map = "";
	double took;
	int r;

	r = image_compile(&image, &node->cluster.input, reconcile_image(node->rec));
	if (r < 0)
		die("image_compile", r);
	took = ms_since(start);
	r = reconcile_apply(node->rec, image, &map);
	if (r < 0)
		die(map ?: "reconcile_apply", r);
	return took;
}

static void settle(struct bench_node *node, struct timing *timing)
{
	int64_t start = clock_ns();

	reconcile_settle(node->rec);
	timing->settle_ms[timing->count] = ms_since(start);
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
	settle(node, timing);
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

static void report(const char *kind, const char *size, struct timing *timing, double budget)
{
	char name[6][160];
	const struct {
		const char *what;
		double *values;
		double share;
		const char *unit;
		double budget;
	} rows[] = {
		{ "p50", timing->total_ms, 0.5, "ms", 0 },
		{ "p99", timing->total_ms, 0.99, "ms", budget },
		{ "p50, compilation", timing->compile_ms, 0.5, "ms", 0 },
		{ "p50, afterwards", timing->settle_ms, 0.5, "ms", 0 },
		{ "map entries", timing->entries, 0.5, "", 0 },
		{ "map system calls", timing->calls, 0.5, "", 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		snprintf(name[i], sizeof(name[i]), "%s, %s: %s", size, kind, rows[i].what);
		figure_add(&(struct figure){
			.name = name[i],
			.value = quantile(rows[i].values, timing->count, rows[i].share),
			.unit = rows[i].unit,
			.value_most = rows[i].budget,
			.breakdown = i > 1,
		});
	}
}

static void measure_cold(struct bench_node *node, const char *size)
{
	struct timing timing = {};
	struct mapcount maps;
	int64_t start;
	char name[128];

	mapcount_take();
	start = clock_ns();
	timing.compile_ms[0] = put_in_force(node);
	timing.total_ms[0] = ms_since(start);
	settle(node, &timing);
	maps = mapcount_take();
	timing.entries[0] = (double)maps.entries;
	timing.calls[0] = (double)maps.calls;
	timing.count = 1;
	snprintf(name, sizeof(name), "cold");
	report(name, size, &timing, 0);
}

static void measure(const struct cluster_size *size, uint32_t changes)
{
	static struct timing timing, all;
	struct bench_node node = {};
	char text[64];

	snprintf(text, sizeof(text), "%u pods, %u policies", size->pods, size->policies);
	node_open(&node, size);
	measure_cold(&node, text);
	all.count = 0;
	for (size_t kind = 0; kind < sizeof(kinds) / sizeof(*kinds); kind++) {
		timing.count = 0;
		for (uint32_t at = 0; at < changes; at++) {
			change(&node, &timing, kinds[kind].act, at);
			all.total_ms[all.count % CHANGES_MAX] = timing.total_ms[at];
			all.compile_ms[all.count % CHANGES_MAX] = timing.compile_ms[at];
			all.count++;
		}
		report(kinds[kind].name, text, &timing, BUDGET_MS);
	}
	node_close(&node);
}

int main(int argc, char **argv)
{
	static const struct cluster_size sizes[] = {
		{ .pods = 10000, .local = 250, .policies = 250, .nodes = 1000 },
		{ .pods = 10000, .local = 250, .policies = 10000, .nodes = 1000 },
		{ .pods = 50000, .local = 250, .policies = 250, .nodes = 1000 },
	};
	uint32_t changes = argc > 1 ? (uint32_t)atoi(argv[1]) : 100;

	if (unshare(CLONE_NEWNET | CLONE_NEWNS) || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		die("unshare", errno);
	run_undisturbed(0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		measure(&sizes[i], changes);
	figures_print();
	return 0;
}
