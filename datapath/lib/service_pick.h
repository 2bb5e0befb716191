/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The choice of a backend for a new connection: of a pod's packet, of a socket before it has
 * sent one, or of a packet from outside. The set is a run of slots, evenly used, in which the
 * connection has a place: a random one, or the one that it has on every node (weir/spread.h).
 */
#pragma once

#include "lib/endpoint.h"
#include "lib/service_table.h"

enum service_answer {
	SERVICE_FOUND,
	SERVICE_REFUSED, /* nobody is there: the client must know at once */
	SERVICE_UNREACHABLE, /* traffic policy Local, and only other nodes have endpoints */
};

/* Question and answer. */
struct service_pick {
	struct ip_addr client; /* who has session affinity; of the service's family */
	__u32 service; /* number of the service port */
	__u32 now; /* jiffies */
	__u32 place; /* in the set, of 2^32 */
	__u8 set; /* enum service_set */
	__u32 backend; /* the chosen one's number, */
	__u32 generation; /* and generation */
};

/* What @place of 2^32 is of @end, evenly but for what 2^32 leaves over. */
static __always_inline __u32 place_below(__u32 place, __u32 end)
{
	return (__u32)((__u64)place * end >> 32);
}

static __always_inline __u32 random_below(__u32 end)
{
	return place_below(bpf_get_prandom_u32(), end);
}

/* What is external comes from this node here, so its traffic policy Local does not count. */
static __always_inline enum service_set frontend_set(const struct frontend *frontend)
{
	return (frontend->flags & (FRONTEND_LOCAL | FRONTEND_EXTERNAL)) == FRONTEND_LOCAL ?
		       SERVICE_LOCAL : SERVICE_CLUSTER;
}

/* The backend that the client had, if it may have it again. */
static __always_inline _Bool affinity_recall(struct service_pick *pick, __u32 timeout_s)
{
	struct affinity *last = affinity_find(&pick->client, pick->service);
	const struct backend *record;

	if (!last || pick->now - last->used > timeout_s * config.hz)
		return 0;
	record = backend_find(last->backend);
	if (!record || record->service != pick->service ||
	    record->generation != last->generation || !(record->flags & 1 << pick->set))
		return 0;
	pick->backend = last->backend;
	pick->generation = last->generation;
	last->used = pick->now;
	return 1;
}

static __always_inline void affinity_remember(const struct service_pick *pick)
{
	struct affinity affinity = {};

	affinity.backend = pick->backend;
	affinity.generation = pick->generation;
	affinity.used = pick->now;
	affinity_put(&pick->client, pick->service, &affinity);
}

/* The one at the connection's place in the set. */
static __always_inline _Bool backend_at_place(struct service_pick *pick, __u64 ref)
{
	const struct backend *record;

	pick->backend = backend_at(service_set_first(ref) +
				   place_below(pick->place, service_set_count(ref)));
	record = backend_find(pick->backend);
	if (!record || record->service != pick->service)
		return 0;
	pick->generation = *(const volatile __u32 *)&record->generation;
	return 1;
}

/* Chooses from the set, and counts. */
static __always_inline enum service_answer service_pick(struct service_pick *pick)
{
	const struct service_port *port = service_find(pick->service);
	struct service_hit *hit = service_hit_find(pick->service);
	__u64 ref;

	if (!port || !hit)
		return SERVICE_REFUSED;
	ref = *(const volatile __u64 *)&port->sets[pick->set == SERVICE_LOCAL];
	if (!service_set_count(ref) && service_set_first(ref) == SERVICE_SILENT) {
		hit->silent++;
		return SERVICE_UNREACHABLE;
	}
	if (service_set_count(ref) && port->affinity_s && affinity_recall(pick, port->affinity_s)) {
		hit->connections++;
		return SERVICE_FOUND;
	}
	if (!service_set_count(ref) || !backend_at_place(pick, ref)) {
		hit->refused++;
		return SERVICE_REFUSED;
	}
	if (port->affinity_s)
		affinity_remember(pick);
	hit->connections++;
	return SERVICE_FOUND;
}
