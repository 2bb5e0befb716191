// SPDX-License-Identifier: Apache-2.0
#include "hostsim/fuzz_services.h"

#include "bpf/services.h"

#define WEB 1
#define OTHER 2
#define BACKENDS 4

static const enum who ends[] = { POD_A, POD_B, POD_C, POD_AWAY, HOST, WORLD };
static const uint8_t protos[] = { 6, 17, 132 };

static void frontends_put(enum who vip, uint32_t service, uint32_t flags)
{
	for (size_t i = 0; i < sizeof(protos); i++) {
		frontend_put(vip, 53, protos[i], service, flags);
		frontend_put(vip, 80, protos[i], service, flags);
	}
}

void services_begin(void)
{
	frontends_put(VIP, WEB, FRONTEND_WHOLE);
	frontends_put(VIP_2, OTHER, FRONTEND_WHOLE | FRONTEND_LOCAL);
	for (uint32_t i = 0; i < BACKENDS; i++) {
		backend_put(1 + i, WEB, ends[i], 80, BACKEND_IN_CLUSTER);
		backend_put(10 + i, OTHER, ends[i], 53, BACKEND_IN_LOCAL);
	}
	set_put(WEB, SERVICE_CLUSTER, 1, BACKENDS);
	set_put(OTHER, SERVICE_LOCAL, 10, BACKENDS);
}

void services_event(const struct record *record)
{
	uint32_t service = record->arg[1] & 1 ? WEB : OTHER, first = service == WEB ? 1 : 10;
	enum service_set set = record->arg[1] & 2 ? SERVICE_LOCAL : SERVICE_CLUSTER;
	uint32_t n = record->arg[2] % BACKENDS;

	switch (record->arg[0] % 7) {
	case 0:
		return backend_end(first + n);
	case 1:
		return backend_put(first + n, service, ends[record->arg[3] % 6],
				   record->arg[4] & 1 ? 80 : 8080, record->arg[5] & 3);
	case 2:
		return set_put(service, set, first + n, 1 + record->arg[3] % (BACKENDS - n));
	case 3:
		return set_empty(service, set, record->arg[3] & 1 ? SERVICE_SILENT : SERVICE_REFUSE);
	case 4:
		return affinity_set(service, record->arg[3] & 1 ? record->arg[4] : 0);
	case 5:
		return frontends_put(record->arg[2] & 1 ? VIP : VIP_2, service, record->arg[3] & 15);
	default:
		return frontend_clear(VIP, record->arg[2] & 1 ? 80 : 0, record->arg[2] & 1 ? 17 : 0);
	}
}
