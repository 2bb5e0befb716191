// SPDX-License-Identifier: Apache-2.0
/* The engine of the tests that is no kernel: the same sources, compiled for the host. */
#include "hostsim/shim.h"

#include <linux/if_packet.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/engine.h"
#include "hostsim/engine_host.h"
#include "weir/reason.h"

int from_pod(struct __sk_buff *skb);
int to_pod(struct __sk_buff *skb);
int from_wire(struct __sk_buff *skb);
int to_wire(struct __sk_buff *skb);
int from_overlay(struct __sk_buff *skb);
int to_overlay(struct __sk_buff *skb);
int edge(struct xdp_md *xdp);
int sweep(struct __sk_buff *skb);
int clock_program(struct __sk_buff *skb);

extern volatile struct node_config config;

/* Soon after this the low 32 bits of jiffies wrap. */
#define JIFFIES_START ((1ULL << 32) - 2500)
#define IFINDEX_FIRST 10

static int (*const programs[PROGRAM_MAX])(struct __sk_buff *skb) = {
	[FROM_POD] = from_pod,
	[TO_POD] = to_pod,
	[FROM_WIRE] = from_wire,
	[TO_WIRE] = to_wire,
	[FROM_OVERLAY] = from_overlay,
	[TO_OVERLAY] = to_overlay,
	[SWEEP] = sweep,
	[CLOCK] = clock_program,
};

/* Bytes of a packet's head; the rest has to be pulled. */
static uint32_t linear = UINT32_MAX;

const char *engine_refuses(void)
{
	return NULL;
}

void engine_start(const struct node_config *wanted)
{
	const char *text = getenv("SIM_LINEAR");

	if (text)
		linear = (uint32_t)atoi(text);
	config = *wanted;
	sim.jiffies = JIFFIES_START;
	sim.uplink = engine_ifindex(0);
	sim.mtu = ENGINE_MTU;
	sim_map_find("ct4")->max_entries = ENGINE_CT_MAX;
	sim_map_find("ct6")->max_entries = ENGINE_CT_MAX;
}

uint32_t engine_ifindex(unsigned int n)
{
	return IFINDEX_FIRST + n % 8;
}

int engine_program_fd(enum program program)
{
	return -1;
}

void sim_time_passes(uint32_t milliseconds)
{
	sim.jiffies += (uint64_t)milliseconds * config.hz / 1000;
}

uint32_t sim_now(void)
{
	return (uint32_t)sim.jiffies;
}

void sim_linear(uint32_t bytes)
{
	linear = bytes;
}

void sim_socket(uint16_t port)
{
	sim.socket_port = port;
}

void sim_fail(const char *helper, unsigned int calls)
{
	sim.fail = helper;
	sim.fail_after = calls;
}

bool sim_will_fail(void)
{
	return sim.fail;
}

void sim_move(const char *from, const char *to, unsigned int looks)
{
	sim.move_from = sim_map_find(from);
	sim.move_to = sim_map_find(to);
	sim.move_after = looks;
	sim.moved = false;
}

bool sim_move_end(void)
{
	struct sim_map *from = sim.move_from;
	uint8_t key[64];

	sim.move_from = NULL;
	while (sim.moved && !sim_map_next(from, NULL, key))
		bpf_map_delete_elem(from, key);
	return sim.moved;
}

void sim_race(const char *map, void (*race)(void))
{
	sim.race = race;
	sim.race_for = sim_map_find(map);
}

bool sim_race_end(void)
{
	bool waits = sim.race_for;

	sim.race_for = NULL;
	return waits;
}

/* Copies of packets that wait to arrive; the kernel's backlog. */
struct arrival {
	struct arrival *next;
	struct frame frame;
	uint32_t ifindex;
};

static struct arrival *backlog, **backlog_end = &backlog;
static struct sim_clones clones;

const struct sim_clones *sim_clones(void)
{
	return &clones;
}

static struct bpf_sock any_socket;
static bool orphaned;

void sim_orphan(bool on)
{
	orphaned = on;
}

static void (*watcher)(struct sim_visit *visit) = sim_go;

void sim_watch(void (*watch)(struct sim_visit *visit))
{
	watcher = watch;
}

static void frame_take(struct frame *ret, const struct sim_skb *skb)
{
	if (skb->ctx.len > FRAME_MAX)
		abort();
	ret->len = skb->ctx.len;
	sim_skb_copy(ret->data, skb);
}

/* What the kernel says of the frame by its MAC address. */
static uint32_t frame_type(const struct frame *frame)
{
	uint8_t node[6], everybody[6];

	who_mac(node, HOST);
	who_mac(everybody, ALL_NODES);
	if (!memcmp(frame->data, everybody, sizeof(everybody)))
		return PACKET_BROADCAST;
	return memcmp(frame->data, node, sizeof(node)) ? PACKET_OTHERHOST : PACKET_HOST;
}

void sim_go(struct sim_visit *visit)
{
	struct sim_skb *skb = visit->packet;
	uint32_t outer = sim.redirect;

	skb->ctx.ifindex = visit->ifindex;
	skb->ctx.ingress_ifindex = visit->ingress_ifindex;
	skb->ctx.sk = visit->from_socket ? &any_socket : NULL;
	skb->ctx.gso_size = visit->gso_size;
	skb->ctx.pkt_type = frame_type(&visit->frame);
	sim.redirect = 0;
	skb->xdp.ingress_ifindex = visit->ifindex;
	visit->action = visit->program == EDGE ? edge(&skb->xdp) :
						 programs[visit->program](&skb->ctx);
	visit->redirect = sim.redirect;
	sim.redirect = outer;
	frame_take(&visit->frame, skb);
}

