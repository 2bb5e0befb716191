/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Service CIDRs: the addresses that are services', or nobody's. What is for one that no service
 * has goes nowhere: else it would leave by the default route, and perhaps come back.
 */
#pragma once

#include "lib/peer.h"
#include "lib/service_table.h"

/* There are services, or addresses that only services have. */
static __always_inline _Bool services_exist(void)
{
	const volatile struct node_state *node = node_find();

	return node && node->services | node->service_cidrs;
}

static __always_inline _Bool service_cidr_has(const struct service_cidr *cidr,
					      const struct ip_addr *addr)
{
	const __u64 *base = cidr->addr.halves, *rest = cidr->rest.halves;

	return !(((addr->halves[0] ^ base[0]) & ~rest[0]) |
		 ((addr->halves[1] ^ base[1]) & ~rest[1]));
}

int addr_is_unallocated(const struct ip_addr *addr);

/* Of a service CIDR, and of no service; nor of a pod or node that has it nevertheless. */
SUBPROGRAM int addr_is_unallocated(const struct ip_addr *addr)
{
	const struct node_state *node = node_find();
	_Bool has = 0;

	if (!addr || !node || !node->service_cidrs)
		return 0;
	for (int i = 0; i < SERVICE_CIDRS_MAX && !has; i++)
		has = service_cidr_has(&node->service_cidr[i], addr);
	return has && !frontend_find(addr, 0, 0) && !peer_find(addr);
}
