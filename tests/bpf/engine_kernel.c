// SPDX-License-Identifier: Apache-2.0
#include "engine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "edge_xdp.skel.h"
#include "overlay.skel.h"
#include "pod.skel.h"
#include "sweep.skel.h"
#include "uplink.skel.h"
#include "weir/compat.h"
#include "weir/reason.h"

#define LINKS 8
#define WHOLE_HEADERS 54 /* Ethernet and IPv6 */
#define CPUS_MAX 4096

static struct {
	struct pod *pod;
	struct uplink *uplink;
	struct overlay *overlay;
	struct edge_xdp *edge;
	struct sweep *sweep;
	struct bpf_program *programs[PROGRAM_MAX];
	uint32_t ifindex[LINKS];
} engine;

bool engine_full_size;

static void die(const char *what, int err)
{
	printf("Bail out! %s: %s\n", what, strerror(err < 0 ? -err : err));
	exit(EXIT_FAILURE);
}

const char *engine_refuses(void)
{
	return geteuid() ? "needs root" : NULL;
}

static void make_links(void)
{
	char command[128], name[IFNAMSIZ];

	if (unshare(CLONE_NEWNET))
		die("unshare", errno);
	/* No packets but those of the tests. */
	if (system("echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6"))
		die("disable_ipv6", EIO);
	for (int i = 0; i < LINKS; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		snprintf(command, sizeof(command),
			 "ip link add %s type veth peer name p%d && ip link set %s up", name, i, name);
		if (system(command))
			die("ip link add", EIO);
		engine.ifindex[i] = if_nametoindex(name);
	}
}

static void who_text(char ret[static INET6_ADDRSTRLEN], enum who who, bool v6)
{
	struct ip_addr addr = who_addr(who, v6);

	inet_ntop(v6 ? AF_INET6 : AF_INET, v6 ? addr.bytes : addr.bytes + 12, ret,
		  INET6_ADDRSTRLEN);
}

/* Those to whom packets are sent on, so that XDP can: it asks for nobody. */
static void make_neighbours(bool v6)
{
	static const enum who neighbours[] = { NODE, WORLD, WORLD_2 };
	char command[160], addr[INET6_ADDRSTRLEN], pod[INET6_ADDRSTRLEN];
	uint8_t mac[6];

	for (size_t i = 0; i < sizeof(neighbours) / sizeof(*neighbours); i++) {
		who_mac(mac, neighbours[i]);
		who_text(addr, neighbours[i], v6);
		snprintf(command, sizeof(command),
			 "ip neigh add %s dev t0 lladdr %02x:%02x:%02x:%02x:%02x:%02x", addr, mac[0],
			 mac[1], mac[2], mac[3], mac[4], mac[5]);
		if (system(command))
			die(command, EIO);
	}
	who_text(addr, NODE, v6);
	who_text(pod, POD_AWAY, v6);
	snprintf(command, sizeof(command), "ip route add %s via %s dev t0 onlink", pod, addr);
	if (system(command))
		die(command, EIO);
}

/* What is on this node is not behind the uplink. */
static void make_locals(bool v6)
{
	static const enum who here[] = { HOST, POD_A, POD_B, POD_C };
	char command[160], addr[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < sizeof(here) / sizeof(*here); i++) {
		who_text(addr, here[i], v6);
		snprintf(command, sizeof(command), "ip route add local %s dev lo", addr);
		if (system(command))
			die(command, EIO);
	}
}

