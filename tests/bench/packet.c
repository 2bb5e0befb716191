// SPDX-License-Identifier: Apache-2.0
/*
 * Cost of one packet in the programs, by BPF_PROG_TEST_RUN. Floor programs and
 * programs under test take turns, the median of the rounds counts, and the
 * wrapper around an empty program is subtracted. Prints JSON rows.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <jansson.h>
#include <linux/pkt_cls.h>

#include "weir/state.h"
#include "floor.skel.h"
#include "pod.skel.h"
#include "world.h"

#define ROUNDS 9
#define FLOWS 65536u
#define CHUNK 1024u /* flows opened at a time: half-open ones must fit their table */

struct load {
	bool v6;
	uint8_t flags;
	uint32_t first; /* client port */
	uint32_t flows; /* 0: one flow */
	uint32_t repeat;
	bool turn_generation;
};

static double run_once(struct world *w, int prog, int from, const struct load *load, uint32_t *retval)
{
	struct __sk_buff skb = { .ifindex = w->ifindex[from] };
	struct bench_frame frame;
	uint8_t out[256];
	uint32_t zero = 0;

	frame_build(&frame, load->v6, from, (uint16_t)load->first, load->flags);
	frame.port_base = (uint16_t)load->first;
	frame.port_at = frame_client_port_at(load->v6, from);
	frame.port_count = load->flows;
	frame.turn_generation = load->turn_generation;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame.words,
		    .data_size_in = sizeof(frame.words), .data_out = out,
		    .data_size_out = sizeof(out), .ctx_in = &skb, .ctx_size_in = sizeof(skb),
		    .repeat = (int)load->repeat);
	if (bpf_map_update_elem(map_fd(w->floor, "frame"), &zero, &frame, BPF_ANY) ||
	    bpf_map_update_elem(map_fd(w->floor, "under_test"), &zero, &prog, BPF_ANY))
		die("wrapper", errno);
	if (bpf_prog_test_run_opts(prog_fd(w->floor, "wrapper"), &opts))
		die("BPF_PROG_TEST_RUN", errno);
	*retval = opts.retval;
	return opts.duration;
}

static void expect(uint32_t retval, uint32_t wanted, const char *what)
{
	if (retval == wanted)
		return;
	fprintf(stderr, "bench-packet: %s: verdict %u instead of %u\n", what, retval, wanted);
	exit(1);
}

