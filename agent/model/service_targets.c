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

/* An address, and how many have it. */
struct counted {
	struct pool_link link;
	struct ip_addr addr;
	uint32_t count;
};

static uint32_t addr_hash(const struct ip_addr *addr)
{
	return pool_hash(0, addr, sizeof(*addr));
}

static uint32_t counted_hash(const void *item)
{
	const struct counted *counted = item;

	return addr_hash(&counted->addr);
}

static struct counted *counted_at(const struct pool *pool, uint32_t number)
{
	return pool_at(pool, number);
}

/* Its number, 0: nobody has it. */
static uint32_t find(const struct pool *pool, const struct ip_addr *addr)
{
	for (uint32_t i = pool_first(pool, addr_hash(addr)); i; i = pool_next(pool, i))
		if (ip_addr_equal(&counted_at(pool, i)->addr, addr))
			return i;
	return 0;
}

/* How many have it now, or -ENOMEM. */
static int count_one(struct pool *pool, const struct ip_addr *addr)
{
	struct counted counted = { .addr = *addr, .count = 1 };
	uint32_t number = find(pool, addr);

	if (number)
		return (int)++counted_at(pool, number)->count;
	return pool_add(pool, &counted) ? 1 : -ENOMEM;
}

/* How many are left. */
static uint32_t uncount_one(struct pool *pool, const struct ip_addr *addr)
{
	uint32_t number = find(pool, addr);

	if (!number || --counted_at(pool, number)->count)
		return number ? counted_at(pool, number)->count : 0;
	pool_remove(pool, number);
	return 0;
}

void targets_init(struct services *services)
{
	pool_init(&services->targets, sizeof(struct counted), counted_hash);
	pool_init(&services->cluster_ips, sizeof(struct counted), counted_hash);
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

int targets_add(struct services *services, const struct endpoint_slice *slice)
{
	for (size_t i = 0; i < slice->endpoint_count; i++) {
		const struct ip_addr *addr = &slice->endpoints[i].addr;
		int count = count_one(&services->targets, addr);

		if (count < 0)
			return count;
		services->look |= count == 1 && find(&services->cluster_ips, addr);
	}
	return 0;
}

void targets_remove(struct services *services, const struct endpoint_slice *slice)
{
	for (size_t i = 0; i < slice->endpoint_count; i++)
		uncount_one(&services->targets, &slice->endpoints[i].addr);
}

int cluster_ips_add(struct services *services, const struct service *service)
{
	for (size_t i = 0; service_is_served(service) && i < service->cluster_ip_count; i++) {
		int count = count_one(&services->cluster_ips, &service->cluster_ips[i]);

		if (count < 0)
			return count;
		if (count > 1 || !find(&services->targets, &service->cluster_ips[i]))
			continue;
		services->look = true;
		services->look_at_targets = true;
	}
	return 0;
}

void cluster_ips_remove(struct services *services, const struct service *service)
{
	for (size_t i = 0; service_is_served(service) && i < service->cluster_ip_count; i++) {
		target_changed(services, &service->cluster_ips[i]);
		uncount_one(&services->cluster_ips, &service->cluster_ips[i]);
	}
}

bool target_is_cluster_ip(const struct services *services, const struct ip_addr *addr)
{
	return find(&services->cluster_ips, addr) && find(&services->targets, addr);
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
