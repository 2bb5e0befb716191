// SPDX-License-Identifier: Apache-2.0
#include "service_node.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "figure.h"
#include "model/maglev.h"
#include "source/manifest_content.h"

double ms_since(int64_t start_ns)
{
	return (double)(clock_ns() - start_ns) / 1e6;
}

void node_read(struct bench_node *node, const char *text)
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

static void on_problem(const char *text, void *arg)
{
	die(text, 0);
}

void node_apply(struct bench_node *node, struct split *split)
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
	services_each_problem(node->services, on_problem, NULL);
	service_writer_each_problem(node->writer, on_problem, NULL);
	service_writer_settle(node->writer, clock_ms());
	split->write += (double)turn.write_ns / 1e6 + ms_since(wrote);
}

void node_start(struct bench_node *node, struct split *split)
{
	int64_t start = clock_ns();
	struct service_maps maps;
	int r;

	r = service_maps_open(&maps, node->dp, MAGLEV_SIZE_DEFAULT);
	r = r ?: service_writer_new(&node->writer, &maps);
	split->write = ms_since(start);
	r = r ?: services_new(&node->services, node->store);
	r = r ?: services_set_node(node->services, &(struct service_node){ .name = "n0" });
	if (r < 0)
		die("services_new", r);
	node_apply(node, split);
	split->all = ms_since(start);
}

double bench_heap(void)
{
	struct mallinfo2 info = mallinfo2();

	return (double)(info.uordblks + info.hblkhd);
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

void node_open(struct bench_node *node, const struct service_size *size)
{
	int r;

	*node = (struct bench_node){ .size = *size };
	r = store_new(&node->store);
	if (r < 0)
		die("store_new", r);
	open_datapath(node);
}

void node_close(struct bench_node *node)
{
	datapath_free(node->dp);
	datapath_remove(node->bpffs);
}
