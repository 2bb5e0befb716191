/* SPDX-License-Identifier: Apache-2.0 */
/* The maps of nodes at the far end of a tunnel (weir/node.h). */
#pragma once

#include "datapath/datapath.h"
#include "weir/node.h"

struct node_cidr_row {
	struct prefix prefix;
	struct node_cidr value;
};

/*
 * Makes the maps hold @rows and nothing else; @rows is put in order. What the kernel has already
 * stays untouched. With @keep what is there besides stays as well. 0, -ENOMEM or the kernel's
 * errno: what could be written is.
 */
int node_cidrs_apply(struct datapath *dp, struct node_cidr_row *rows, size_t count, bool keep);
