/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of an agent that services pass through, in steps that can be timed: a text, the
 * store, the model, the real maps. Every function here ends the program when it fails.
 */
#pragma once

#include "model/service.h"
#include "model/store.h"
#include "reconcile/service.h"
#include "service_texts.h"

struct bench_node {
	struct service_size size;
	struct store *store;
	struct services *services;
	struct service_writer *writer;
	struct datapath *dp;
	char bpffs[32];
};

/* Milliseconds. */
struct split {
	double decode; /* from the text to the store */
	double resolve;
	double write;
	double all;
};

/* Of @start_ns (clock_ns()) until now. */
double ms_since(int64_t start_ns);

/* An empty store, and maps that have room for so many services. */
void node_open(struct bench_node *node, const struct service_size *size);
/* The store was freed, and so was what node_start() made. */
void node_close(struct bench_node *node);

/* From a text to the store. */
void node_read(struct bench_node *node, const char *text);

/* A new agent: it reads back, resolves and applies everything. Fills in @split but for @decode. */
void node_start(struct bench_node *node, struct split *split);

/* A turn of the agent: what has changed in the store is resolved and written. Adds to @split. */
void node_apply(struct bench_node *node, struct split *split);

/* Bytes that are allocated. */
double bench_heap(void);
