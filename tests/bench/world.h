/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two pods on one node, both ends under policy, in a network namespace of the
 * benchmark's own.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <bpf/libbpf.h>

#include "bench.h"
#include "weir/types.h"

struct world {
	struct bpf_object *pod; /* maps and programs under test */
	struct bpf_object *floor;
	uint32_t ifindex[2]; /* host sides: client, server */
};

enum tcp_kind {
	TCP_SYN = 0x02,
	TCP_SYN_ACK = 0x12,
	TCP_ACK = 0x10,
};

/* Makes namespace, links and map contents. Exits with a message on failure: it is a benchmark. */
void world_start(struct world *world, struct bpf_object *pod, struct bpf_object *floor);

/* 10,000 more rules and 100,000 more peers. */
void world_grow(struct world *world);

/* A frame between the pods. @from: 0 client, 1 server. Ports in host order. */
void frame_build(struct bench_frame *frame, bool v6, int from, uint16_t client_port, uint8_t flags);

/* Offset of the client's port in such a frame. */
uint16_t frame_client_port_at(bool v6, int from);

int map_fd(struct bpf_object *obj, const char *name);
int prog_fd(struct bpf_object *obj, const char *name);

/* Forget all connections. */
void world_flush(struct world *world);

void die(const char *what, int err);
