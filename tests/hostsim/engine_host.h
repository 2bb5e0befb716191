/* SPDX-License-Identifier: Apache-2.0 */
/* What tests may do to the host engine that no kernel would let them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bpf/engine.h"
#include "bpf/packet.h"

void sim_time_passes(uint32_t milliseconds);
uint32_t sim_now(void); /* what the programs take for now */

/* Length of the linear head of packets from now on. */
void sim_linear(uint32_t bytes);

/* From now on packets that came in nowhere have no socket either. */
void sim_orphan(bool on);

/* This helper fails once, after @calls that do not. A map's name: a write to it. */
void sim_fail(const char *helper, unsigned int calls);
/* It has not done so yet. */
bool sim_will_fail(void);

/*
 * After @looks look-ups in map @from another CPU has moved all of it to map @to, in the
 * middle of a program. sim_move_end() says whether it has come to that; then it is over.
 */
void sim_move(const char *from, const char *to, unsigned int looks);
bool sim_move_end(void);

/* Before the next write to @map another CPU does something. It may not run a program. */
void sim_race(const char *map, void (*race)(void));
/* It has not come to that; now it will not. */
bool sim_race_end(void);

/* Packets that a program made arrive, or leave, once more. */
struct sim_clones {
	unsigned int count;
	struct frame last;
};

const struct sim_clones *sim_clones(void);

/*
 * A run of a program on a packet, also of one that a program made. Who watches
 * lets it happen with sim_go() and may look at the world before and after.
 */
struct sim_visit {
	enum program program;
	uint32_t ifindex;
	uint32_t ingress_ifindex;
	bool from_socket; /* of this node */
	uint32_t gso_size;
	int action; /* afterwards, as the others below */
	uint32_t redirect;
	struct frame frame; /* before, and afterwards as it came out */
	void *packet;
};

void sim_watch(void (*watch)(struct sim_visit *visit));
void sim_go(struct sim_visit *visit);

/* The node has sockets of each kind on this port, and no other; 0: none at all. */
void sim_socket(uint16_t port);

/* How many entries a map takes from now on; 0: as in the beginning. */
void sim_map_limit(const char *map, uint32_t entries);
