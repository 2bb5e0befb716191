/* SPDX-License-Identifier: Apache-2.0 */
/* From the Node objects to this node's pod CIDRs and the routes to the pods of other nodes. */
#pragma once

#include <event2/event.h>

#include "base/texts.h"
#include "model/node_routes.h"
#include "net/net.h"

struct agent;

/* Zero is the state of an agent that knows of no node. */
struct nodes {
	struct node_routes wanted; /* of the last look at the objects */
	struct texts problems; /* with this node's pod CIDRs, and what the kernel refused */
	struct net_subnet *subnets; /* that @wanted is made for */
	size_t subnet_count;
	uint64_t version; /* store_kind_version() of the Node objects, that it is made for */
	bool known; /* there was a look */
	struct event *check; /* the kernel's routes are compared with @wanted soon */
};

/* 0 or -ENOMEM. */
int nodes_open(struct agent *agent);
void nodes_close(struct agent *agent);

/*
 * After a change of objects, of links or of addresses: brings the kernel to what the Node
 * objects say now. What cannot be done is a problem, and is tried again.
 */
void nodes_update(struct agent *agent);

/*
 * The network has changed: links that went down have lost their routes, though nothing that
 * routes are made from is another. They are looked at soon, once for many changes.
 */
void nodes_check_soon(struct agent *agent);

/* Calls @fn with each problem. */
void nodes_each_problem(const struct agent *agent, void (*fn)(const char *text, void *arg),
			void *arg);
