/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pod CIDRs of nodes that overlap, or have a node's address in them: whose they are cannot be
 * known, and such a node gets no route. Inside of node_routes.h.
 */
#pragma once

#include "model/node_routes.h"

struct other_node {
	const struct object *obj; /* the store's */
	bool refused; /* it gets no route */
};

/*
 * All nodes but this one, in the order of their names; the array is the caller's. Why nodes
 * are refused is added to @problems. 0 or -ENOMEM.
 */
int other_nodes(struct other_node **ret, size_t *count, struct texts *problems,
		const struct node_routes_input *input);
