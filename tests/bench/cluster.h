/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster to compile: namespaces of 100 pods, ten workloads of ten pods each.
 *
 * Labels are as people have them: app, tier, pod-template-hash, and a name of its
 * own for each pod of a tenth of the workloads (StatefulSets). Policies select a
 * workload and allow workloads of their own namespace, namespaces of a team, a
 * port or two, and addresses outside.
 */
#pragma once

#include "model/image.h"

#define CLUSTER_NODE "node-0"
#define CLUSTER_WORKLOADS 10 /* a namespace */

struct cluster_size {
	uint32_t pods;
	uint32_t local; /* pods of this node among them */
	uint32_t policies;
	uint32_t nodes;
};

struct cluster {
	struct cluster_size size;
	uint32_t namespaces;
	struct store *store;
	struct image_endpoint *endpoints;
	size_t endpoint_count;
	struct image_input input;
};

void cluster_make(struct cluster *cluster, const struct cluster_size *size);
void cluster_done(struct cluster *cluster);

/* The objects as they are made; @turn makes them different from what they were. */
void cluster_put_policy(struct cluster *cluster, uint32_t policy, uint32_t turn);
void cluster_put_policy_peer(struct cluster *cluster, uint32_t policy, uint32_t turn);
void cluster_put_pod(struct cluster *cluster, uint32_t pod, uint32_t turn);
void cluster_put_namespace(struct cluster *cluster, uint32_t namespace, uint32_t turn);
void cluster_delete_pod(struct cluster *cluster, uint32_t pod);

/* Pods of this node are spread over all namespaces. */
bool cluster_is_local(const struct cluster *cluster, uint32_t pod);
/* A policy that selects pods of this node, and changes with @at. */
uint32_t cluster_local_policy(const struct cluster *cluster, uint32_t at);