/* Opens flows and answers them, so that they are established. */
static void establish(struct world *w, bool v6, uint32_t first, uint32_t count)
{
	int from_pod = prog_fd(w->pod, "from_pod");
	uint32_t retval;

	for (uint32_t done = 0; done < count; done += CHUNK) {
		uint32_t n = count - done < CHUNK ? count - done : CHUNK;
		struct load load = { .v6 = v6, .first = first + done, .flows = n, .repeat = n };

		load.flags = TCP_SYN;
		run_once(w, from_pod, 0, &load, &retval);
		expect(retval, TC_ACT_REDIRECT, "SYN");
		load.flags = TCP_SYN_ACK;
		run_once(w, from_pod, 1, &load, &retval);
		expect(retval, TC_ACT_REDIRECT, "SYN-ACK");
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *values)
{
	qsort(values, ROUNDS, sizeof(*values), by_value);
	return values[ROUNDS / 2];
}

struct row {
	const char *name;
	const char *prog;
	const char *floor;
	const char *budget;
	struct load load;
	uint32_t verdict;
	bool fresh; /* every round starts without connections */
};

static void measure(struct world *w, json_t *rows, const struct row *row)
{
	int prog = prog_fd(w->pod, row->prog), floor = prog_fd(w->floor, row->floor);
	int empty = prog_fd(w->floor, "floor_empty");
	double cost[ROUNDS], base[ROUNDS], wrap[ROUNDS];
	struct load floor_load = row->load;
	uint32_t retval;
	double net, net_floor;

	floor_load.v6 = false;
	floor_load.turn_generation = false;
	for (int i = 0; i < ROUNDS; i++) {
		if (row->fresh)
			world_flush(w);
		wrap[i] = run_once(w, empty, 0, &row->load, &retval);
		cost[i] = run_once(w, prog, 0, &row->load, &retval);
		expect(retval, row->verdict, row->name);
		base[i] = run_once(w, floor, 0, &floor_load, &retval);
		expect(retval, TC_ACT_OK, row->floor);
	}
	net = median(cost) - median(wrap);
	net_floor = median(base) - median(wrap);
	json_array_append_new(rows, json_pack("{s:s, s:f, s:s, s:f, s:s, s:f, s:s}", "name", row->name,
					      "value", net, "unit", "ns", "floor", net_floor,
					      "floor_name", row->floor, "ratio", net / net_floor,
					      "budget", row->budget));
}

/* Fills the floor's table with the flows, so that floor_hit hits. */
static void fill_floor(struct world *w, uint32_t first, uint32_t count)
{
	struct load load = { .flags = TCP_ACK, .first = first, .flows = count, .repeat = count };
	uint32_t retval;

	run_once(w, prog_fd(w->floor, "floor_insert"), 0, &load, &retval);
}

static void measure_established(struct world *w, json_t *rows, const char *what)
{
	char name[3][80];
	const struct row table[] = {
		{ name[0], "from_pod", "floor_hit", "ratio <= 2.0",
		  { .flags = TCP_ACK, .first = 40000, .repeat = 400000 }, TC_ACT_REDIRECT },
		{ name[1], "from_pod", "floor_hit", "",
		  { .v6 = true, .flags = TCP_ACK, .first = 40000, .repeat = 400000 }, TC_ACT_REDIRECT },
		{ name[2], "from_pod", "floor_insert", "<= new connection",
		  { .flags = TCP_ACK, .first = 40000, .repeat = 200000, .turn_generation = true },
		  TC_ACT_REDIRECT },
	};

	snprintf(name[0], sizeof(name[0]), "established pod to pod, IPv4%s", what);
	snprintf(name[1], sizeof(name[1]), "established pod to pod, IPv6%s", what);
	snprintf(name[2], sizeof(name[2]), "established, judged again, IPv4%s", what);
	world_flush(w);
	establish(w, false, 40000, 1);
	establish(w, true, 40000, 1);
	fill_floor(w, 40000, 1);
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		measure(w, rows, &table[i]);
}

static void measure_new(struct world *w, json_t *rows, const char *what)
{
	char name[2][80];
	const struct row table[] = {
		{ name[0], "from_pod", "floor_insert", "ratio <= 2.0",
		  { .flags = TCP_SYN, .first = 1000, .flows = 16384, .repeat = 16384 },
		  TC_ACT_REDIRECT, true },
		{ name[1], "from_pod", "floor_insert", "",
		  { .v6 = true, .flags = TCP_SYN, .first = 1000, .flows = 16384, .repeat = 16384 },
		  TC_ACT_REDIRECT, true },
	};

	snprintf(name[0], sizeof(name[0]), "new connection pod to pod, IPv4%s", what);
	snprintf(name[1], sizeof(name[1]), "new connection pod to pod, IPv6%s", what);
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		measure(w, rows, &table[i]);
	world_flush(w);
}

static void measure_many_flows(struct world *w, json_t *rows)
{
	const struct row row = { "established pod to pod, IPv4, 64k flows", "from_pod", "floor_hit", "",
				 { .flags = TCP_ACK, .first = 0, .flows = FLOWS, .repeat = 4 * FLOWS },
				 TC_ACT_REDIRECT };

	world_flush(w);
	establish(w, false, 0, FLOWS);
	fill_floor(w, 0, FLOWS);
	measure(w, rows, &row);
	world_flush(w);
}

static struct bpf_object *load_pod(void)
{
	struct pod *skel = pod__open();
	struct bpf_map *map;
	int r;

	if (!skel)
		die("open pod.bpf.o", errno);
	bpf_object__for_each_map(map, skel->obj)
		bpf_map__set_pin_path(map, NULL); /* maps of our own */
	skel->rodata->config = (struct node_config){
		.endpoint_slots = 4096, .hz = 250, .tcp_open_s = 60, .tcp_live_s = 21600,
		.closing_s = 10, .udp_new_s = 60, .udp_live_s = 180, .icmp_s = 30, .other_s = 60,
		.sctp_live_s = 21600,
	};
	r = pod__load(skel);
	if (r)
		die("load pod.bpf.o", r);
	return skel->obj;
}

int main(void)
{
	struct bpf_object *pod = load_pod();
	struct floor *floor = floor__open();
	json_t *rows = json_array();
	struct world world = {};
	int r;

	if (!floor || bpf_map__reuse_fd(floor->maps.state, map_fd(pod, "state")))
		die("open floor.bpf.o", errno);
	r = floor__load(floor);
	if (r)
		die("load floor.bpf.o", r);
	world_start(&world, pod, floor->obj);
	measure_established(&world, rows, "");
	measure_new(&world, rows, "");
	measure_many_flows(&world, rows);
	world_grow(&world);
	measure_established(&world, rows, ", 10k rules, 100k peers");
	measure_new(&world, rows, ", 10k rules, 100k peers");
	json_dumpf(rows, stdout, JSON_INDENT(1));
	puts("");
	json_decref(rows);
	return 0;
}
