/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cost of one packet in a program, by BPF_PROG_TEST_RUN. The program, the floor and
 * an empty program take turns, the median of the rounds counts, and what the wrapper
 * around the empty program costs is subtracted from both.
 */
#pragma once

#include "fixture.h"

/* How a flow came to be before the packet that is measured. */
enum history {
	FRESH, /* not at all: every packet that is measured is the first of its flow */
	TCP_OPEN, /* three-way handshake */
	SCTP_OPEN, /* the same with its chunks */
	ANSWERED, /* there and back */
	ONE_WAY, /* there */
	NO_FLOW, /* the packet leaves nothing behind */
};

enum measure_of {
	FLOOR_HIT, /* parse and hit one LRU entry */
	FLOOR_INSERT, /* parse and insert one */
};

struct path {
	const char *name;
	struct packet packet; /* measured: from client or server */
	bool from_server;
	enum history history;
	int action; /* what the program must return */
	enum measure_of against;
	bool through_stack; /* to a pod, from outside: the stack has routed it, for a host port */
	bool turn_generation; /* each packet is judged anew */
	bool full; /* the table of half-open flows is full of others */
};

#define ROUNDS_MAX 16

/* How much is measured. */
struct effort {
	uint32_t rounds;
	uint32_t packets; /* a round */
	uint32_t fresh; /* flows a round where every packet opens one */
};

struct cost {
	double net; /* ns */
	double floor;
};

/* Loads the floor programs; the engine runs already. */
void cost_start(void);

/* @flows: packets take turns among so many flows; one is 0. */
struct cost cost_measure(const struct path *path, bool v6, uint32_t flows,
			 const struct effort *effort);

/* All connections are forgotten. */
void cost_flush(void);
