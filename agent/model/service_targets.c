// SPDX-License-Identifier: Apache-2.0
/*
 * Endpoints that are ClusterIPs. Packets would be translated to an address that no host has, and
 * leave the node or go round; "the endpoint IP addresses cannot be the cluster IPs of other
 * Kubernetes Services" (kubernetes.io, Service without selectors).
 *
 * Only ClusterIPs, which an API server gives out and which are from its own range. External IPs
 * and load balancer addresses are whatever a Service names: who may write a Service could take
 * any host outside from others' endpoints. So could a ClusterIP without an API server, and
 * therefore what a Node or Pod has stays an endpoint.
 *
 * Which comes first does not matter. There are many endpoints and hardly ever such a one, so
 * of the endpoints only the addresses are counted: whose they are is looked up among all of
 * them when a ClusterIP comes or goes that is one of theirs.
 */
#include <errno.h>

#include "model/service_private.h"

/* A ClusterIP, and how many Services have it. */
struct cluster_ip {
	struct pool_link link;
	struct ip_addr addr;
	uint32_t count;
};

/*
 * The addresses of endpoints with one hash, and how many there are. Two addresses may share
 * it: then Services are looked at for nothing, but only cluster_ips refuses.
 */
struct target {
	struct pool_link link;
	uint32_t hash;
	uint32_t count;
};

static uint32_t addr_hash(const struct ip_addr *addr)
{
	return pool_hash(0, addr, sizeof(*addr));
}

static uint32_t cluster_ip_hash(const void *item)
{
	const struct cluster_ip *cluster_ip = item;

	return addr_hash(&cluster_ip->addr);
}

static uint32_t target_hash(const void *item)
{
	const struct target *target = item;

	return target->hash;
}

static struct cluster_ip *find_cluster_ip(const struct services *services,
					  const struct ip_addr *addr, uint32_t *number)
{
	const struct pool *pool = &services->cluster_ips;

	for (uint32_t i = pool_first(pool, addr_hash(addr)); i; i = pool_next(pool, i)) {
		struct cluster_ip *found = pool_at(pool, i);

		*number = i;
		if (ip_addr_equal(&found->addr, addr))
			return found;
	}
	return NULL;
}

static struct target *find_target(const struct services *services, const struct ip_addr *addr,
				  uint32_t *number)
{
	const struct pool *pool = &services->targets;
	uint32_t hash = addr_hash(addr);

	for (uint32_t i = pool_first(pool, hash); i; i = pool_next(pool, i)) {
		struct target *found = pool_at(pool, i);

		*number = i;
		if (found->hash == hash)
			return found;
	}
	return NULL;
}

static bool is_cluster_ip(const struct services *services, const struct ip_addr *addr)
{
	uint32_t number;

	return find_cluster_ip(services, addr, &number);
}

static bool may_be_target(const struct services *services, const struct ip_addr *addr)
{
	uint32_t number;

	return find_target(services, addr, &number);
}

void targets_init(struct services *services)
{
	pool_init(&services->targets, sizeof(struct target), target_hash);
	pool_init(&services->cluster_ips, sizeof(struct cluster_ip), cluster_ip_hash);
}

void targets_clear(struct services *services)
{
	pool_clear(&services->targets);
	pool_clear(&services->cluster_ips);
}

void targets_done(struct services *services)
{
	pool_done(&services->targets);
	pool_done(&services->cluster_ips);
}

static int add_target(struct services *services, const struct ip_addr *addr)
{
	uint32_t number;
	struct target *target = find_target(services, addr, &number);

	if (target) {
		target->count++;
		return 0;
	}
	services->look |= is_cluster_ip(services, addr);
	target = &(struct target){ .hash = addr_hash(addr), .count = 1 };
	return pool_add(&services->targets, target) ? 0 : -ENOMEM;
}

int targets_add(struct services *services, const struct endpoint_slice *slice)
{
	int r = 0;

	for (size_t i = 0; !r && i < slice->endpoint_count; i++)
		r = add_target(services, &slice->endpoints[i].addr);
	return r;
}

void targets_remove(struct services *services, const struct endpoint_slice *slice)
{
	uint32_t number;

	for (size_t i = 0; i < slice->endpoint_count; i++) {
		struct target *target = find_target(services, &slice->endpoints[i].addr, &number);

		if (target && !--target->count)
			pool_remove(&services->targets, number);
	}
}

static int add_cluster_ip(struct services *services, const struct ip_addr *addr)
{
	struct cluster_ip *cluster_ip;
	uint32_t number;

	cluster_ip = find_cluster_ip(services, addr, &number);
	if (cluster_ip) {
		cluster_ip->count++;
		return 0;
	}
	if (may_be_target(services, addr)) {
		services->look = true;
		services->look_at_targets = true;
	}
	cluster_ip = &(struct cluster_ip){ .addr = *addr, .count = 1 };
	return pool_add(&services->cluster_ips, cluster_ip) ? 0 : -ENOMEM;
}

int cluster_ips_add(struct services *services, const struct service *service)
{
	int r = 0;

	for (size_t i = 0; !r && service_is_served(service) && i < service->cluster_ip_count; i++)
		r = add_cluster_ip(services, &service->cluster_ips[i]);
	return r;
}

static void remove_cluster_ip(struct services *services, const struct ip_addr *addr)
{
	uint32_t number;
	struct cluster_ip *cluster_ip;

	target_changed(services, addr);
	cluster_ip = find_cluster_ip(services, addr, &number);
	if (cluster_ip && !--cluster_ip->count)
		pool_remove(&services->cluster_ips, number);
}

void cluster_ips_remove(struct services *services, const struct service *service)
{
	for (size_t i = 0; service_is_served(service) && i < service->cluster_ip_count; i++)
		remove_cluster_ip(services, &service->cluster_ips[i]);
}

bool target_is_cluster_ip(const struct services *services, const struct ip_addr *addr)
{
	return is_cluster_ip(services, addr) && may_be_target(services, addr);
}

void target_changed(struct services *services, const struct ip_addr *addr)
{
	services->look_at_targets |= target_is_cluster_ip(services, addr);
}

bool target_is_refused(const struct services *services, const struct ip_addr *addr)
{
	return target_is_cluster_ip(services, addr) && !address_is_hosts(services, addr);
}

static bool has_refused_target(const struct services *services, const struct service_entry *entry)
{
	const struct object *const *slices = entry_slices(entry);

	for (size_t i = 0; i < entry->slice_count; i++)
		for (size_t j = 0; j < slices[i]->slice->endpoint_count; j++)
			if (target_is_refused(services, &slices[i]->slice->endpoints[j].addr))
				return true;
	return false;
}

/* Those that have had one are among those in trouble. */
void targets_look(struct services *services)
{
	const struct pool *pool = &services->entries;

	services->look_at_targets = false;
	for (uint32_t i = pool_walk(pool, 0); i; i = pool_walk(pool, i)) {
		const struct service_entry *entry = entry_at(services, i);

		if (entry->service && (entry->troubled || has_refused_target(services, entry)))
			entry_mark(services, i);
	}
}
