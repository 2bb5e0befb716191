// SPDX-License-Identifier: Apache-2.0
#include "cost.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <linux/pkt_cls.h>

#include "figure.h"
#include "bench.h"
#include "floor.skel.h"
#include "floor_xdp.skel.h"
#include "weir/maps.h"

#define CLIENT_PORT 1024 /* the first */
#define OPEN_CHUNK 1024u /* flows opened at a time: half-open ones must fit their table */
#define FLUSH_BATCH 16384u

/* A packet, on its way through one of the programs. */
struct run {
	int program; /* file descriptor */
	uint32_t ifindex, ingress_ifindex;
	struct packet packet;
	bool v6;
	uint16_t first; /* client port */
	uint32_t flows; /* 0: one */
	uint32_t count;
	bool turn_generation;
	bool from_server;
	bool xdp;
};

/* The programs of floor.bpf.c, and the same in XDP. */
static struct floor_bpf {
	struct bpf_object *obj;
	int wrapper, empty, hit[2], insert[2];
	int frame, under_test; /* maps */
} floors[2];

static int floor_program(const struct floor_bpf *floor, const char *name)
{
	const struct bpf_program *program = bpf_object__find_program_by_name(floor->obj, name);

	return program ? bpf_program__fd(program) : -1;
}

static void floor_take(struct floor_bpf *floor, struct bpf_object *obj)
{
	floor->obj = obj;
	floor->wrapper = floor_program(floor, "wrapper");
	floor->empty = floor_program(floor, "floor_empty");
	floor->hit[0] = floor_program(floor, "floor_hit4");
	floor->hit[1] = floor_program(floor, "floor_hit6");
	floor->insert[0] = floor_program(floor, "floor_insert4");
	floor->insert[1] = floor_program(floor, "floor_insert6");
	floor->frame = bpf_object__find_map_fd_by_name(obj, "frame");
	floor->under_test = bpf_object__find_map_fd_by_name(obj, "under_test");
}

void cost_start(void)
{
	struct floor_xdp *xdp = floor_xdp__open();
	struct floor *skb = floor__open();

	if (!skb || bpf_map__reuse_fd(skb->maps.state, engine_map_fd("state")) || floor__load(skb))
		die("floor.bpf.o", errno);
	if (!xdp || bpf_map__reuse_fd(xdp->maps.state, engine_map_fd("state")) ||
	    floor_xdp__load(xdp))
		die("floor_xdp.bpf.o", errno);
	floor_take(&floors[false], skb->obj);
	floor_take(&floors[true], xdp->obj);
}

static bool is_pod(enum who who)
{
	return who == POD_A || who == POD_B || who == POD_C;
}

/* Which program sees the packet, and where. */
static void run_place(struct run *run, bool through_stack)
{
	enum who src = run->packet.src, dst = run->packet.dst;

	if (is_pod(src)) {
		run->program = engine_program_fd(FROM_POD);
		run->ifindex = run->ingress_ifindex = ifindex_of(src);
	} else if (is_pod(dst) && (src == HOST || through_stack)) {
		run->program = engine_program_fd(TO_POD);
		run->ifindex = ifindex_of(dst);
		run->ingress_ifindex = src == HOST ? 0 : engine_ifindex(0);
	} else {
		run->program = engine_program_fd(FROM_WIRE);
		run->ifindex = run->ingress_ifindex = engine_ifindex(0);
	}
}

static uint16_t client_port_at(const struct frame *frame, const struct run *run)
{
	if (run->packet.kind == PACKET_ECHO || run->packet.kind == PACKET_ECHO_REPLY)
		return (uint16_t)(frame->l4 + 4); /* the identifier */
	return (uint16_t)(frame->l4 + (run->from_server ? 2 : 0));
}

static void load_wrapper(const struct run *run, const struct frame *frame)
{
	struct bench_frame saved = {
		.port_base = run->first,
		.port_at = client_port_at(frame, run),
		.port_count = run->flows,
		.turn_generation = run->turn_generation,
	};
	uint32_t zero = 0;

	memcpy(saved.words, frame->data, sizeof(saved.words));
	if (bpf_map_update_elem(floors[run->xdp].frame, &zero, &saved, 0) ||
	    bpf_map_update_elem(floors[run->xdp].under_test, &zero, &run->program, 0))
		die("wrapper", errno);
}

/* The frame is at least as long as what the wrapper puts back. */
static void build_frame(struct frame *frame, const struct run *run)
{
	struct packet packet = run->packet;

	packet_build(frame, &packet, run->v6);
	if (frame->len >= BENCH_FRAME_BYTES)
		return;
	if (packet.kind == PACKET_SOLICIT) {
		frame->len = BENCH_FRAME_BYTES; /* ARP, padded with zeros */
		return;
	}
	packet.payload = (uint16_t)(BENCH_FRAME_BYTES - frame->len);
	packet_build(frame, &packet, run->v6);
}

/* Nanoseconds a packet. */
static double run_once(const struct run *run, int *action)
{
	struct __sk_buff skb = { .ifindex = run->ifindex, .ingress_ifindex = run->ingress_ifindex };
	struct xdp_md xdp = { .ingress_ifindex = run->ifindex };
	struct frame frame;
	int64_t start;

	build_frame(&frame, run);
	load_wrapper(run, &frame);
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame.data,
		    .data_size_in = (uint32_t)frame.len, .ctx_in = &skb,
		    .ctx_size_in = sizeof(skb), .repeat = (int)run->count);
	if (run->xdp) {
		xdp.data_end = (uint32_t)frame.len;
		opts.ctx_in = &xdp;
		opts.ctx_size_in = sizeof(xdp);
	}
	start = clock_ns();
	if (bpf_prog_test_run_opts(floors[run->xdp].wrapper, &opts))
		die("BPF_PROG_TEST_RUN", errno);
	*action = (int)opts.retval;
	return (double)(clock_ns() - start) / run->count;
}

