/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a service's address to one of its backends, for clients on this node: pods and
 * the node's own sockets. What is external comes from here, so its traffic policy Local
 * has no meaning.
 */
#pragma once

#include "lib/endpoint.h"
#include "lib/service_table.h"

enum service_answer {
	SERVICE_NONE, /* the address is no service's, or does not care about that port */
	SERVICE_FOUND,
	SERVICE_REFUSED, /* nobody is there: the client must know at once */
	SERVICE_DROPPED, /* the service does not want this client, and says nothing */
};

/* A question, and as much of the answer as the functions below have found. */
struct service_ask {
	struct ip_addr addr; /* of the service */
	struct ip_addr client; /* who has session affinity */
	__be16 port;
	__u8 proto;
	__u8 set; /* enum service_set: to choose from */
	__u32 flags; /* enum frontend_flag: of what was asked for */
	__u32 now; /* jiffies */
	__u32 service; /* number of the service port; 0: not known */
	__u32 backend; /* number of the chosen one */
	__u32 generation; /* of the chosen one */
};

/* Port and protocol 0: the entry of the address itself. */
static __always_inline const struct frontend *frontend_find(const struct ip_addr *addr,
							    __be16 port, __u8 proto)
{
	const struct frontend *found;

	if (ip_addr_is_v4(addr)) {
		struct frontend4_key key = { .addr = addr->words[3], .port = port, .proto = proto };

		found = bpf_map_lookup_elem(&frontend4, &key);
		BRANCH_APART(4);
	} else {
		struct frontend6_key key = { .addr = *addr, .port = port, .proto = proto };

		found = bpf_map_lookup_elem(&frontend6, &key);
		BRANCH_APART(6);
	}
	return found;
}

/*
 * Which service port is meant, and which of its sets counts. Whether the client is in the
 * source ranges (FRONTEND_RANGES) is for the caller to judge.
 */
static __always_inline enum service_answer service_find(struct service_ask *ask)
{
	const struct frontend *frontend, *address = frontend_find(&ask->addr, 0, 0);

	ask->service = 0;
	if (!address)
		return SERVICE_NONE;
	frontend = frontend_find(&ask->addr, ask->port, ask->proto);
	if (!frontend)
		return address->flags & FRONTEND_WHOLE ? SERVICE_REFUSED : SERVICE_NONE;
	ask->service = frontend->service;
	ask->flags = frontend->flags;
	ask->set = (ask->flags & (FRONTEND_LOCAL | FRONTEND_EXTERNAL)) == FRONTEND_LOCAL ?
			   SERVICE_LOCAL :
			   SERVICE_CLUSTER;
	return SERVICE_FOUND;
}

/* The record of a backend of this service port that has not ended, or NULL. */
static __always_inline const struct backend *backend_alive(const struct service_ask *ask,
							   __u32 number, __u32 generation)
{
	const struct backend *found = bpf_map_lookup_elem(&backend, &number);

	return found && found->service == ask->service && found->generation == generation ? found :
											   NULL;
}

static __always_inline struct affinity *affinity_find(const struct service_ask *ask)
{
	struct affinity *found;

	if (ip_addr_is_v4(&ask->addr)) {
		struct affinity4_key key = { .client = ask->client.words[3],
					     .service = ask->service };

		found = bpf_map_lookup_elem(&affinity4, &key);
		BRANCH_APART(4);
	} else {
		struct affinity6_key key = { .client = ask->client, .service = ask->service };

		found = bpf_map_lookup_elem(&affinity6, &key);
		BRANCH_APART(6);
	}
	return found;
}

/* Should there be no room, the client's next connection chooses freely once more. */
static __always_inline void affinity_put(const struct service_ask *ask)
{
	struct affinity affinity = { .backend = ask->backend, .generation = ask->generation,
				     .used = ask->now };

	if (ip_addr_is_v4(&ask->addr)) {
		struct affinity4_key key = { .client = ask->client.words[3],
					     .service = ask->service };

		bpf_map_update_elem(&affinity4, &key, &affinity, BPF_ANY);
		BRANCH_APART(4);
	} else {
		struct affinity6_key key = { .client = ask->client, .service = ask->service };

		bpf_map_update_elem(&affinity6, &key, &affinity, BPF_ANY);
		BRANCH_APART(6);
	}
}

/* The backend that the client had before, when it may have it again. */
static __always_inline const struct backend *affinity_backend(struct service_ask *ask,
							      __u32 lifetime_s)
{
	struct affinity *affinity = affinity_find(ask);
	const struct backend *found;

	if (!affinity || ask->now - affinity->used > lifetime_s * config.hz)
		return NULL;
	found = backend_alive(ask, affinity->backend, affinity->generation);
	if (!found || !(found->flags & 1 << ask->set))
		return NULL;
	affinity->used = ask->now;
	ask->backend = affinity->backend;
	ask->generation = affinity->generation;
	return found;
}

/* One of the set that @ref names, each as likely. */
static __always_inline const struct backend *service_random(struct service_ask *ask, __u64 ref)
{
	__u32 slot = service_set_first(ref) + bpf_get_prandom_u32() % service_set_count(ref);
	const __u32 *number = bpf_map_lookup_elem(&backend_slot, &slot);
	const struct backend *found;

	if (!number)
		return NULL;
	ask->backend = *number;
	found = bpf_map_lookup_elem(&backend, &ask->backend);
	if (!found || found->service != ask->service)
		return NULL;
	ask->generation = found->generation;
	return found;
}

/*
 * Stage: a backend for a new connection to what service_find() has found. *@ret stays
 * valid until the program ends; where it is NULL the answer is not SERVICE_FOUND.
 */
static __always_inline enum service_answer service_choose(struct service_ask *ask,
							  const struct backend **ret)
{
	const struct service_port *service = bpf_map_lookup_elem(&service_port, &ask->service);
	__u64 ref;

	*ret = NULL;
	if (!service)
		return SERVICE_REFUSED;
	ref = *(const volatile __u64 *)&service->sets[ask->set == SERVICE_LOCAL];
	if (!service_set_count(ref))
		return service_set_first(ref) == SERVICE_SILENT ? SERVICE_DROPPED : SERVICE_REFUSED;
	if (service->affinity_s) {
		*ret = affinity_backend(ask, service->affinity_s);
		if (*ret)
			return SERVICE_FOUND;
	}
	*ret = service_random(ask, ref);
	if (!*ret)
		return SERVICE_REFUSED;
	if (service->affinity_s)
		affinity_put(ask);
	return SERVICE_FOUND;
}

/* Counts what became of a new connection to a service. */
static __always_inline void service_count(const struct service_ask *ask, enum service_answer answer)
{
	struct service_hit *hit = bpf_map_lookup_elem(&service_hit, &ask->service);

	if (!hit || !ask->service)
		return;
	if (answer == SERVICE_FOUND)
		hit->connections++;
	else if (answer == SERVICE_REFUSED)
		hit->refused++;
	else
		hit->silent++;
}
