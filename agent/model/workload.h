/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the pods of one workload have in common. A Deployment's pods differ in
 * name, node and address only: their labels and ports are kept once, for the whole
 * process, and the compiler looks at them once. Not for several threads.
 */
#pragma once

#include "model/objects.h"

struct workload {
	struct labels labels;
	struct container_port *ports;
	size_t port_count;
	uint64_t id; /* never given twice */
};

/*
 * The pod's labels and ports become those of its workload, until pod_done(); nothing
 * happens when they are already. 0, or -ENOMEM: the pod is as it was.
 */
int workload_join(struct pod *pod);

/* The last pod that leaves takes labels and ports with it. */
void workload_leave(struct pod *pod);
