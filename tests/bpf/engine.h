/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What runs the datapath under test: the kernel (engine_kernel.c), or the same
 * sources compiled for the host (tests/hostsim). The tests know only this.
 *
 * The programs are at work on the interfaces as well: what one of them lets
 * arrive again is seen, and counted, by the program of that interface. It may
 * take a moment.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet.h"
#include "weir/state.h"

enum program {
	FROM_POD,
	TO_POD,
	FROM_WIRE,
	TO_WIRE,
	FROM_OVERLAY,
	TO_OVERLAY,
	EDGE,
	SWEEP,
	CLOCK,
	PROGRAM_MAX,
};

/* Small, so that a test can fill them. */
#define ENGINE_CT_MAX 256

/* The node's only route, to all but LOST, is out of interface 0, which takes so many bytes. */
#define ENGINE_MTU 1500

/* Of a packet: the tunnel that it came by, or shall take. The kernel's test packets have none. */
struct engine_tunnel {
	bool there;
	struct ip_addr far; /* address of the other node */
	uint32_t id;
};

struct engine_run {
	enum program program;
	uint32_t ifindex; /* where the packet is; 0: nowhere in particular */
	uint32_t ingress_ifindex; /* where it came in; 0: a socket of this node sent it */
	uint32_t gso_size;
	int action; /* result: what the program returned */
	uint32_t mark; /* in and out */
	uint32_t redirect; /* result: the interface it redirected to; 0: none, or not known */
	struct engine_tunnel tunnel; /* in and out */
	struct frame *frame; /* in and out */
};

/* NULL when it can run here, or why it cannot. */
const char *engine_refuses(void);

/* Set before engine_start(): connection tables as large as in production. Kernel only. */
extern bool engine_full_size;

/* Once, before anything else. Ends the process when the programs do not load. */
void engine_start(const struct node_config *config);

/* Interface indexes exist for @n in [0, 8). */
uint32_t engine_ifindex(unsigned int n);

/* Packets come by tunnels, and what they shall take is told. */
bool engine_has_tunnels(void);

/* File descriptors, for what the kernel tells about them. Kernel only. */
int engine_program_fd(enum program program);
int engine_map_fd(const char *map);

/* False: the engine cannot run such a packet, and the caller skips it. */
bool engine_run(struct engine_run *run);

/* 0 or a negative errno. A per-CPU map has one value: the sum is the engine's work. */
int engine_update(const char *map, const void *key, const void *value);
int engine_lookup(const char *map, const void *key, void *value);
int engine_delete(const char *map, const void *key);
/* @key NULL: the first one. */
int engine_next(const char *map, const void *key, void *next);

/* Packets that metric @index counted so far. */
uint64_t engine_metric(uint32_t index);
