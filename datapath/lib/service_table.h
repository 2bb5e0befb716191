/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The tables of services (weir/service.h), and the look-ups in them.
 */
#pragma once

#include "lib/flow.h"
#include "weir/maps.h"
#include "weir/service.h"

MAP(frontend4, HASH, struct frontend4_key, struct frontend, FRONTENDS_MAX, BPF_F_NO_PREALLOC);
MAP(frontend6, HASH, struct frontend6_key, struct frontend, FRONTENDS_MAX, BPF_F_NO_PREALLOC);
MAP(service_port, ARRAY, __u32, struct service_port, SERVICE_PORTS_MAX, BPF_F_MMAPABLE);
MAP(backend_slot, ARRAY, __u32, __u32, BACKEND_SLOTS_MAX, BPF_F_MMAPABLE);
MAP(backend, ARRAY, __u32, struct backend, BACKENDS_MAX, BPF_F_MMAPABLE);
MAP(affinity4, LRU_HASH, struct affinity4_key, struct affinity, AFFINITY_MAX, 0);
MAP(affinity6, LRU_HASH, struct affinity6_key, struct affinity, AFFINITY_MAX, 0);
MAP(service_range4, LPM_TRIE, struct service_range4_key, __u32, SERVICE_RANGES_MAX,
    BPF_F_NO_PREALLOC);
MAP(service_range6, LPM_TRIE, struct service_range6_key, __u32, SERVICE_RANGES_MAX,
    BPF_F_NO_PREALLOC);
MAP(service_hit, PERCPU_ARRAY, __u32, struct service_hit, SERVICE_PORTS_MAX, 0);

/* NULL: there is no such frontend. Port and protocol 0: the address itself. */
static __always_inline const struct frontend *frontend_find(const struct ip_addr *addr, __be16 port,
							    __u8 proto)
{
	const struct frontend *frontend;

	if (ip_addr_is_v4(addr)) {
		struct frontend4_key key = { .addr = addr->words[3], .port = port, .proto = proto };

		frontend = bpf_map_lookup_elem(&frontend4, &key);
		BRANCH_APART(4);
	} else {
		struct frontend6_key key = { .addr = *addr, .port = port, .proto = proto };

		frontend = bpf_map_lookup_elem(&frontend6, &key);
		BRANCH_APART(6);
	}
	return frontend;
}

static __always_inline const struct service_port *service_find(__u32 number)
{
	return bpf_map_lookup_elem(&service_port, &number);
}

static __always_inline struct service_hit *service_hit_find(__u32 number)
{
	return bpf_map_lookup_elem(&service_hit, &number);
}

/* loadBalancerSourceRanges of service port @number: may @addr use it? */
static __always_inline _Bool service_range_has(__u32 number, const struct ip_addr *addr)
{
	const __u32 *found;

	if (ip_addr_is_v4(addr)) {
		struct service_range4_key key = { SERVICE_RANGE_BITS + 32, bpf_htonl(number),
						  addr->words[3] };

		found = bpf_map_lookup_elem(&service_range4, &key);
		BRANCH_APART(4);
	} else {
		struct service_range6_key key = { SERVICE_RANGE_BITS + 128, bpf_htonl(number),
						  *addr };

		found = bpf_map_lookup_elem(&service_range6, &key);
		BRANCH_APART(6);
	}
	return !!found;
}

/* NULL: the number is out of range. Number 0 is nobody's. */
static __always_inline const struct backend *backend_find(__u32 number)
{
	return bpf_map_lookup_elem(&backend, &number);
}

/* The backend that was there in @generation is there still. */
static __always_inline _Bool backend_is_current(__u32 number, __u32 generation)
{
	const struct backend *record = backend_find(number);

	return record && record->service &&
	       *(const volatile __u32 *)&record->generation == generation;
}

/* The number in a slot, 0: none. */
static __always_inline __u32 backend_at(__u32 slot)
{
	const __u32 *number = bpf_map_lookup_elem(&backend_slot, &slot);

	return number ? *number : 0;
}

static __always_inline struct affinity *affinity_find(const struct ip_addr *client, __u32 service)
{
	struct affinity *affinity;

	if (ip_addr_is_v4(client)) {
		struct affinity4_key key = { .client = client->words[3], .service = service };

		affinity = bpf_map_lookup_elem(&affinity4, &key);
		BRANCH_APART(4);
	} else {
		struct affinity6_key key = { .client = *client, .service = service };

		affinity = bpf_map_lookup_elem(&affinity6, &key);
		BRANCH_APART(6);
	}
	return affinity;
}

/* When this fails the client's next connection may go elsewhere: nothing to do here. */
static __always_inline void affinity_put(const struct ip_addr *client, __u32 service,
					 const struct affinity *affinity)
{
	if (ip_addr_is_v4(client)) {
		struct affinity4_key key = { .client = client->words[3], .service = service };

		bpf_map_update_elem(&affinity4, &key, affinity, BPF_ANY);
		BRANCH_APART(4);
	} else {
		struct affinity6_key key = { .client = *client, .service = service };

		bpf_map_update_elem(&affinity6, &key, affinity, BPF_ANY);
		BRANCH_APART(6);
	}
}
