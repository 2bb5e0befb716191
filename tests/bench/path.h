/* SPDX-License-Identifier: Apache-2.0 */
/* A packet that is measured, and how its flow came to be before it. */
#pragma once

#include "fixture.h"

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

/* What the client asks, and who answers it in truth. */
struct path_service {
	enum who vip; /* NOBODY: the server itself is asked */
	enum who backend;
	uint16_t port;
	uint16_t target; /* the backend's port */
	bool by_node; /* the backend answers HOST at SOURCE_PORT, who has asked it */
};

struct path {
	const char *name;
	struct packet packet; /* measured: from client or server */
	bool from_server;
	enum history history;
	int action; /* what the program must return */
	enum measure_of against;
	struct path_service service;
	bool through_stack; /* to a pod, from outside: the stack has routed it, for a host port */
	bool turn_generation; /* each packet is judged anew */
	bool xdp; /* measured in XDP; what was before it was in TC */
	bool full; /* the table of half-open flows is full of others */
};

/* A packet of the flow as client or server send it; @flags as in struct packet. */
struct packet path_packet(const struct path *path, bool from_server, uint8_t flags);

struct path_step {
	bool from_server;
	uint8_t flags;
};

/* What has happened to the flow before: how many steps there are at *@ret. */
size_t path_history(const struct path_step **ret, const struct path *path);
