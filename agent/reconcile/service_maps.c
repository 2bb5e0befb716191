// SPDX-License-Identifier: Apache-2.0
#include "reconcile/service_maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "reconcile/service_shadow.h"

/* What was written before is seen by whoever sees this. */
#define STORE(p, value) __atomic_store_n(p, value, __ATOMIC_RELEASE)

int service_maps_open(struct service_maps *maps, struct datapath *dp, uint32_t maglev_size)
{
	uint32_t ports = datapath_map_entries_max(dp, MAP_SERVICE_PORT);
	uint32_t hits = datapath_map_entries_max(dp, MAP_SERVICE_HIT);

	*maps = (struct service_maps){
		.dp = dp,
		.port_max = ports < hits ? ports : hits,
		.backend_max = datapath_map_entries_max(dp, MAP_BACKEND),
		.slot_max = datapath_map_entries_max(dp, MAP_BACKEND_SLOT),
		.frontend_max = { datapath_map_entries_max(dp, MAP_FRONTEND4),
				  datapath_map_entries_max(dp, MAP_FRONTEND6) },
		.range_max = { datapath_map_entries_max(dp, MAP_SERVICE_RANGE4),
			       datapath_map_entries_max(dp, MAP_SERVICE_RANGE6) },
		.maglev_size = maglev_size,
	};
	return service_shadow_new(&maps->shadow, maps);
}

void service_maps_close(struct service_maps *maps)
{
	service_shadow_free(maps->shadow);
	maps->shadow = NULL;
}

static volatile struct service_port *port_at(const struct service_maps *maps, uint32_t number)
{
	return datapath_element(maps->dp, MAP_SERVICE_PORT, number);
}

static volatile struct backend *backend_at(const struct service_maps *maps, uint32_t number)
{
	return datapath_element(maps->dp, MAP_BACKEND, number);
}

uint64_t service_maps_set(const struct service_maps *maps, uint32_t number, enum service_set set)
{
	return maps->shadow->ports[number].sets[set];
}

uint32_t service_maps_affinity(const struct service_maps *maps, uint32_t number)
{
	return maps->shadow->ports[number].affinity_s;
}

uint32_t service_maps_slot(const struct service_maps *maps, uint32_t slot)
{
	return maps->shadow->slots[slot];
}

struct backend service_maps_backend(const struct service_maps *maps, uint32_t number)
{
	return maps->shadow->backends[number];
}

uint32_t service_maps_count(const struct service_maps *maps)
{
	return maps->shadow->count;
}

void service_maps_widen(struct frontend_key *ret, bool v4, const void *key)
{
	const struct frontend4_key *key4 = key;
	const struct frontend6_key *key6 = key;

	if (v4) {
		*ret = (struct frontend_key){ .port = key4->port, .proto = key4->proto };
		ip_addr_set_v4(&ret->addr, key4->addr);
	} else {
		*ret = (struct frontend_key){ key6->addr, key6->port, key6->proto };
	}
}

enum datapath_map service_maps_narrow(struct frontend6_key *ret, const struct frontend_key *key)
{
	struct frontend4_key key4 = { .port = key->port, .proto = key->proto };

	*ret = (struct frontend6_key){ .addr = key->addr, .port = key->port, .proto = key->proto };
	if (!ip_addr_is_v4(&key->addr))
		return MAP_FRONTEND6;
	key4.addr = key->addr.words[3];
	memcpy(ret, &key4, sizeof(key4));
	return MAP_FRONTEND4;
}

static int each_of(const struct service_maps *maps, enum datapath_map map,
		   int (*fn)(const struct frontend_key *key, const struct frontend *value,
			     void *arg),
		   void *arg)
{
	struct frontend6_key before, next; /* large enough for either */
	int fd = datapath_map_fd(maps->dp, map), r;
	const void *at = NULL;
	struct frontend_key key;
	struct frontend value;

	while (!bpf_map_get_next_key(fd, at, &next)) {
		before = next;
		at = &before;
		if (bpf_map_lookup_elem(fd, &next, &value))
			continue;
		service_maps_widen(&key, map == MAP_FRONTEND4, &next);
		r = fn(&key, &value, arg);
		if (r)
			return r;
	}
	return errno == ENOENT ? 0 : -errno;
}

int service_maps_each_frontend(const struct service_maps *maps,
			       int (*fn)(const struct frontend_key *key,
					 const struct frontend *value, void *arg),
			       void *arg)
{
	int r = each_of(maps, MAP_FRONTEND4, fn, arg);

	return r ?: each_of(maps, MAP_FRONTEND6, fn, arg);
}