static void visit_run(struct sim_visit *visit, struct sim_skb *skb)
{
	visit->packet = skb;
	visit->from_socket = !visit->ingress_ifindex && !orphaned;
	frame_take(&visit->frame, skb);
	watcher(visit);
}

static void run_arrival(const struct frame *frame, enum program program, uint32_t ifindex,
			uint32_t ingress_ifindex)
{
	struct sim_skb *skb = sim_skb_new(frame->data, (uint32_t)frame->len, linear);
	struct sim_visit visit = { .program = program, .ifindex = ifindex,
				   .ingress_ifindex = ingress_ifindex };

	visit_run(&visit, skb);
	sim_skb_free(skb);
}

/* What leaves is seen at once, in the middle of the other packet; what arrives, later. */
static void on_clone(const struct sim_skb *skb, uint32_t ifindex, uint64_t flags)
{
	struct arrival *arrival = calloc(1, sizeof(*arrival));

	if (!arrival || skb->ctx.len > FRAME_MAX)
		abort();
	sim_skb_copy(arrival->frame.data, skb);
	arrival->frame.len = skb->ctx.len;
	arrival->ifindex = ifindex;
	clones.count++;
	clones.last = arrival->frame;
	if (flags & BPF_F_INGRESS) {
		*backlog_end = arrival;
		backlog_end = &arrival->next;
		return;
	}
	run_arrival(&arrival->frame, TO_POD, ifindex, skb->ctx.ingress_ifindex);
	free(arrival);
}

static void backlog_run(void)
{
	while (backlog) {
		struct arrival *arrival = backlog;
		enum program program = arrival->ifindex == engine_ifindex(0) ? FROM_WIRE : FROM_POD;

		backlog = arrival->next;
		if (!backlog)
			backlog_end = &backlog;
		run_arrival(&arrival->frame, program, arrival->ifindex, arrival->ifindex);
		free(arrival);
	}
}

bool engine_has_tunnels(void)
{
	return true;
}

static void tunnel_in(const struct engine_tunnel *tunnel)
{
	bool v4 = ip_addr_is_v4(&tunnel->far);

	sim.tunnelled = tunnel->there;
	sim.tunnel = (struct bpf_tunnel_key){ .tunnel_id = tunnel->id };
	sim.tunnel_flags = v4 ? 0 : BPF_F_TUNINFO_IPV6;
	if (v4)
		sim.tunnel.remote_ipv4 = bpf_ntohl(tunnel->far.words[3]);
	else
		memcpy(sim.tunnel.remote_ipv6, &tunnel->far, sizeof(tunnel->far));
}

static void tunnel_out(struct engine_tunnel *tunnel)
{
	*tunnel = (struct engine_tunnel){ .there = sim.tunnelled, .id = sim.tunnel.tunnel_id };
	if (sim.tunnel_flags & BPF_F_TUNINFO_IPV6)
		memcpy(&tunnel->far, sim.tunnel.remote_ipv6, sizeof(tunnel->far));
	else
		ip_addr_set_v4(&tunnel->far, bpf_htonl(sim.tunnel.remote_ipv4));
}

bool engine_run(struct engine_run *run)
{
	/* XDP sees one buffer. */
	struct sim_skb *skb = sim_skb_new(run->frame->data, (uint32_t)run->frame->len,
					  run->program == EDGE ? UINT32_MAX : linear);
	struct sim_visit visit = { .program = run->program, .ifindex = run->ifindex,
				   .ingress_ifindex = run->ingress_ifindex,
				   .gso_size = run->gso_size };

	skb->ctx.mark = run->mark;
	sim.clone = on_clone;
	tunnel_in(&run->tunnel);
	visit_run(&visit, skb);
	tunnel_out(&run->tunnel);
	run->action = visit.action;
	run->redirect = visit.redirect;
	run->mark = skb->ctx.mark;
	*run->frame = visit.frame;
	sim_skb_free(skb);
	backlog_run();
	return true;
}

static struct sim_map *map_find(const char *name)
{
	struct sim_map *map = sim_map_find(name);

	if (map)
		return map;
	printf("Bail out! no map %s\n", name);
	exit(EXIT_FAILURE);
}

int engine_update(const char *map, const void *key, const void *value)
{
	return (int)bpf_map_update_elem(map_find(map), key, value, BPF_ANY);
}

int engine_lookup(const char *map, const void *key, void *value)
{
	struct sim_map *found = map_find(map);
	const void *at = sim_map_peek(found, key);

	if (!at)
		return -1;
	memcpy(value, at, found->value_size);
	return 0;
}

int engine_delete(const char *map, const void *key)
{
	return (int)bpf_map_delete_elem(map_find(map), key);
}

int engine_next(const char *map, const void *key, void *next)
{
	return sim_map_next(map_find(map), key, next);
}

uint64_t engine_metric(uint32_t index)
{
	static struct sim_map *map;
	const struct metric *metric;

	map = map ?: map_find("metric");
	metric = sim_map_peek(map, &index);
	return metric ? metric->packets : 0;
}

void sim_map_limit(const char *name, uint32_t entries)
{
	struct sim_map *map = map_find(name);

	map->limit = entries;
}
