/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's control API, as far as the plugin needs it. */
#pragma once

#include <stdint.h>

#include "base/addr.h"
#include "cni/call.h"
#include "weir/linkname.h"

#define LEASE_IPS_MAX 2 /* one of each family */

struct lease_ip {
	struct ip_addr addr;
	struct ip_addr gateway;
	uint8_t bits;
};

/* What the agent reserved for a pod. */
struct agent_lease {
	char host_ifname[LINKNAME_MAX];
	uint32_t host_ifindex;
	uint32_t mtu;
	uint8_t mac[MAC_BYTES];
	uint8_t host_mac[MAC_BYTES];
	struct lease_ip ips[LEASE_IPS_MAX];
	int ip_count;
};

/*
 * All: 0 or a negative CNI code; CNI_TRY_AGAIN when no agent answers in time.
 *
 * agent_add() waits a moment for an agent that is just being restarted. @delegated
 * and @chained are members of the request, or NULL; not consumed. @ret may be NULL
 * for a chained call, which needs nothing of the answer.
 */
int agent_add(struct agent_lease *ret, const struct cni_call *call, json_t *delegated,
	      json_t *chained, struct cni_error *error);
int agent_attach(const struct cni_call *call, uint32_t host_ifindex, const char *mac,
		 struct cni_error *error);
int agent_del(const struct cni_call *call, struct cni_error *error);
int agent_check(const struct cni_call *call, json_t *ips, struct cni_error *error);
int agent_status(const struct cni_call *call, struct cni_error *error);
int agent_gc(const struct cni_call *call, json_t *valid, struct cni_error *error);