int service_maps_hits(struct service_hit *ret, const struct service_maps *maps, uint32_t number)
{
	int cpus = libbpf_num_possible_cpus();
	cleanup(freep) struct service_hit *hits = cpus > 0 ? calloc((size_t)cpus, sizeof(*hits)) :
							     NULL;

	*ret = (struct service_hit){};
	if (!hits)
		return cpus < 0 ? cpus : -ENOMEM;
	if (bpf_map_lookup_elem(datapath_map_fd(maps->dp, MAP_SERVICE_HIT), &number, hits))
		return -errno;
	for (int cpu = 0; cpu < cpus; cpu++) {
		ret->connections += hits[cpu].connections;
		ret->refused += hits[cpu].refused;
		ret->silent += hits[cpu].silent;
	}
	return 0;
}

void service_maps_turn(struct service_maps *maps, uint32_t number, enum service_set set,
		       uint64_t ref)
{
	service_shadow_port(maps->shadow, number)->sets[set] = ref;
	STORE(&port_at(maps, number)->sets[set], ref);
}

void service_maps_set_affinity(struct service_maps *maps, uint32_t number, uint32_t seconds)
{
	service_shadow_port(maps->shadow, number)->affinity_s = seconds;
	STORE(&port_at(maps, number)->affinity_s, seconds);
}

void service_maps_set_slot(struct service_maps *maps, uint32_t slot, uint32_t backend)
{
	*service_shadow_slot(maps->shadow, slot) = backend;
	STORE((volatile uint32_t *)datapath_element(maps->dp, MAP_BACKEND_SLOT, slot), backend);
}

void service_maps_fill(struct service_maps *maps, uint32_t number, const struct backend *backend)
{
	struct backend *shadow = service_shadow_backend(maps->shadow, number);
	volatile struct backend *record = backend_at(maps, number);

	*shadow = (struct backend){ .addr = backend->addr,
				    .port = backend->port,
				    .proto = backend->proto,
				    .flags = backend->flags,
				    .generation = backend->generation,
				    .service = shadow->service };
	record->addr.halves[0] = backend->addr.halves[0];
	record->addr.halves[1] = backend->addr.halves[1];
	record->port = backend->port;
	record->proto = backend->proto;
	record->flags = backend->flags;
	record->generation = backend->generation;
	record->pad = 0;
}

void service_maps_own(struct service_maps *maps, uint32_t number, uint32_t service)
{
	service_shadow_backend(maps->shadow, number)->service = service;
	STORE(&backend_at(maps, number)->service, service);
}

void service_maps_set_flags(struct service_maps *maps, uint32_t number, uint8_t flags)
{
	service_shadow_backend(maps->shadow, number)->flags = flags;
	STORE(&backend_at(maps, number)->flags, flags);
}

void service_maps_set_generation(struct service_maps *maps, uint32_t number, uint32_t generation)
{
	service_shadow_backend(maps->shadow, number)->generation = generation;
	STORE(&backend_at(maps, number)->generation, generation);
}

void service_maps_set_count(struct service_maps *maps, uint32_t count)
{
	maps->shadow->count = count;
	STORE(&datapath_state(maps->dp)->services, count);
}

int service_maps_put(struct service_maps *maps, const struct frontend_key *key,
		     const struct frontend *value)
{
	struct frontend6_key narrowed;
	int fd = datapath_map_fd(maps->dp, service_maps_narrow(&narrowed, key));

	if (!bpf_map_update_elem(fd, &narrowed, value, BPF_ANY))
		return 0;
	return errno == E2BIG ? -ENOSPC : -errno;
}

int service_maps_delete(struct service_maps *maps, const struct frontend_key *key)
{
	struct frontend6_key narrowed;
	int fd = datapath_map_fd(maps->dp, service_maps_narrow(&narrowed, key));

	return bpf_map_delete_elem(fd, &narrowed) && errno != ENOENT ? -errno : 0;
}

int service_maps_clear_hits(struct service_maps *maps, uint32_t number)
{
	int cpus = libbpf_num_possible_cpus();
	cleanup(freep) struct service_hit *hits = cpus > 0 ? calloc((size_t)cpus, sizeof(*hits)) :
							     NULL;

	if (!hits)
		return cpus < 0 ? cpus : -ENOMEM;
	if (bpf_map_update_elem(datapath_map_fd(maps->dp, MAP_SERVICE_HIT), &number, hits, BPF_ANY))
		return -errno;
	return 0;
}
