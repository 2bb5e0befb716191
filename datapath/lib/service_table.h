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
MAP(service_hit, PERCPU_ARRAY, __u32, struct service_hit, SERVICE_PORTS_MAX, 0);