static void make_routes(void)
{
	static const char *const commands[] = {
		"ip link set lo up", /* without local addresses no gateway is believed to be none */
		"ip link set t0 address 0e:00:00:00:00:01", /* of HOST */
		"echo 1 >/proc/sys/net/ipv4/ip_forward",
		"echo 0 >/proc/sys/net/ipv6/conf/t0/disable_ipv6",
		"echo 1 >/proc/sys/net/ipv6/conf/all/forwarding",
		"ip route add default dev t0",
		"ip -6 route add default dev t0",
		"ip route add unreachable 100.64.0.9",
		"ip -6 route add unreachable 2001:db8:dead::9",
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (system(commands[i]))
			die(commands[i], EIO);
	for (int v6 = 0; v6 < 2; v6++) {
		make_neighbours(v6);
		make_locals(v6);
	}
}

/* Maps of our own: nothing of this machine is touched. */
static void maps_prepare(struct bpf_object *obj)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, obj) {
		bpf_map__set_pin_path(map, NULL);
		if (engine_full_size)
			continue;
		if (!strcmp(bpf_map__name(map), "ct4") || !strcmp(bpf_map__name(map), "ct6"))
			bpf_map__set_max_entries(map, ENGINE_CT_MAX);
		else if (!strncmp(bpf_map__name(map), "ct", 2))
			bpf_map__set_max_entries(map, 8 * ENGINE_CT_MAX);
	}
}

/* Maps that are pinned in production are one map for all objects. */
static void maps_share(struct bpf_object *obj)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, obj) {
		struct bpf_map *first;

		if (!bpf_map__pin_path(map))
			continue;
		first = bpf_object__find_map_by_name(engine.pod->obj, bpf_map__name(map));
		bpf_map__set_pin_path(map, NULL);
		if (first && bpf_map__reuse_fd(map, bpf_map__fd(first)))
			die(bpf_map__name(map), errno);
	}
}

static void load_pod(const struct node_config *config)
{
	engine.pod = pod__open();
	if (!engine.pod)
		die("open pod.bpf.o", errno);
	maps_prepare(engine.pod->obj);
	engine.pod->rodata->config = *config;
	if (pod__load(engine.pod))
		die("load pod.bpf.o", errno);
	engine.programs[FROM_POD] = engine.pod->progs.from_pod;
	engine.programs[TO_POD] = engine.pod->progs.to_pod;
}

static void load_uplink(const struct node_config *config)
{
	engine.uplink = uplink__open();
	if (!engine.uplink)
		die("open uplink.bpf.o", errno);
	maps_share(engine.uplink->obj);
	engine.uplink->rodata->config = *config;
	if (uplink__load(engine.uplink))
		die("load uplink.bpf.o", errno);
	engine.programs[FROM_WIRE] = engine.uplink->progs.from_wire;
	engine.programs[TO_WIRE] = engine.uplink->progs.to_wire;
}

static void load_overlay(const struct node_config *config)
{
	engine.overlay = overlay__open();
	if (!engine.overlay)
		die("open overlay.bpf.o", errno);
	maps_share(engine.overlay->obj);
	engine.overlay->rodata->config = *config;
	if (overlay__load(engine.overlay))
		die("load overlay.bpf.o", errno);
	engine.programs[FROM_OVERLAY] = engine.overlay->progs.from_overlay;
	engine.programs[TO_OVERLAY] = engine.overlay->progs.to_overlay;
}

bool engine_has_tunnels(void)
{
	return false;
}

static void load_edge(const struct node_config *config)
{
	engine.edge = edge_xdp__open();
	if (!engine.edge)
		die("open edge_xdp.bpf.o", errno);
	maps_share(engine.edge->obj);
	engine.edge->rodata->config = *config;
	if (edge_xdp__load(engine.edge))
		die("load edge_xdp.bpf.o", errno);
	engine.programs[EDGE] = engine.edge->progs.edge;
}

static void load_sweep(void)
{
	engine.sweep = sweep__open();
	if (!engine.sweep)
		die("open sweep.bpf.o", errno);
	maps_share(engine.sweep->obj);
	if (sweep__load(engine.sweep))
		die("load sweep.bpf.o", errno);
	engine.programs[SWEEP] = engine.sweep->progs.sweep;
	engine.programs[CLOCK] = engine.sweep->progs.clock;
}

