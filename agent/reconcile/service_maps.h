/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The maps of services (include/weir/service.h) as the service writer reads and writes
 * them: every function that is void or int and takes a value is one write, which a packet
 * sees as a whole. Tests put their own kernel behind these functions.
 */
#pragma once

#include <stdbool.h>

#include "datapath/datapath.h"
#include "weir/service.h"

struct service_shadow;

struct service_maps {
	struct datapath *dp;
	struct service_shadow *shadow; /* what the arrays shall hold (service_shadow.h) */
	uint32_t port_max; /* numbers are below */
	uint32_t backend_max;
	uint32_t slot_max;
	uint32_t frontend_max[2]; /* entries; IPv4, IPv6 */
	uint32_t range_max[2];
	uint32_t maglev_size; /* of tables, a prime (model/maglev.h); 0: there are none */
};

/* Both families have one key here. With port and protocol 0: an address. */
struct frontend_key {
	struct ip_addr addr;
	__be16 port;
	uint8_t proto;
};

/* And here; @bits are SERVICE_RANGE_BITS and those of @addr. */
struct range_key {
	bool is_v4; /* the map */
	uint32_t bits;
	uint32_t service; /* number of the service port */
	struct ip_addr addr;
};

/* @maglev_size: see there. 0 or -ENOMEM. The service writer that gets the maps closes them. */
int service_maps_open(struct service_maps *maps, struct datapath *dp, uint32_t maglev_size);
void service_maps_close(struct service_maps *maps);

uint64_t service_maps_set(const struct service_maps *maps, uint32_t number, enum service_set set);
uint32_t service_maps_affinity(const struct service_maps *maps, uint32_t number);
uint32_t service_maps_slot(const struct service_maps *maps, uint32_t slot);
struct backend service_maps_backend(const struct service_maps *maps, uint32_t number);
/* What node_state says. */
uint32_t service_maps_count(const struct service_maps *maps);

/* The key as the kernel's map has it, which is returned; an IPv4 one in the beginning of @ret. */
enum datapath_map service_maps_narrow(struct frontend6_key *ret, const struct frontend_key *key);

void service_maps_widen(struct frontend_key *ret, bool v4, const void *key);

union range_raw_key {
	struct service_range4_key v4;
	struct service_range6_key v6;
};
enum datapath_map service_maps_narrow_range(union range_raw_key *ret, const struct range_key *key);

/* Calls @fn for each entry until it returns non-zero, and returns that. */
int service_maps_each_frontend(const struct service_maps *maps,
			       int (*fn)(const struct frontend_key *key,
					 const struct frontend *value, void *arg),
			       void *arg);

int service_maps_each_range(const struct service_maps *maps,
			    int (*fn)(const struct range_key *key, void *arg), void *arg);

/* Summed up over all processors. 0 or a negative errno. */
int service_maps_hits(struct service_hit *ret, const struct service_maps *maps, uint32_t number);

void service_maps_turn(struct service_maps *maps, uint32_t number, enum service_set set,
		       uint64_t ref);
void service_maps_set_affinity(struct service_maps *maps, uint32_t number, uint32_t seconds);
void service_maps_set_slot(struct service_maps *maps, uint32_t slot, uint32_t backend);

/* All of a free record but whose it is; nobody reads it before service_maps_own(). */
void service_maps_fill(struct service_maps *maps, uint32_t number, const struct backend *backend);
void service_maps_own(struct service_maps *maps, uint32_t number, uint32_t service);
void service_maps_set_flags(struct service_maps *maps, uint32_t number, uint8_t flags);
void service_maps_set_generation(struct service_maps *maps, uint32_t number, uint32_t generation);
void service_maps_set_count(struct service_maps *maps, uint32_t count);

/* 0, or a negative errno: -ENOSPC for a full table. */
int service_maps_put(struct service_maps *maps, const struct frontend_key *key,
		     const struct frontend *value);
int service_maps_delete(struct service_maps *maps, const struct frontend_key *key);
int service_maps_put_range(struct service_maps *maps, const struct range_key *key);
int service_maps_delete_range(struct service_maps *maps, const struct range_key *key);
int service_maps_clear_hits(struct service_maps *maps, uint32_t number);
