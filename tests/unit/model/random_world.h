/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A random small cluster, made so that things collide: few labels, few
 * addresses, nested blocks. The same seed gives the same cluster.
 */
#pragma once

#include "model/image.h"
#include "naive.h"

#define WORLD_ENDPOINTS 8

struct world {
	uint64_t random;
	struct store *store;
	struct image_endpoint endpoints[WORLD_ENDPOINTS];
	struct ip_addr host_ips[2];
	struct image_input input; /* of image_compile() */
	unsigned int wide; /* 0..3: how many rule groups policies shall make */
};

void world_init(struct world *world, uint64_t seed);
void world_done(struct world *world);

/* Change something. */
void world_step(struct world *world);

/* A packet from or to an endpoint; @subject becomes that endpoint. */
struct naive_packet world_packet(struct world *world, enum policy_dir dir,
				 const struct image_endpoint **subject);

/* 0 .. @n - 1 */
unsigned int world_random(struct world *world, unsigned int n);
