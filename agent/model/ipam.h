/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address pools.
 *
 * A pool hands out host addresses of one prefix, each time the next free one
 * after the last that was given, so that an address rests as long as possible
 * before somebody else gets it. It never hands out the network address, the
 * first address (the gateway) or the broadcast address of IPv4.
 *
 * A bit map serves the first IPAM_SPAN addresses of the prefix; addresses beyond
 * are given only when they are asked for by name.
 */
#pragma once

#include <stdbool.h>

#include "model/objects.h"

#define IPAM_SPAN 65536
#define IPAM_FAR_MAX 65536 /* addresses beyond the span that may be held at once */

struct ipam_pool;

/* The first host address of @prefix, which is the gateway of the pods in it. */
struct ip_addr ipam_gateway(const struct prefix *prefix);

/* It has addresses that no pod and no service can have: loopback, multicast and the like. */
bool ipam_prefix_is_special(const struct prefix *prefix);

/*
 * Why no pods can have their addresses from @prefix, as the end of a sentence: it has those of
 * special ranges, or no room. NULL: they can.
 */
const char *ipam_prefix_doubt(const struct prefix *prefix);

/* 0, -ENOMEM, or -EINVAL for a prefix that has no room for a gateway and one host. */
int ipam_pool_new(struct ipam_pool **ret, const struct prefix *prefix);
void ipam_pool_free(struct ipam_pool *pool);
void ipam_pool_freep(struct ipam_pool **pool);

/* 0, or -ENOSPC. */
int ipam_pool_take(struct ip_addr *ret, struct ipam_pool *pool);

/*
 * Take @addr. -ERANGE: not of this pool; -EINVAL: network, gateway or broadcast
 * address; -EADDRINUSE: somebody has it; -ENOSPC, -ENOMEM: no room for an
 * address beyond the span.
 */
int ipam_pool_take_addr(struct ipam_pool *pool, const struct ip_addr *addr);

/* Give @addr back; an address that is not taken, or not of this pool, is ignored. */
void ipam_pool_release(struct ipam_pool *pool, const struct ip_addr *addr);

bool ipam_pool_contains(const struct ipam_pool *pool, const struct ip_addr *addr);
/* Network, gateway or broadcast address: no pod's. */
bool ipam_pool_is_reserved(const struct ipam_pool *pool, const struct ip_addr *addr);
struct ip_addr ipam_pool_gateway(const struct ipam_pool *pool);
const struct prefix *ipam_pool_prefix(const struct ipam_pool *pool);
size_t ipam_pool_used(const struct ipam_pool *pool);
/* Addresses that ipam_pool_take() can still give. */
size_t ipam_pool_available(const struct ipam_pool *pool);