static void attach(enum program program, unsigned int n, enum bpf_attach_type where)
{
	/* The link lives as long as the process. */
	if (bpf_link_create(engine_program_fd(program), (int)engine_ifindex(n), where, NULL) < 0)
		die("attach", errno);
}

static void attach_all(void)
{
	attach(FROM_WIRE, 0, WEIR_TCX_INGRESS);
	attach(TO_WIRE, 0, WEIR_TCX_EGRESS);
	for (unsigned int n = 1; n < LINKS; n++) {
		attach(FROM_POD, n, WEIR_TCX_INGRESS);
		attach(TO_POD, n, WEIR_TCX_EGRESS);
	}
}

void engine_start(const struct node_config *config)
{
	make_links();
	make_routes();
	load_pod(config);
	load_uplink(config);
	load_overlay(config);
	load_edge(config);
	load_sweep();
	attach_all();
}

uint32_t engine_ifindex(unsigned int n)
{
	return engine.ifindex[n % LINKS];
}

int engine_program_fd(enum program program)
{
	return bpf_program__fd(engine.programs[program]);
}

bool engine_run(struct engine_run *run)
{
	struct __sk_buff skb = { .ifindex = run->ifindex, .ingress_ifindex = run->ingress_ifindex,
				 .gso_size = run->gso_size, .mark = run->mark };
	struct xdp_md xdp = { .ingress_ifindex = run->ifindex,
			      .data_end = (uint32_t)run->frame->len };
	uint8_t out[FRAME_MAX + 64];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = run->frame->data,
		    .data_size_in = (uint32_t)run->frame->len, .data_out = out,
		    .data_size_out = sizeof(out), .ctx_in = &skb, .ctx_size_in = sizeof(skb),
		    .ctx_out = &skb, .ctx_size_out = sizeof(skb),
		    .repeat = 1);

	if (run->program == EDGE) {
		opts.ctx_in = opts.ctx_out = &xdp;
		opts.ctx_size_in = opts.ctx_size_out = sizeof(xdp);
	}
	if (bpf_prog_test_run_opts(engine_program_fd(run->program), &opts)) {
		/* The kernel makes no test packet without whole headers of layer 2 and 3. */
		if (errno == EINVAL && run->frame->len < WHOLE_HEADERS)
			return false;
		die("BPF_PROG_TEST_RUN", errno);
	}
	run->action = (int)opts.retval;
	run->mark = skb.mark;
	if (opts.data_size_out > FRAME_MAX)
		die("packet grew", EMSGSIZE);
	memcpy(run->frame->data, out, opts.data_size_out);
	run->frame->len = opts.data_size_out;
	return true;
}

int engine_map_fd(const char *map)
{
	int fd = bpf_object__find_map_fd_by_name(engine.pod->obj, map);

	if (fd < 0)
		die(map, fd);
	return fd;
}

int engine_update(const char *map, const void *key, const void *value)
{
	return bpf_map_update_elem(engine_map_fd(map), key, value, BPF_ANY) ? -errno : 0;
}

int engine_lookup(const char *map, const void *key, void *value)
{
	return bpf_map_lookup_elem(engine_map_fd(map), key, value) ? -errno : 0;
}

int engine_delete(const char *map, const void *key)
{
	return bpf_map_delete_elem(engine_map_fd(map), key) ? -errno : 0;
}

int engine_next(const char *map, const void *key, void *next)
{
	return bpf_map_get_next_key(engine_map_fd(map), key, next) ? -errno : 0;
}

uint64_t engine_metric(uint32_t index)
{
	static struct metric values[CPUS_MAX];
	int cpus = libbpf_num_possible_cpus();
	uint64_t sum = 0;

	if (cpus < 1 || cpus > CPUS_MAX)
		die("number of CPUs", E2BIG);
	if (bpf_map_lookup_elem(engine_map_fd("metric"), &index, values))
		die("metric", errno);
	for (int i = 0; i < cpus; i++)
		sum += values[i].packets;
	return sum;
}