/* Played by all flows at once. */
static void play(const struct path *path, bool v6, const struct path_step *step, uint32_t first,
		 uint32_t count)
{
	struct run run = { .packet = path_packet(path, step->from_server, step->flags), .v6 = v6,
			   .first = (uint16_t)first, .flows = count, .count = count,
			   .from_server = step->from_server };
	int action;

	/* Answers to this node go to the port that it has asked from, not to the client's. */
	if (path->service.by_node && step->from_server)
		run.flows = 0;
	run_place(&run, path->through_stack);
	run_once(&run, &action);
	if (action == TC_ACT_SHOT)
		die(path->name, EPERM);
}

static void open_flows(const struct path *path, bool v6, uint32_t first, uint32_t count)
{
	const struct path_step *steps;
	size_t step_count = path_history(&steps, path);

	for (size_t i = 0; i < step_count; i++)
		play(path, v6, &steps[i], first, count);
}

static struct run floor_run(const struct path *path, bool v6, uint32_t flows, uint32_t count)
{
	return (struct run){
		.program = path->against == FLOOR_HIT ? floors[path->xdp].hit[v6] :
							floors[path->xdp].insert[v6],
		.xdp = path->xdp,
		.ifindex = engine_ifindex(1),
		.packet = { PACKET_TCP, POD_A, POD_B, CLIENT_PORT, 80, ACK },
		.v6 = v6,
		.first = CLIENT_PORT,
		.flows = flows,
		.count = count,
	};
}

/* The flows exist, in the datapath and in the floor's own table. */
static void establish(const struct path *path, bool v6, uint32_t flows)
{
	uint32_t count = flows ?: 1;
	struct run base = floor_run(path, v6, count, count);
	int action;

	for (uint32_t done = 0; done < count; done += OPEN_CHUNK)
		open_flows(path, v6, CLIENT_PORT + done,
			   count - done < OPEN_CHUNK ? count - done : OPEN_CHUNK);
	run_once(&base, &action);
}

/* No flow is known; or the half-open ones of others fill their tables. */
static void start_fresh(const struct path *path, bool v6)
{
	static const struct path others = {
		.name = "other flows",
		.packet = { PACKET_TCP, POD_A, POD_B, CLIENT_PORT, 443, SYN },
	};
	struct run base = floor_run(&others, v6, CT_NEW_MAX, CT_NEW_MAX);
	int action;

	cost_flush();
	if (!path->full)
		return;
	play(&others, v6, &(struct path_step){ false, SYN }, 0, CT_NEW_MAX);
	base.program = floors[false].insert[v6];
	base.packet.dport = 443;
	base.first = 0;
	run_once(&base, &action);
}

static void expect(const struct path *path, bool v6, int action, int wanted)
{
	if (action == wanted)
		return;
	fprintf(stderr, "%s, IPv%d: the program returns %d instead of %d\n", path->name, v6 ? 6 : 4,
		action, wanted);
	exit(1);
}

struct cost cost_measure(const struct path *path, bool v6, uint32_t flows,
			 const struct effort *effort)
{
	bool fresh = path->history == FRESH;
	uint32_t count = fresh ? effort->fresh : effort->packets;
	struct run base = floor_run(path, v6, fresh ? count : flows, count);
	struct run run = { .packet = path->packet, .v6 = v6, .first = CLIENT_PORT,
			   .flows = base.flows, .count = count, .from_server = path->from_server,
			   .turn_generation = path->turn_generation };
	double net[ROUNDS_MAX], floor[ROUNDS_MAX], empty[ROUNDS_MAX];
	struct run nothing;
	int action;

	run_place(&run, path->through_stack);
	if (path->xdp) {
		run.xdp = true;
		run.program = engine_program_fd(EDGE);
	}
	nothing = run;
	nothing.program = floors[path->xdp].empty;
	if (!fresh)
		establish(path, v6, flows);
	for (uint32_t i = 0; i < effort->rounds; i++) {
		if (fresh)
			start_fresh(path, v6);
		empty[i] = run_once(&nothing, &action);
		net[i] = run_once(&run, &action);
		expect(path, v6, action, path->action);
		floor[i] = run_once(&base, &action);
		expect(path, v6, action, path->xdp ? (int)XDP_PASS : TC_ACT_OK);
	}
	return (struct cost){
		.net = quantile(net, effort->rounds, 0.5) - quantile(empty, effort->rounds, 0.5),
		.floor = quantile(floor, effort->rounds, 0.5) -
			 quantile(empty, effort->rounds, 0.5),
	};
}

static void flush_map(int fd)
{
	static uint8_t keys[FLUSH_BATCH * sizeof(struct ct6_key)];
	static uint8_t values[FLUSH_BATCH * sizeof(struct ct6_value)];
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint32_t batch, count;
	void *in = NULL;
	int r;

	do {
		count = FLUSH_BATCH;
		r = bpf_map_lookup_and_delete_batch(fd, in, &batch, keys, values, &count, &opts);
		in = &batch;
	} while (!r);
	if (errno != ENOENT)
		die("flush", errno);
}

void cost_flush(void)
{
	static const char *const own[] = { "floor_new4", "floor_new6", "floor_live4",
					   "floor_live6" };

	flush_map(engine_map_fd("ct4"));
	flush_map(engine_map_fd("ct4_new"));
	flush_map(engine_map_fd("ct6"));
	flush_map(engine_map_fd("ct6_new"));
	for (int xdp = 0; xdp < 2; xdp++)
		for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
			flush_map(bpf_object__find_map_fd_by_name(floors[xdp].obj, own[i]));
}
